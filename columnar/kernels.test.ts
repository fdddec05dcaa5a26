import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Batch } from './batch.ts';
import { batchFromRows, batchToRows, columnOf, textColumn } from './build.ts';
import { concatBatches } from './concat.ts';
import { filterRows, trueRows } from './filter.ts';
import { partitionRows } from './partition.ts';
import { batchBytes, selectColumns, sliceBatch } from './slice.ts';
import { types } from './sql-types.ts';
import { takeRows, takeRowsOrNull } from './take.ts';
import { batches, batchOf } from './testing/arbitraries.ts';

/** A batch and a part of its rows. */
const sliced = fc.tuple(batches, fc.nat(40), fc.nat(40)).map(([batch, a, b]) => {
  const [start, end] = [Math.min(a, b, batch.numRows), Math.min(Math.max(a, b), batch.numRows)];
  return { batch, start, end, slice: sliceBatch(batch, start, end) };
});

const indices = fc.array(fc.nat(), { maxLength: 60 });

function within(batch: Batch, picks: readonly number[]): number[] {
  return batch.numRows === 0 ? [] : picks.map((pick) => pick % batch.numRows);
}

describe('slice', () => {
  test('has the rows between start and end', () => {
    fc.assert(
      fc.property(sliced, ({ batch, start, end, slice }) => {
        expect(slice.numRows).toBe(end - start);
        expect(batchToRows(slice)).toEqual(batchToRows(batch).slice(start, end));
      }),
    );
  });

  test('shares memory', () => {
    const batch = batchFromRows({ fields: [{ name: 'a', type: types.int8 }] }, [[1n], [2n], [3n]]);
    expect(sliceBatch(batch, 1, 3).columns[0]?.values.buffer).toBe(batch.columns[0]?.values.buffer);
  });

  test('refuses rows that are not there', () => {
    const batch = batchFromRows({ fields: [] }, [[], []]);
    expect(sliceBatch(batch, 1, 2).numRows).toBe(1);
    expect(() => sliceBatch(batch, 1, 3)).toThrow();
  });
});

describe('take', () => {
  test('gathers rows of slices too', () => {
    fc.assert(
      fc.property(sliced, indices, ({ slice }, picks) => {
        const rows = within(slice, picks);
        const expected = rows.map((row) => batchToRows(slice)[row]);
        expect(batchToRows(takeRows(slice, Uint32Array.from(rows)))).toEqual(expected);
        expect(batchToRows(takeRowsOrNull(slice, Int32Array.from(rows)))).toEqual(expected);
      }),
    );
  });

  test('-1 is a row of NULLs, over zeros', () => {
    fc.assert(
      fc.property(sliced, indices, ({ slice }, picks) => {
        const rows = [-1, ...within(slice, picks).flatMap((row) => [row, -1])];
        const nulls = slice.columns.map(() => null);
        const expected = rows.map((row) => (row < 0 ? nulls : batchToRows(slice)[row]));
        expect(batchToRows(takeRowsOrNull(slice, Int32Array.from(rows)))).toEqual(expected);
      }),
    );
    const batch = batchFromRows({ fields: [{ name: 'a', type: types.int4 }] }, [[7]]);
    expect(takeRowsOrNull(batch, Int32Array.of(-1, 0)).columns[0]).toMatchObject({
      values: Int32Array.of(0, 7),
      validity: Uint8Array.of(2),
    });
  });

  test('copies long texts', () => {
    const strings = ['short', 'x'.repeat(100), 'é'.repeat(50)];
    const batch = { schema: { fields: [{ name: 't', type: types.text }] }, numRows: 3, columns: [textColumn(strings)] };
    expect(batchToRows(takeRows(batch, Uint32Array.of(2, 1, 2)))).toEqual([[strings[2]], [strings[1]], [strings[2]]]);
  });
});

