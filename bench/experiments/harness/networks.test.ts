import { expect, test } from 'vitest';
import { kingLikeDelayMs } from './networks.ts';
import { percentile } from './statistics.ts';

const pairs = Array.from({ length: 20_000 }, (_, i) => [`n${i % 200}:1`, `n${200 + Math.floor(i / 100)}:1`] as const);

test('latencies are those of pairs of machines, with a heavy tail', () => {
  const delays = pairs.map(([a, b]) => kingLikeDelayMs(a, b));
  for (const [a, b] of pairs.slice(0, 100)) expect(kingLikeDelayMs(b, a)).toBe(kingLikeDelayMs(a, b));
  expect(percentile(delays, 0.5)).toBeGreaterThan(76);
  expect(percentile(delays, 0.5)).toBeLessThan(80);
  // e to the 0.6 x 2.326 of the median.
  expect(percentile(delays, 0.99) / 78).toBeGreaterThan(3.7);
  expect(percentile(delays, 0.99) / 78).toBeLessThan(4.4);
  expect(Math.min(...delays)).toBeGreaterThan(0);
  expect(new Set(delays).size).toBeGreaterThan(19_000);
});
