import {
  type Batch,
  batchFromRows,
  parseValue,
  type Schema,
  type SqlType,
  typeName,
  types,
} from '../../columnar/index.ts';
import { iteratorTable } from '../../engine/index.ts';
import type { TablesOf } from '../support/fleet.ts';

/** Tables that golden files and random queries find in place, as CREATE TABLE or as local tables. */
export interface StandardTable {
  readonly name: string;
  readonly schema: Schema;
  /** Cells as PostgreSQL reads them. */
  readonly rows: readonly (readonly (string | null)[])[];
}

const { int2, int4, int8, float4, float8, text, boolean, date, timestamp, timestamptz, interval, numeric } = types;

export const standardTables: readonly StandardTable[] = [
  table('t1', { a: int4, b: int4, c: text, d: float8 }, [
    ['1', '10', 'one', '1.5'],
    ['2', '20', 'two', '-2.25'],
    ['3', null, 'three', '0'],
    ['4', '10', null, '1e10'],
    [null, '20', 'null a', null],
    ['6', '-5', '', '0.1'],
    ['2', '20', 'two', '-2.25'],
    ['7', '0', 'Seven', '7'],
    [null, null, null, null],
    ['-8', '10', 'minus eight', '-0.5'],
    ['2147483647', '1', 'largest', '1e-10'],
  ]),
  table('t2', { a: int4, e: text, f: int8 }, [
    ['1', 'uno', '100'],
    ['2', 'dos', '200'],
    ['2', 'zwei', '201'],
    ['3', null, '300'],
    [null, 'nada', null],
    ['9', 'nueve', '9223372036854775807'],
    ['-8', 'menos ocho', '-800'],
    [null, 'nichts', '0'],
  ]),
  table('depts', { dept_id: int4, title: text, budget: numeric(12, 2) }, [
    ['10', 'Harbour', '100000.00'],
    ['20', 'Yard', '2500.50'],
    ['30', 'Lights', null],
    ['40', 'Tugs', '0.01'],
  ]),
  table('people', { id: int4, name: text, dept_id: int4, boss: int4, salary: numeric(10, 2), hired: date }, [
    ['1', 'Ada', '10', null, '5000.00', '2001-05-17'],
    ['2', 'Bo', '10', '1', '3200.50', '2004-02-29'],
    ['3', 'Cy', '20', '1', '3200.50', '2010-12-31'],
    ['4', 'Di', '20', '3', '1800.25', null],
    ['5', 'Ed', null, '1', null, '1999-12-31'],
    ['6', 'Fay', '10', '2', '2100.00', '2010-12-31'],
    ['7', 'Gus', '50', '6', '0.05', '2020-01-01'],
    ['8', 'Ada', '30', '3', '-12.40', '2001-05-17'],
  ]),
  table('nums', { i: int2, j: int4, k: int8, r: float4, g: float8, n: numeric(12, 3) }, [
    ['0', '0', '0', '0', '0', '0'],
    ['1', '-1', '1', '1.5', '2.5', '1.005'],
    ['-7', '7', '-7', '-0.25', '3.5', '-2.500'],
    ['32767', '2147483647', '9223372036854775807', '1e10', '1e300', '999999999.999'],
    ['-32768', '-2147483648', '-9223372036854775808', '-3.4e38', '-1e-300', '-999999999.999'],
    [null, null, null, null, null, null],
    ['12', '1000000', '5000000000', '0.1', '0.1', '0.100'],
    ['12', '345', '-5000000000', 'NaN', 'Infinity', '12.345'],
  ]),
  table('moments', { id: int4, day: date, at: timestamp, atz: timestamptz, span: interval }, [
    ['1', '2001-01-01', '2001-01-01 00:00:00', '2001-01-01 00:00:00+00', '1 day'],
    ['2', '2000-02-29', '2000-02-29 23:59:59.999999', '2000-02-29 12:00:00+02', '1 year 2 months 3 days 04:05:06.7'],
    ['3', '1969-12-31', '1969-12-31 23:59:59', '1969-12-31 23:59:59-05', '-1 days -02:03:04'],
    ['4', '2024-12-30', '2024-12-30 13:14:15.5', '2024-06-30 23:00:00-01', '00:00:00.000001'],
    ['5', null, null, null, null],
    ['6', '1582-10-15', '1582-10-15 06:00:00', '1582-10-15 06:00:00+00', '100 years'],
    ['7', '2001-01-01', '2001-01-31 10:00:00', '2001-01-31 10:00:00+00', '24:00:00'],
  ]),
  table('words', { id: int4, w: text }, [
    ['1', 'harbour'],
    ['2', 'Łódź'],
    ['3', '船着き場'],
    ['4', ''],
    ['5', null],
    ['6', '  padded  '],
    ['7', 'a_b%c'],
    ['8', "it's"],
    ['9', '😀 wave'],
    ['10', 'Harbour'],
  ]),
  table('flags', { id: int4, p: boolean, q: boolean }, [
    ['1', 't', 't'],
    ['2', 't', 'f'],
    ['3', 't', null],
    ['4', 'f', 't'],
    ['5', 'f', 'f'],
    ['6', 'f', null],
    ['7', null, 't'],
    ['8', null, 'f'],
    ['9', null, null],
  ]),
  table('nothing', { a: int4, b: text }, []),
];

function table(name: string, columns: Readonly<Record<string, SqlType>>, rows: StandardTable['rows']): StandardTable {
  return { name, schema: { fields: Object.entries(columns).map(([column, type]) => ({ name: column, type })) }, rows };
}

/** CREATE TABLE and INSERT statements, one after another. */
export function definingStatements(tables: readonly StandardTable[]): string[] {
  return tables.flatMap(({ name, schema, rows }) => {
    const columns = schema.fields.map((field) => `${field.name} ${typeName(field.type)}`);
    const tuples = rows.map((row) => `(${row.map(quoted).join(', ')})`);
    const create = `CREATE TABLE ${name} (${columns.join(', ')})`;
    return tuples.length === 0 ? [create] : [create, `INSERT INTO ${name} VALUES ${tuples.join(', ')}`];
  });
}

function quoted(cell: string | null): string {
  return cell === null ? 'NULL' : `'${cell.replaceAll("'", "''")}'`;
}

const localPrefix = 'l_';

/** The same rows as local tables named `l_…`, dealt out to the nodes one by one. */
export function localTables(tables: readonly StandardTable[]): TablesOf {
  return (index, of) =>
    tables.map(({ name, schema, rows }) => {
      const batch = batchFromTexts(
        schema,
        rows.filter((_, row) => row % of === index),
      );
      return iteratorTable(localPrefix + name, schema, () => [batch]);
    });
}

/** A statement in which the tables' names are those of the local ones. */
export function onLocalTables(tables: readonly StandardTable[]): (sql: string) => string {
  if (tables.length === 0) return (sql) => sql;
  const names = new RegExp(`\\b(${tables.map(({ name }) => name).join('|')})\\b`, 'g');
  return (sql) => sql.replace(names, `${localPrefix}$1`);
}

function batchFromTexts(schema: Schema, rows: StandardTable['rows']): Batch {
  const values = rows.map((row) =>
    row.map((cell, i) => {
      const type = schema.fields[i]?.type;
      return cell === null || type === undefined ? null : parseValue(type, cell);
    }),
  );
  return batchFromRows(schema, values);
}
