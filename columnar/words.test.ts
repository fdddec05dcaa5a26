import fc from 'fast-check';
import { expect, test } from 'vitest';
import { types } from './sql-types.ts';
import { arbitraryValue } from './testing/arbitraries.ts';
import type { Interval } from './types.ts';
import { readInterval, readNumeric, writeInterval, writeNumeric } from './words.ts';

test('numerics of 128 bits', () => {
  const words = new BigInt64Array(4);
  const limit = 2n ** 127n;
  fc.assert(
    fc.property(fc.bigInt({ min: -limit, max: limit - 1n }), (value) => {
      writeNumeric(words, 1, value);
      expect(readNumeric(words, 1)).toBe(value);
    }),
    { examples: [[0n], [-1n], [2n ** 63n], [-(2n ** 63n)], [-(2n ** 63n) - 1n], [2n ** 64n], [limit - 1n], [-limit]] },
  );
});

test('low word first', () => {
  const words = new BigInt64Array(2);
  writeNumeric(words, 0, -2n);
  expect(words).toEqual(BigInt64Array.of(-2n, -1n));
});

test('intervals are months, days, nanoseconds', () => {
  const words = new Int32Array(4);
  writeInterval(words, 0, { months: 1, days: -2, micros: 5_000_000n });
  expect(words).toEqual(Int32Array.of(1, -2, Number(BigInt.asIntN(32, 5_000_000_000n)), 1));
  fc.assert(
    fc.property(arbitraryValue(types.interval), (value) => {
      writeInterval(words, 0, value as Interval);
      expect(readInterval(words, 0)).toEqual(value);
    }),
  );
  expect(() => writeInterval(words, 0, { months: 0, days: 0, micros: 2n ** 63n / 1_000n + 1n })).toThrow(
    'interval out of range',
  );
});
