import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ExpirySteps, horizonOf, horizonPassesAtMs } from './expiry.ts';

const time = fc.integer({ min: 1, max: 10_000_000 });

test('the horizon passes a time at the moment that is said, not before', () => {
  fc.assert(
    fc.property(time, (atMs) => {
      expect(horizonOf(horizonPassesAtMs(atMs))).toBeGreaterThanOrEqual(atMs);
      expect(horizonOf(horizonPassesAtMs(atMs) - 1)).toBeLessThan(atMs);
    }),
  );
});

test('what expires is taken once, the first to expire first, and what is not asked for stays', () => {
  fc.assert(
    fc.property(fc.array(time), time, fc.nat({ max: 50 }), (times, horizonMs, asked) => {
      const steps = new ExpirySteps<{ readonly atMs: number }>();
      for (const atMs of times) steps.add({ atMs }, atMs);
      const taken: number[] = [];
      for (const { atMs } of steps.take(horizonMs)) {
        taken.push(atMs);
        if (taken.length === asked) break;
      }
      for (const { atMs } of steps.take(horizonMs)) taken.push(atMs);
      const stepOf = (atMs: number): number => Math.ceil(atMs / 10_000);
      const due = times.filter((atMs) => stepOf(atMs) * 10_000 <= horizonMs);
      expect(taken.map(stepOf)).toEqual(due.map(stepOf).sort((a, b) => a - b));
      expect([...steps.take(Number.POSITIVE_INFINITY)]).toHaveLength(times.length - due.length);
    }),
  );
});
