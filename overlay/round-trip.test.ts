import { expect, test } from 'vitest';
import { RoundTrip } from './round-trip.ts';

const options = { roundTripInitialMs: 500, timeoutMinMs: 200, timeoutMaxMs: 2_000 };

test('the timeout follows mean and deviation, and doubles up to a limit', () => {
  const roundTrip = new RoundTrip(options);
  expect([roundTrip.timeoutMs(), roundTrip.timeoutMs(1), roundTrip.timeoutMs(9)]).toEqual([500, 1_000, 2_000]);
  roundTrip.sample(100);
  expect(roundTrip.timeoutMs()).toBe(300); // mean 100, deviation 50
  for (let i = 0; i < 100; i++) roundTrip.sample(100);
  expect(roundTrip.timeoutMs()).toBe(200);
  expect(roundTrip.leastMs).toBe(100);
  roundTrip.sample(900);
  expect(roundTrip.timeoutMs()).toBeGreaterThan(900);
});
