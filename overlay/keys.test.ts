import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  clockwise,
  compareClockwise,
  headOf,
  inRegion,
  isKey,
  keyAt,
  keyOf,
  midpoint,
  pointOf,
  randomKey,
  randomKeyIn,
  sharedDigits,
} from './keys.ts';

const bits = 160n;
const key = fc.bigInt({ min: 0n, max: (1n << bits) - 1n }).map(keyAt);

test('a point and its key are inverse, and their orders agree', () => {
  fc.assert(
    fc.property(key, key, (a, b) => {
      expect(isKey(a)).toBe(true);
      expect(keyAt(pointOf(a))).toBe(a);
      expect(a < b).toBe(pointOf(a) < pointOf(b));
    }),
  );
});

test('the midpoint parts the keys nearer to one end from those nearer to the other', () => {
  fc.assert(
    fc.property(key, key, (a, b) => {
      fc.pre(a !== b);
      const middle = pointOf(midpoint(a, b));
      const toA = clockwise(pointOf(a), middle);
      const toB = clockwise(middle, pointOf(b));
      expect(toB <= toA).toBe(true);
      expect(toA - toB <= 1n).toBe(true);
    }),
  );
});

test('a head is what a key begins with', () => {
  fc.assert(
    fc.property(key, (one) => {
      expect(BigInt(headOf(one))).toBe(pointOf(one) >> 108n);
    }),
  );
});

test('neighbouring keys and a single one', () => {
  expect(midpoint(keyAt(4n), keyAt(5n))).toBe(keyAt(5n));
  expect(midpoint(keyAt(-1n), keyAt(0n))).toBe(keyAt(0n));
  expect(midpoint(keyAt(-3n), keyAt(6n))).toBe(keyAt(2n));
  expect(midpoint(keyAt(1n), keyAt(1n))).toBe(keyAt(1n + (1n << 159n)));
});

test('clockwise order is order by clockwise distance', () => {
  fc.assert(
    fc.property(key, key, key, (origin, a, b) => {
      const distanceA = clockwise(pointOf(origin), pointOf(a));
      const distanceB = clockwise(pointOf(origin), pointOf(b));
      expect(Math.sign(compareClockwise(origin, a, b))).toBe(
        distanceA < distanceB ? -1 : distanceA > distanceB ? 1 : 0,
      );
    }),
  );
});

test('a region holds the keys met before its end', () => {
  fc.assert(
    fc.property(key, key, key, (at, from, to) => {
      const inside = from === to || clockwise(pointOf(from), pointOf(at)) < clockwise(pointOf(from), pointOf(to));
      expect(inRegion(at, { from, to })).toBe(inside);
    }),
  );
});

test('a key drawn from a region lies there, wherever chance falls', () => {
  const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(key, key, chance, (from, to, random) => {
      expect(
        inRegion(
          randomKeyIn({ from, to }, () => random),
          { from, to },
        ),
      ).toBe(true);
    }),
  );
  const whole = { from: keyAt(5n), to: keyAt(5n) };
  expect(randomKeyIn(whole, () => 0)).toBe(keyAt(5n));
  expect(clockwise(5n, pointOf(randomKeyIn(whole, () => 0.5)))).toBeGreaterThan(1n << 158n);
});

test('keys from bytes, from chance, and their common digits', () => {
  expect(keyOf('abc')).toBe('a9993e364706816aba3e25717850c26c9cd0d89d');
  expect(keyOf(new TextEncoder().encode('abc'))).toBe(keyOf('abc'));
  expect(isKey(randomKey(() => 0))).toBe(true);
  expect(isKey(randomKey(() => 0.999_999_999_999))).toBe(true);
  expect(sharedDigits(keyAt(0x10n), keyAt(0x1fn))).toBe(39);
  expect(sharedDigits(keyAt(7n), keyAt(7n))).toBe(40);
});