describe('filter', () => {
  test('keeps rows where the condition is true, not NULL', () => {
    const conditions = fc.array(fc.option(fc.boolean(), { nil: null }), { minLength: 40, maxLength: 40 });
    fc.assert(
      fc.property(batches, conditions, (batch, condition) => {
        const used = condition.slice(0, batch.numRows);
        const kept = filterRows(batch, columnOf(types.boolean, used));
        expect(batchToRows(kept)).toEqual(batchToRows(batch).filter((_, row) => used[row] === true));
      }),
    );
  });

  test('ignores bits behind the last row', () => {
    const condition = { type: types.boolean, length: 3, validity: null, values: Uint8Array.of(0xff), offsets: null };
    expect(trueRows(condition)).toEqual(Uint32Array.of(0, 1, 2));
  });

  test('gives back the batch itself when all rows pass', () => {
    const batch = batchFromRows({ fields: [{ name: 'a', type: types.int4 }] }, [[1], [2]]);
    expect(filterRows(batch, columnOf(types.boolean, [true, true]))).toBe(batch);
  });
});

test('columns are selected, reordered, repeated', () => {
  const schema = {
    fields: [
      { name: 'a', type: types.int4 },
      { name: 'b', type: types.text },
    ],
  };
  const batch = batchFromRows(schema, [
    [1, 'x'],
    [2, 'y'],
  ]);
  const selected = selectColumns(batch, [1, 0, 1]);
  expect(selected.schema.fields.map(({ name }) => name)).toEqual(['b', 'a', 'b']);
  expect(batchToRows(selected)).toEqual([
    ['x', 1, 'x'],
    ['y', 2, 'y'],
  ]);
  expect(selectColumns(batch, [])).toMatchObject({ numRows: 2, columns: [] });
});

test('concatenation keeps all rows in order, of slices too', () => {
  const parts = batches.chain(({ schema }) =>
    fc.array(fc.tuple(batchOf(schema), fc.nat(10)), { maxLength: 4 }).map((drawn) => ({
      schema,
      parts: drawn.map(([batch, skip]) => sliceBatch(batch, Math.min(skip, batch.numRows), batch.numRows)),
    })),
  );
  fc.assert(
    fc.property(parts, ({ schema, parts }) => {
      expect(batchToRows(concatBatches(schema, parts))).toEqual(parts.flatMap(batchToRows));
    }),
  );
});

test('bytes are those of the rows, not of the memory behind a slice', () => {
  const schema = {
    fields: [
      { name: 'n', type: types.int8 },
      { name: 't', type: types.text },
    ],
  };
  const batch = batchFromRows(
    schema,
    Array.from({ length: 100 }, (_, i) => [BigInt(i), 'abc']),
  );
  expect(batchBytes(batch)).toBe(100 * 8 + 300 + 101 * 4);
  expect(batchBytes(sliceBatch(batch, 10, 20))).toBe(80 + 30 + 44);
});

describe('partition', () => {
  test('sends every row to its destination, in order', () => {
    const destinations = fc.array(fc.nat(6), { minLength: 40, maxLength: 40 });
    fc.assert(
      fc.property(batches, destinations, fc.boolean(), (batch, drawn, wide) => {
        const used = drawn.slice(0, batch.numRows);
        const parts = partitionRows(batch, wide ? Uint32Array.from(used) : Uint16Array.from(used), 7);
        const rows = batchToRows(batch);
        expect(parts.map(batchToRows)).toEqual(
          Array.from({ length: 7 }, (_, to) => rows.filter((_, row) => used[row] === to)),
        );
      }),
    );
  });

  test('moves nothing when all rows go to one place', () => {
    const batch = batchFromRows({ fields: [{ name: 'a', type: types.int4 }] }, [[1], [2]]);
    const parts = partitionRows(batch, Uint16Array.of(2, 2), 3);
    expect(parts[2]).toBe(batch);
    expect(parts.map(({ numRows }) => numRows)).toEqual([0, 0, 2]);
  });

  test('refuses a destination that is not there', () => {
    const batch = batchFromRows({ fields: [] }, [[]]);
    expect(() => partitionRows(batch, Uint16Array.of(3), 3)).toThrow();
  });
});
