import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Batch, Column } from './batch.ts';
import { getBit } from './bitmap.ts';
import { batchFromRows } from './build.ts';
import { compareValues, valueComparator } from './compare.ts';
import { rowEquality, rowsEqualAt, rowsWithNull } from './equality.ts';
import { hashRows } from './hash.ts';
import { partitionKey, partitionKeys } from './partition-key.ts';
import { isValid } from './read.ts';
import { sliceBatch } from './slice.ts';
import { types } from './sql-types.ts';
import { takeRows } from './take.ts';
import { allTypes, arbitraryValue, batches } from './testing/arbitraries.ts';
import type { SqlType, SqlValue } from './types.ts';

function single(type: SqlType, values: readonly (SqlValue | null)[]): Batch {
  return batchFromRows(
    { fields: [{ name: 'c', type }] },
    values.map((value) => [value]),
  );
}

const allColumns = (batch: Batch): number[] => batch.columns.map((_, index) => index);

/** Pairs that SQL calls equal though their bits differ. */
const equalPairs: readonly [SqlType, SqlValue, SqlValue][] = [
  [types.float8, 0, -0],
  [types.float4, 0, -0],
  [types.interval, { months: 0, days: 1, micros: 0n }, { months: 0, days: 0, micros: 86_400_000_000n }],
  [types.interval, { months: 1, days: 0, micros: 0n }, { months: 0, days: 30, micros: 0n }],
];

/** NaN with other bits than JavaScript's own. */
function strangeNaN(): Batch {
  const batch = single(types.float8, [Number.NaN, Number.NaN]);
  new BigInt64Array((batch.columns[0] as Column).values.buffer)[1] = -1n;
  return batch;
}

describe('hashRows', () => {
  test('does not depend on the layout of the batch', () => {
    fc.assert(
      fc.property(batches, fc.nat(40), fc.integer(), (batch, skip, seed) => {
        const columns = allColumns(batch);
        const start = Math.min(skip, batch.numRows);
        const whole = hashRows(batch, columns, seed);
        expect(hashRows(sliceBatch(batch, start, batch.numRows), columns, seed)).toEqual(whole.slice(start));
        const reversed = Uint32Array.from({ length: batch.numRows }, (_, row) => batch.numRows - 1 - row);
        expect(hashRows(takeRows(batch, reversed), columns, seed)).toEqual(whole.slice().reverse());
      }),
    );
  });

  test('equal values hash alike whatever their bits', () => {
    for (const [type, a, b] of equalPairs) {
      const [hashA, hashB] = hashRows(single(type, [a, b]), [0]);
      expect(hashA).toBe(hashB);
    }
    const [plain, strange] = hashRows(strangeNaN(), [0]);
    expect(plain).toBe(strange);
  });

  test('is fixed: nodes of different versions must agree', () => {
    const schema = {
      fields: [
        { name: 'a', type: types.int4 },
        { name: 'b', type: types.text },
      ],
    };
    expect([
      ...hashRows(
        batchFromRows(schema, [
          [1, 'one'],
          [null, ''],
          [-1, 'minus one'],
        ]),
        [0, 1],
      ),
    ]).toMatchInlineSnapshot(`
      [
        2532840645,
        2522022000,
        3249189573,
      ]
    `);
  });

  test('tells seeds, columns and the borders between texts apart', () => {
    const schema = {
      fields: [
        { name: 'a', type: types.text },
        { name: 'b', type: types.text },
      ],
    };
    const batch = batchFromRows(schema, [
      ['ab', 'c'],
      ['a', 'bc'],
      [null, 'abc'],
      ['', 'abc'],
    ]);
    expect(new Set(hashRows(batch, [0, 1])).size).toBe(4);
    expect(hashRows(batch, [0, 1], 1)).not.toEqual(hashRows(batch, [0, 1]));
  });

  test('spreads consecutive integers evenly over few buckets', () => {
    for (const [type, convert] of [
      [types.int4, (i: number) => i],
      [types.int8, BigInt],
      [types.float8, (i: number) => i],
    ] as const) {
      const buckets = new Uint32Array(16);
      const batch = single(
        type,
        Array.from({ length: 16_000 }, (_, i) => convert(i)),
      );
      for (const hash of hashRows(batch, [0])) buckets[hash & 15] = (buckets[hash & 15] as number) + 1;
      // 1000 each, standard deviation 31.
      expect(Math.min(...buckets)).toBeGreaterThan(850);
      expect(Math.max(...buckets)).toBeLessThan(1_150);
    }
  });
});

const pairsOfOneType = fc.constantFrom(...allTypes).chain((type) => {
  const value = fc.option(arbitraryValue(type), { nil: null, freq: 6 });
  return fc.tuple(fc.constant(type), value, value);
});

