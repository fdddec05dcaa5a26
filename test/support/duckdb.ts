import { DuckDBInstance } from '@duckdb/node-api';
import { formatValue, type Schema, type SqlValue } from '../../columnar/index.ts';

/** Another engine's opinion: runs `setup`, then `sql`, and gives rows of plain text and numbers. */
export async function askDuckDb(setup: readonly string[], sql: string): Promise<(string | number | null)[][]> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  for (const statement of setup) await connection.run(statement);
  const reader = await connection.runAndReadAll(sql);
  const rows = reader.getRows().map((row) => row.map(plain));
  connection.closeSync();
  return rows;
}

/** Rows of ours in the same plain form: whatever looks like a number is one, so that numeric and double compare. */
export function plainRows(
  schema: Schema,
  rows: readonly (readonly (SqlValue | null)[])[],
): (string | number | null)[][] {
  return rows.map((row) =>
    row.map((value, i) => {
      const field = schema.fields[i];
      return value === null || field === undefined ? null : plain(formatValue(field.type, value));
    }),
  );
}

function plain(value: unknown): string | number | null {
  if (value === null) return null;
  const text = String(value);
  return /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text) ? Number(text) : text;
}

/** Rows compared as sets when `ordered` is false; numbers to 12 digits, since engines divide differently. */
export function comparable(rows: readonly (readonly (string | number | null)[])[], ordered: boolean): string[] {
  const texts = rows.map((row) =>
    JSON.stringify(row.map((cell) => (typeof cell === 'number' ? Number(cell.toPrecision(12)) : cell))),
  );
  return ordered ? texts : texts.sort();
}
