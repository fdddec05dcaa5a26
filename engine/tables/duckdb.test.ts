import { fileURLToPath } from 'node:url';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Batch, formatValue, getValue, type SqlType, type SqlValue } from '../../columnar/index.ts';
import type { TableSource } from '../table.ts';
import { openFile } from './file.ts';
import { columnsOf, rowsOf, TestFiles } from './testing.ts';

// DuckDB reads the same files: an independent opinion on what is in them.

const data = fileURLToPath(new URL('../../node_modules/vega-datasets/data/', import.meta.url));
const files = new TestFiles();
let duckdb: Awaited<ReturnType<DuckDBInstance['connect']>>;

beforeAll(async () => {
  duckdb = await (await DuckDBInstance.create(':memory:')).connect();
  await duckdb.run("SET TimeZone = 'UTC'");
});
afterAll(async () => {
  duckdb.closeSync();
  await files.remove();
});

async function ask(sql: string): Promise<(string | null)[][]> {
  const rows = (await duckdb.runAndReadAll(sql)).getRowsJson();
  return rows.map((row) => row.map((value) => (value === null ? null : String(value))));
}

/** count(*), then for every column count, min, max as text, and the sum of numbers. */
async function summary(table: TableSource): Promise<(string | null)[][]> {
  const columns = table.schema.fields.map((_, i) => i);
  const batches: Batch[] = [];
  for await (const batch of table.scan({ columns, signal: new AbortController().signal })) batches.push(batch);
  const total = batches.reduce((sum, batch) => sum + batch.numRows, 0);
  return table.schema.fields.map(({ type }, i) => {
    let count = 0;
    let low: SqlValue | null = null;
    let high: SqlValue | null = null;
    let sum = 0;
    for (const batch of batches) {
      for (let row = 0; row < batch.numRows; row++) {
        const value = getValue(batch.columns[i] as Batch['columns'][number], row);
        if (value === null) continue;
        count++;
        if (low === null || value < low) low = value;
        if (high === null || value > high) high = value;
        if (isNumber(type)) sum += Number(value);
      }
    }
    const shown = (value: SqlValue | null) => (value === null ? null : plain(type, formatValue(type, value)));
    return [String(total), String(count), shown(low), shown(high), isNumber(type) ? sum.toPrecision(10) : null];
  });
}

function isNumber({ kind }: SqlType): boolean {
  return kind === 'int4' || kind === 'int8' || kind === 'float8';
}

/** DuckDB writes `1.0` where we write `1`. */
function plain(type: SqlType, value: string): string {
  return type.kind === 'float8' ? String(Number(value)) : value;
}

async function summaryByDuckdb(table: TableSource, from: string): Promise<(string | null)[][]> {
  const names = (await duckdb.runAndReadAll(`SELECT * FROM ${from} LIMIT 0`)).columnNames();
  const rows: (string | null)[][] = [];
  for (const [i, { type }] of table.schema.fields.entries()) {
    const column = `"${names[i]}"`;
    const sum = isNumber(type) ? `sum(${column})::double` : 'NULL';
    const [row = []] = await ask(
      `SELECT count(*), count(${column}), min(${column})::text, max(${column})::text, ${sum} FROM ${from}`,
    );
    const total = row[4];
    const [count = null, values = null, low, high] = row;
    const shown = (value: string | null | undefined) => (typeof value === 'string' ? plain(type, value) : null);
    rows.push([
      count,
      values,
      shown(low),
      shown(high),
      total === null || total === undefined ? null : Number(total).toPrecision(10),
    ]);
  }
  return rows;
}

describe('the same counts, extremes and sums as DuckDB', () => {
  test.each(['airports.csv', 'flights-airport.csv', 'weather.csv', 'disasters.csv'])('%s', async (name) => {
    const table = await openFile(`${data}${name}`, { name: 't' });
    expect(await summary(table)).toEqual(await summaryByDuckdb(table, `read_csv('${data}${name}')`));
  });

  test('unemployment.tsv', async () => {
    const table = await openFile(`${data}unemployment.tsv`, { name: 't' });
    const from = `read_csv('${data}unemployment.tsv', delim = '\t')`;
    expect(await summary(table)).toEqual(await summaryByDuckdb(table, from));
  });

  test('an eighth of flights-3m.parquet', async () => {
    const path = `${data}flights-3m.parquet`;
    const table = await openFile(path, { name: 't', slice: { index: 3, of: 8 } });
    expect(columnsOf(table)).toEqual([
      'date timestamp without time zone',
      'delay bigint',
      'distance bigint',
      'origin text',
      'destination text',
    ]);
    const from = `(SELECT * EXCLUDE (file_row_number) FROM read_parquet('${path}', file_row_number = true)
      WHERE file_row_number >= 1125000 AND file_row_number < 1500000)`;
    expect(await summary(table)).toEqual(await summaryByDuckdb(table, from));
  });
});

