import { civilFromDays, daysFromCivil, daysInMonth } from '../../columnar/index.ts';
import { dateOutOfRange, timestampOutOfRange } from './raise.ts';

// Days since 1970-01-01 and microseconds since its midnight, as columns hold them.

export const microsPerSecond = 1_000_000;
export const microsPerMinute = 60 * microsPerSecond;
export const microsPerHour = 60 * microsPerMinute;
export const microsPerDay = 24 * microsPerHour;

/** A moment as a day and microseconds of that day, both exact in doubles. */
export interface Moment {
  readonly days: number;
  readonly micros: number;
}

export function momentOf(micros: bigint): Moment {
  const exact = Number(micros);
  if (Number.isSafeInteger(exact)) {
    const days = Math.floor(exact / microsPerDay);
    return { days, micros: exact - days * microsPerDay };
  }
  const perDay = BigInt(microsPerDay);
  const ofDay = ((micros % perDay) + perDay) % perDay;
  return { days: Number((micros - ofDay) / perDay), micros: Number(ofDay) };
}

/** PostgreSQL's first timestamp and day: the Julian calendar's epoch, 4714-11-24 BC. */
const timestampMin = -210_866_803_200_000_000n;
const dateMin = -2_440_588;
/** One past 5874897-12-31. */
const dateEnd = 2_145_042_906;

export function checkedTimestamp(micros: bigint): bigint {
  return micros >= timestampMin && BigInt.asIntN(64, micros) === micros ? micros : timestampOutOfRange();
}

export function checkedDate(days: number): number {
  return days >= dateMin && days < dateEnd ? days : dateOutOfRange();
}

/** A day some months later; a day of the month that is not there becomes the last of the month. */
export function addMonths(days: number, months: number): number {
  if (months === 0) return days;
  const { year, month, day } = civilFromDays(days);
  const monthsSince = year * 12 + (month - 1) + months;
  const newYear = Math.floor(monthsSince / 12);
  const newMonth = monthsSince - newYear * 12 + 1;
  return daysFromCivil(newYear, newMonth, Math.min(day, daysInMonth(newYear, newMonth)));
}

/** 0 is Sunday; 1970-01-01 was a Thursday. */
export function dayOfWeek(days: number): number {
  return (((days + 4) % 7) + 7) % 7;
}

/** The Monday on or before a day. */
export function mondayOf(days: number): number {
  return days - ((dayOfWeek(days) + 6) % 7);
}

/** ISO 8601: a week belongs to the year that holds its Thursday. */
export function isoWeek(days: number): { readonly year: number; readonly week: number } {
  const thursday = mondayOf(days) + 3;
  const { year } = civilFromDays(thursday);
  return { year, week: Math.floor((thursday - daysFromCivil(year, 1, 1)) / 7) + 1 };
}
