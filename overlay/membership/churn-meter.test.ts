import { expect, test } from 'vitest';
import { ChurnMeter } from './churn-meter.ts';

test.each([30_000, 121_000, 900_000])('measures a mean stay of %i ms', (stayMs) => {
  const members = 1_000;
  const meter = new ChurnMeter(0);
  let nowMs = 0;
  for (; nowMs < 300_000; nowMs += stayMs / members) meter.changed(true, nowMs);
  expect(meter.lifetimeMs(members, nowMs) / stayMs).toBeCloseTo(1, 1);
});

test('calms down: after hours without a departure nobody seems to go', () => {
  const meter = new ChurnMeter(0);
  meter.changed(true, 1_000);
  expect(meter.lifetimeMs(10, 1_000)).toBeLessThan(1e6);
  expect(meter.calmMs(61_000)).toBe(60_000);
  expect(meter.lifetimeMs(10, 3_600_000)).toBe(Number.POSITIVE_INFINITY);
});

test('arrivals are unrest, not mortality', () => {
  const meter = new ChurnMeter(0);
  meter.changed(false, 5_000);
  expect(meter.calmMs(6_000)).toBe(1_000);
  expect(meter.lifetimeMs(10, 6_000)).toBe(Number.POSITIVE_INFINITY);
});
