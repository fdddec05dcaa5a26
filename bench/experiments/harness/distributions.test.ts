import fc from 'fast-check';
import { expect, test } from 'vitest';
import { randomStream } from '../../../simulator/random.ts';
import { anyOf, exponential, sample } from './distributions.ts';
import { mean, percentile } from './statistics.ts';

test('exponential times have the median and the mean they should', () => {
  const random = randomStream(1, 'test');
  const times = Array.from({ length: 20_000 }, () => exponential(random, 5));
  expect(percentile(times, 0.5)).toBeCloseTo(5, 0);
  expect(mean(times)).toBeCloseTo(5 / Math.LN2, 0);
  expect(Math.min(...times)).toBeGreaterThanOrEqual(0);
});

test('a sample has no repetitions and only members, and leaves the list as it was', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer()), fc.nat(20), fc.integer(), (list, count, seed) => {
      const before = [...list];
      const drawn = sample(randomStream(seed, 'test'), list, count);
      expect(drawn).toHaveLength(Math.min(count, list.length));
      expect(new Set(drawn).size).toBe(drawn.length);
      expect(drawn.every((one) => list.includes(one))).toBe(true);
      expect(list).toEqual(before);
    }),
  );
});

test('every member of a list has the same chance', () => {
  const random = randomStream(2, 'test');
  const chosen = Array.from({ length: 8_000 }, () => anyOf(random, [0, 1, 2, 3]));
  for (const one of [0, 1, 2, 3]) {
    expect(Math.abs(chosen.filter((choice) => choice === one).length - 2_000)).toBeLessThan(200);
  }
  for (const one of [0, 1, 2, 3]) {
    const first = Array.from({ length: 4_000 }, () => sample(random, [0, 1, 2, 3], 2)[1]);
    expect(Math.abs(first.filter((drawn) => drawn === one).length - 1_000)).toBeLessThan(150);
  }
  expect(() => anyOf(random, [])).toThrow(RangeError);
});
