import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bitmapBytes } from './bitmap.ts';
import {
  batchFromRows,
  batchToRows,
  booleanColumn,
  columnFromValues,
  columnOf,
  constantColumn,
  emptyBatch,
  textColumn,
} from './build.ts';
import { ColumnBuilder } from './column-builder.ts';
import { QueryError } from './error.ts';
import { layoutOf } from './layout.ts';
import { columnToValues, getValue, isValid } from './read.ts';
import { types } from './sql-types.ts';
import { batches, rowsOf } from './testing/arbitraries.ts';

describe('rows and batches', () => {
  test('every value comes back as it was appended', () => {
    fc.assert(
      fc.property(
        batches.chain((batch) => rowsOf(batch.schema).map((rows) => ({ schema: batch.schema, rows }))),
        ({ schema, rows }) => {
          const batch = batchFromRows(schema, rows);
          expect(batch.numRows).toBe(rows.length);
          expect(batchToRows(batch)).toEqual(rows);
        },
      ),
    );
  });

  test('columns have the layout that the contract gives', () => {
    fc.assert(
      fc.property(batches, (batch) => {
        for (const column of batch.columns) {
          const layout = layoutOf(column.type);
          expect(column.length).toBe(batch.numRows);
          if (column.validity !== null) expect(column.validity.length).toBe(bitmapBytes(batch.numRows));
          if (layout.kind === 'fixed') expect(column.values.length).toBe(batch.numRows * layout.width);
          expect(column.offsets?.length ?? null).toBe(layout.kind === 'bytes' ? batch.numRows + 1 : null);
        }
      }),
    );
  });

  test('the slot of a NULL holds zero, and validity exists only with NULLs', () => {
    const column = columnOf(types.int4, [1, null, 3]);
    expect(column.values).toEqual(Int32Array.of(1, 0, 3));
    expect([0, 1, 2].map((row) => isValid(column, row))).toEqual([true, false, true]);
    expect(columnOf(types.int4, [1, 2]).validity).toBeNull();
  });

  test('a builder grows beyond what was expected, also when the first NULL comes late', () => {
    const values = Array.from({ length: 1_000 }, (_, i) => (i === 700 ? null : `value ${i} é`));
    expect(columnToValues(columnOf(types.text, values))).toEqual(values);
    const builder = new ColumnBuilder(types.boolean, 1);
    for (let i = 0; i < 100; i++) builder.append(i % 3 === 0);
    expect(builder.length).toBe(100);
    expect(columnToValues(builder.finish())).toEqual(Array.from({ length: 100 }, (_, i) => i % 3 === 0));
  });

  test('an empty batch has its columns', () => {
    const batch = emptyBatch({ fields: [{ name: 'a', type: types.text }] });
    expect(batch.numRows).toBe(0);
    expect(batch.columns[0]?.offsets).toEqual(Int32Array.of(0));
  });
});

describe('bulk construction', () => {
  test('wraps arrays without copying', () => {
    const values = Float64Array.of(1, 2, 3);
    const column = columnFromValues(types.float8, values, Uint8Array.of(0b101));
    expect(column.values).toBe(values);
    expect(columnToValues(column)).toEqual([1, null, 3]);
    expect(columnFromValues(types.numeric(4, 0), BigInt64Array.of(5n, 0n, -1n, -1n)).length).toBe(2);
  });

  test('refuses arrays of another layout', () => {
    expect(() => columnFromValues(types.int4, new Float64Array(1))).toThrow();
    expect(() => columnFromValues(types.int4, new Int32Array(9), new Uint8Array(1))).toThrow();
    expect(() => columnFromValues(types.text, new Uint8Array(1), null, 1)).toThrow();
    expect(() => columnFromValues(types.boolean, new Uint8Array(1))).toThrow();
  });

  test('booleans are packed, texts encoded, constants repeated', () => {
    expect(columnToValues(booleanColumn(Uint8Array.of(1, 0, 7)))).toEqual([true, false, true]);
    expect(columnToValues(textColumn(['a', null, '', '😀'.repeat(20)]))).toEqual(['a', null, '', '😀'.repeat(20)]);
    for (const value of [true, false, null]) {
      expect(columnToValues(constantColumn(types.boolean, value, 11))).toEqual(Array(11).fill(value));
    }
    expect(columnToValues(constantColumn(types.text, 'x', 3))).toEqual(['x', 'x', 'x']);
  });
});

describe('values that do not fit', () => {
  const attempt = (run: () => unknown): string => {
    try {
      run();
    } catch (error) {
      return error instanceof QueryError ? `${error.code}: ${error.message}` : String(error);
    }
    return 'nothing thrown';
  };

  test('are refused with what is wrong', () => {
    expect(attempt(() => columnOf(types.int2, [32_768]))).toBe('outOfRange: smallint out of range');
    expect(attempt(() => columnOf(types.int4, [1.5]))).toBe('outOfRange: integer out of range');
    expect(attempt(() => columnOf(types.int8, [2n ** 63n]))).toBe('outOfRange: bigint out of range');
    expect(attempt(() => columnOf(types.numeric(3, 1), [1_000n]))).toBe('outOfRange: numeric field overflow');
    expect(attempt(() => columnOf(types.int4, ['1']))).toBe(
      'typeMismatch: a column of type integer cannot hold a JavaScript string',
    );
    expect(attempt(() => columnOf(types.text, [new Uint8Array()]))).toBe(
      'typeMismatch: a column of type text cannot hold a JavaScript Uint8Array',
    );
    expect(attempt(() => columnOf(types.interval, [{ months: 2 ** 31, days: 0, micros: 0n }]))).toBe(
      'datetimeOverflow: interval out of range',
    );
  });

  test('leave the builder as it was', () => {
    const builder = new ColumnBuilder(types.int2);
    builder.append(1);
    expect(() => builder.append(70_000)).toThrow(QueryError);
    builder.append(null);
    const column = builder.finish();
    expect(columnToValues(column)).toEqual([1, null]);
    expect(column.values).toEqual(Int16Array.of(1, 0));
  });
});

test('text that is no UTF-8 reads as replacement characters', () => {
  const column = {
    type: types.text,
    length: 1,
    validity: null,
    values: Uint8Array.of(0x61, 0xff),
    offsets: Int32Array.of(0, 2),
  };
  expect(getValue(column, 0)).toBe('a\ufffd');
});
