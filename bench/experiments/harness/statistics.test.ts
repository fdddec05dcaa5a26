import fc from 'fast-check';
import { expect, test } from 'vitest';
import { agreeingWithMajority, mean, percentile, share } from './statistics.ts';

test('percentiles are values that occurred, by nearest rank', () => {
  const values = [5, 1, 4, 2, 3];
  expect([0, 0.2, 0.21, 0.5, 0.99, 1].map((at) => percentile(values, at))).toEqual([1, 1, 2, 3, 5, 5]);
  expect(values).toEqual([5, 1, 4, 2, 3]);
  expect(percentile([], 0.5)).toBeNaN();
  fc.assert(
    fc.property(fc.array(fc.integer(), { minLength: 1 }), fc.double({ min: 0, max: 1, noNaN: true }), (list, at) => {
      const found = percentile(list, at);
      expect(list).toContain(found);
      const notAbove = list.filter((value) => value <= found).length;
      const below = list.filter((value) => value < found).length;
      expect(notAbove).toBeGreaterThanOrEqual(at * list.length);
      expect(below).toBeLessThanOrEqual(at * list.length);
    }),
  );
});

test('means and shares of nothing are not numbers', () => {
  expect(mean([1, 2, 6])).toBe(3);
  expect(mean([])).toBeNaN();
  expect(share(1, 4)).toBe(0.25);
  expect(share(0, 0)).toBeNaN();
});

test('only answers of a strict majority of those asked agree', () => {
  expect(agreeingWithMajority(['a', 'a', 'b'])).toBe(2);
  expect(agreeingWithMajority(['a', 'a', 'b', 'b'])).toBe(0);
  expect(agreeingWithMajority(['a', 'a', null, null])).toBe(0);
  expect(agreeingWithMajority(['a', 'a', 'a', null])).toBe(3);
  expect(agreeingWithMajority([null, null])).toBe(0);
  expect(agreeingWithMajority([])).toBe(0);
});
