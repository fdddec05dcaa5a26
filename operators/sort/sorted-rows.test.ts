import fc from 'fast-check';
import { expect, test } from 'vitest';
import { columnOf, compareValues, type SqlType, type SqlValue, types } from '../../columnar/index.ts';
import { arbitraryValue } from '../testing/arbitraries.ts';
import { sortedRows } from './sorted-rows.ts';

// Enough rows for the radix sort; half of the values are few and collide, half are spread out.

const rowCount = 3_000;

const spread: Readonly<Record<SqlType['kind'], fc.Arbitrary<SqlValue>>> = {
  boolean: fc.boolean(),
  int2: fc.integer({ min: -32_768, max: 32_767 }),
  int4: fc.integer(),
  int8: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  float4: fc.float(),
  float8: fc.double(),
  numeric: fc.bigInt({ min: -(10n ** 37n), max: 10n ** 37n }),
  text: fc.string({ unit: 'grapheme', maxLength: 7 }),
  bytea: fc.uint8Array({ maxLength: 7 }),
  date: fc.integer({ min: -700_000, max: 700_000 }),
  timestamp: fc.bigInt({ min: -(10n ** 17n), max: 10n ** 17n }),
  timestamptz: fc.bigInt({ min: 17n * 10n ** 14n, max: 17n * 10n ** 14n + 10_000n }),
  interval: fc.record({
    months: fc.integer({ min: -50, max: 50 }),
    days: fc.integer({ min: -50, max: 50 }),
    micros: fc.bigInt({ min: -(10n ** 11n), max: 10n ** 11n }),
  }),
};

const everyType = [
  types.boolean,
  types.int2,
  types.int4,
  types.int8,
  types.float4,
  types.float8,
  types.numeric(38, 3),
  types.text,
  types.bytea,
  types.date,
  types.timestamp,
  types.timestamptz,
  types.interval,
];
const orders = [
  { descending: false, nullsFirst: false },
  { descending: true, nullsFirst: false },
  { descending: true, nullsFirst: true },
];

test.each(everyType.flatMap((type) => orders.map((order) => ({ type, order }))))(
  '$type.kind, descending $order.descending, NULLs first $order.nullsFirst',
  ({ type, order }) => {
    const nullable = order.nullsFirst || order.descending;
    const collides = nullable ? arbitraryValue(type) : arbitraryValue(type).filter((value) => value !== null);
    const first = fc.sample(fc.oneof(collides, spread[type.kind]), { numRuns: rowCount, seed: 1 });
    const second = fc.sample(fc.integer({ min: 0, max: 3 }), { numRuns: rowCount, seed: 2 });
    const ascending = { type: types.int4, descending: false, nullsFirst: false };
    const columns = [columnOf(type, first), columnOf(types.int4, second)];

    for (const keys of [[{ type, ...order }], [{ type, ...order }, ascending]]) {
      const rows = [...sortedRows(keys, columns.slice(0, keys.length), rowCount)];
      expect(rows.toSorted((a, b) => a - b)).toEqual(Array.from({ length: rowCount }, (_, row) => row));
      const expected = rows.toSorted((a, b) => {
        const decided = compareCells(type, order, first[a] ?? null, first[b] ?? null);
        return decided !== 0 || keys.length === 1 ? decided : (second[a] as number) - (second[b] as number);
      });
      expect(rows).toEqual(expected); // a stable sort leaves sorted rows as they are
    }
  },
);

function compareCells(type: SqlType, order: (typeof orders)[number], a: SqlValue | null, b: SqlValue | null): number {
  if (a === null || b === null) return (a === b ? 0 : a === null ? -1 : 1) * (order.nullsFirst ? 1 : -1);
  return compareValues(type, a, b) * (order.descending ? -1 : 1);
}
