import { expect, test } from 'vitest';
import { batchFromRows, batchToRows, type Schema, type SqlType, types } from '../columnar/index.ts';
import { converter, unionSchema } from './union-schema.ts';

const of = (...columns: readonly SqlType[]): Schema => ({
  fields: columns.map((type, i) => ({ name: `c${i}`, type })),
});

test('columns meet in the type that holds the values of both, whichever comes first', () => {
  for (const [a, b, union] of [
    [types.int4, types.numeric(10, 2), types.numeric(12, 2)],
    [types.numeric(10, 4), types.numeric(10, 2), types.numeric(12, 4)],
    [types.numeric(38, 0), types.numeric(38, 10), types.numeric(38, 10)],
    [types.date, types.timestamptz, types.timestamptz],
    [types.int8, types.text, null],
  ] as const) {
    const expected = union && of(union);
    expect(unionSchema(of(a), of(b))).toEqual(expected);
    expect(unionSchema(of(b), of(a))).toEqual(expected);
  }
});

test('tables with other columns have no union', () => {
  expect(unionSchema(of(types.int4), of(types.int4, types.int4))).toBeNull();
  expect(unionSchema(of(types.int4), { fields: [{ name: 'other', type: types.int4 }] })).toBeNull();
  expect(converter(of(types.int8), of(types.int4))).toBeNull();
});

test('rows are converted, and counted where no column is asked for', () => {
  const [from, to] = [of(types.int4, types.text), of(types.numeric(12, 2), types.text)];
  const rows = [
    [1, 'one'],
    [null, null],
  ];
  const converted = converter(from, to)?.(batchFromRows(from, rows));
  expect(converted && batchToRows(converted)).toEqual([
    [100n, 'one'],
    [null, null],
  ]);
  const none = { schema: of(), numRows: 3, columns: [] };
  expect(converter(of(), of())?.(none).numRows).toBe(3);
});
