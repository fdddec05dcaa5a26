import { QueryError } from './error.ts';
import type { Interval } from './types.ts';

export const microsPerSecond = 1_000_000n;
export const microsPerMinute = 60n * microsPerSecond;
export const microsPerHour = 60n * microsPerMinute;
export const microsPerDay = 24n * microsPerHour;
const daysPerMonth = 30n;

/**
 * The interval as one number of microseconds, by which intervals are compared, grouped and hashed as in
 * PostgreSQL: a month counts 30 days, a day 24 hours, so `1 day` equals `24 hours`.
 */
export function intervalSpan(interval: Interval): bigint {
  const days = BigInt(interval.months) * daysPerMonth + BigInt(interval.days);
  return days * microsPerDay + interval.micros;
}

/**
 * Milliseconds, possibly fractional, of an interval whose length does not depend on the calendar.
 * @throws QueryError invalidParameter when it has months or years
 */
export function intervalToMs(interval: Interval): number {
  if (interval.months !== 0) {
    throw new QueryError('invalidParameter', 'an interval of months or years has no fixed length', {
      hint: 'Say it in days or hours.',
    });
  }
  return Number(BigInt(interval.days) * microsPerDay + interval.micros) / 1_000;
}