const everyType = `SELECT
    CASE WHEN i % 7 = 0 THEN NULL ELSE i % 2 = 0 END AS a_boolean,
    (i * 37 % 256 - 128)::tinyint AS an_int1,
    CASE WHEN i % 5 = 0 THEN NULL ELSE i::integer - 500 END AS an_int4,
    (i * 9007199254740993)::bigint AS an_int8,
    (i + 4294960000)::uinteger AS a_uint4,
    (18446744073709550000 + i)::ubigint AS a_uint8,
    (i / 4)::real AS a_float4,
    CASE WHEN i % 3 = 0 THEN NULL ELSE i / 8 END::double AS a_float8,
    ((i - 300) * 1.25)::decimal(9, 2) AS a_decimal4,
    (i * -123456789012.5)::decimal(18, 3) AS a_decimal8,
    CASE WHEN i % 4 = 0 THEN NULL ELSE (i * -12345678901234567890123)::decimal(38, 6) END AS a_decimal16,
    CASE WHEN i % 6 = 0 THEN NULL ELSE 'grün ' || (i % 50) END AS a_text,
    ('x' || i)::blob AS a_blob,
    DATE '1969-12-01' + i::integer AS a_date,
    TIMESTAMP '1969-12-31 23:00:00.123456' + INTERVAL (i) MINUTE AS a_timestamp,
    (TIMESTAMP '1969-12-31 23:00:00.123' + INTERVAL (i) MINUTE)::timestamp_ms AS a_timestamp_ms,
    (TIMESTAMP '1969-12-31 23:00:00.123456' + INTERVAL (i) MINUTE)::timestamp_ns AS a_timestamp_ns,
    (TIMESTAMP '1969-12-31 23:00:00' + INTERVAL (i) MINUTE)::timestamptz AS a_timestamptz,
    format('00000000-0000-0000-0000-{:012d}', i)::uuid AS a_uuid
  FROM range(1000) AS t(i)`;

describe('Parquet of every type, written by DuckDB', () => {
  test.each(['uncompressed', 'snappy', 'gzip', 'zstd', 'lz4_raw', 'brotli'])('%s', async (codec) => {
    const path = await files.path(`types-${codec}.parquet`);
    await duckdb.run(`COPY (${everyType}) TO '${path}' (FORMAT parquet, CODEC '${codec}', ROW_GROUP_SIZE 400)`);
    const table = await openFile(path, { name: 't' });
    const names = table.schema.fields.map(({ name }) => name);
    const asText = names.map((name) => (name === 'a_blob' ? `'\\x' || lower(hex(${name}))` : `${name}::text`));
    const expected = await ask(`SELECT ${asText.join(', ')} FROM read_parquet('${path}') ORDER BY file_row_number`);
    const found = (await rowsOf(table)).map((row) =>
      row.map((value, i) => {
        const type = table.schema.fields[i]?.type as SqlType;
        if (value === null) return null;
        if (type.kind === 'boolean') return String(value);
        if (type.kind === 'float4' || type.kind === 'float8') return Number(value).toFixed(3);
        return formatValue(type, value);
      }),
    );
    const floats = new Set(['a_float4', 'a_float8']);
    const rounded = expected.map((row) =>
      row.map((value, i) => (value !== null && floats.has(names[i] as string) ? Number(value).toFixed(3) : value)),
    );
    expect(found).toEqual(rounded);
  });

  test('nested columns as JSON, beside flat ones', async () => {
    const path = await files.path('nested.parquet');
    await duckdb.run(`COPY (SELECT i, [i, NULL, i + 1] AS list, {'a': 'x' || i, 'b': {'c': DATE '2024-01-02'}} AS struct,
      MAP {'k': i} AS map FROM range(3) AS t(i)) TO '${path}' (FORMAT parquet)`);
    const table = await openFile(path, { name: 't' });
    expect(columnsOf(table)).toEqual(['i bigint', 'list text', 'struct text', 'map text']);
    expect((await rowsOf(table))[1]).toEqual([1n, '[1,null,2]', '{"a":"x1","b":{"c":"2024-01-02"}}', '{"k":1}']);
    expect(await rowsOf(table, 'i')).toEqual([[0n], [1n], [2n]]);
  });
});
