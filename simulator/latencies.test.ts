import { describe, expect, test } from 'vitest';
import { kingLike, pairwiseDelays } from './latencies.ts';

const addresses = Array.from({ length: 300 }, (_, i) => `10.0.${i >> 8}.${i & 255}:7400`);

describe.each([1, 2, 3])('delays between 300 machines (seed %i)', (seed) => {
  const delayMs = pairwiseDelays(seed);

  test('are the same both ways and on each call, and others with another seed', () => {
    const [a, b, c] = addresses as [string, string, string];
    expect(delayMs(a, b)).toBe(delayMs(b, a));
    expect(pairwiseDelays(seed)(a, b)).toBe(delayMs(a, b));
    expect(delayMs(a, c)).not.toBe(delayMs(a, b));
    expect(pairwiseDelays(seed + 10)(a, b)).not.toBe(delayMs(a, b));
  });

  test('have the median and the tail asked for', () => {
    const roundTripsMs = addresses
      .flatMap((from, i) => addresses.slice(i + 1).map((to) => 2 * delayMs(from, to)))
      .sort((a, b) => a - b);
    const quantile = (share: number) => roundTripsMs[Math.floor(share * roundTripsMs.length)] as number;
    const expected = (deviations: number) => kingLike.medianRoundTripMs * Math.exp(kingLike.sigma * deviations);
    expect(quantile(0.5) / expected(0)).toBeCloseTo(1, 1);
    expect(quantile(0.159) / expected(-1)).toBeCloseTo(1, 1);
    expect(quantile(0.841) / expected(1)).toBeCloseTo(1, 1);
    expect(quantile(0.99) / expected(2.326)).toBeCloseTo(1, 1);
  });

  test('of one machine spread as those of all', () => {
    const fromOne = addresses.slice(1).map((to) => 2 * delayMs(addresses[0] as string, to));
    const below = fromOne.filter((ms) => ms < kingLike.medianRoundTripMs).length / fromOne.length;
    expect(Math.abs(below - 0.5)).toBeLessThan(0.12);
  });
});