describe('equality and order', () => {
  test('agree with each other and with hashes and keys', () => {
    fc.assert(
      fc.property(pairsOfOneType, fc.boolean(), ([type, a, drawn], same) => {
        const b = same ? a : drawn;
        const [left, right] = [single(type, [null, a]), single(type, [b])];
        const equal = rowsEqualAt(left, 1, right, 0, [0]);
        expect(rowEquality(left, [0], right, [0])(1, 0)).toBe(equal);
        if (same) expect(equal).toBe(true);
        if (equal) {
          expect(hashRows(left, [0])[1]).toBe(hashRows(right, [0])[0]);
          expect(partitionKeys('t', left, [0])[1]).toBe(partitionKeys('t', right, [0])[0]);
        } else {
          expect(partitionKeys('t', left, [0])[1]).not.toBe(partitionKeys('t', right, [0])[0]);
        }
        if (a === null || b === null) {
          expect(equal).toBe(a === b);
          return;
        }
        const order = valueComparator(left.columns[0] as Column, right.columns[0] as Column)(1, 0);
        expect(order === 0).toBe(equal);
        expect(Math.sign(compareValues(type, a, b))).toBe(Math.sign(order));
        expect(Math.sign(compareValues(type, b, a)) + Math.sign(order)).toBe(0);
      }),
      { numRuns: 2_000 },
    );
  });

  test('bits do not matter where values are equal', () => {
    for (const [type, a, b] of equalPairs) {
      expect(rowsEqualAt(single(type, [a]), 0, single(type, [b]), 0, [0])).toBe(true);
      expect(compareValues(type, a, b)).toBe(0);
      expect(partitionKey('t', [a], [type])).toBe(partitionKey('t', [b], [type]));
    }
    const strange = strangeNaN();
    expect(rowsEqualAt(strange, 0, strange, 1, [0])).toBe(true);
    expect(new Set(partitionKeys('t', strange, [0])).size).toBe(1);
  });

  test('NaN is greatest, text goes by bytes', () => {
    expect(compareValues(types.float8, Number.NaN, Infinity)).toBeGreaterThan(0);
    expect(compareValues(types.text, 'Z', 'a')).toBeLessThan(0);
    // UTF-16 would put the emoji, a pair of surrogates, first.
    expect(compareValues(types.text, '\uff5e', '😀')).toBeLessThan(0);
    expect(compareValues(types.bytea, Uint8Array.of(1), Uint8Array.of(1, 0))).toBeLessThan(0);
  });

  test('rows with NULL are found', () => {
    fc.assert(
      fc.property(batches, (batch) => {
        const nulls = rowsWithNull(batch, allColumns(batch));
        for (let row = 0; row < batch.numRows; row++) {
          const expected = batch.columns.some((column) => !isValid(column, row));
          expect(nulls !== null && getBit(nulls, row)).toBe(expected);
        }
      }),
    );
  });

  test('columns at different positions', () => {
    const schema = {
      fields: [
        { name: 'a', type: types.int4 },
        { name: 'b', type: types.int4 },
      ],
    };
    const batch = batchFromRows(schema, [
      [1, 2],
      [2, 1],
    ]);
    expect(rowsEqualAt(batch, 0, batch, 1, [0, 1], [1, 0])).toBe(true);
    expect(rowsEqualAt(batch, 0, batch, 1, [0, 1])).toBe(false);
  });
});

describe('partition keys', () => {
  test('are the same for columns and for literals', () => {
    fc.assert(
      fc.property(batches, (batch) => {
        const columns = allColumns(batch);
        const keys = partitionKeys('ns', batch, columns);
        expect(keys).toHaveLength(batch.numRows);
        keys.forEach((key, row) => {
          expect(key).toMatch(/^[0-9a-f]{40}$/);
          const one = sliceBatch(batch, row, row + 1);
          expect(partitionKeys('ns', one, columns)).toEqual([key]);
        });
      }),
      { numRuns: 30 },
    );
    const keyTypes = [types.int4, types.text];
    const batch = batchFromRows({ fields: keyTypes.map((type) => ({ name: 'c', type })) }, [[7, 'x']]);
    expect(partitionKey('ns', [7, 'x'], keyTypes)).toBe(partitionKeys('ns', batch, [0, 1])[0]);
  });

  test('are fixed: rows on the ring outlive a release', () => {
    expect(partitionKey('flights.1', [42, 'JFK', null], [types.int4, types.text, types.date])).toMatchInlineSnapshot(
      `"4c3952cd489c93e5ab67da3cc73428364d20862d"`,
    );
  });

  test('differ by namespace, type and the borders between texts', () => {
    const keys = [
      partitionKey('a', ['b', 'c'], [types.text, types.text]),
      partitionKey('ab', ['', 'c'], [types.text, types.text]),
      partitionKey('a', ['bc', ''], [types.text, types.text]),
      partitionKey('a', [null, 'bc'], [types.text, types.text]),
      partitionKey('a', [1], [types.int4]),
      partitionKey('a', [1n], [types.int8]),
      partitionKey('a', [], []),
    ];
    expect(new Set(keys).size).toBe(keys.length);
  });
});
