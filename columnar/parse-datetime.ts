import { daysFromCivil, daysInMonth } from './calendar.ts';
import { QueryError } from './error.ts';
import { microsPerDay, microsPerHour, microsPerMinute, microsPerSecond } from './interval.ts';

// ISO 8601 and PostgreSQL's own output. Fields in other orders, month names and named zones are not read.

const datetimePattern =
  /^(\d{4,7})-(\d{1,2})-(\d{1,2})(?:(?:T|\s+)(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d*))?)?\s*(Z|UTC|GMT|[+-]\d{1,2}(?::?\d{2}(?::?\d{2})?)?)?)?(\s+(?:BC|AD))?$/i;

interface Datetime {
  /** Since 1970-01-01. */
  readonly days: number;
  /** Time of day, up to and including 24:00. */
  readonly micros: bigint;
  /** East of Greenwich; `null` when no zone was given. */
  readonly zoneSeconds: number | null;
}

/** 4714-11-24 BC, where PostgreSQL's calendar begins, to 5874897-12-31. */
const daysMin = daysFromCivil(-4713, 11, 24);
const daysMax = daysFromCivil(5_874_897, 12, 31);
/** PostgreSQL's timestamps end with the year 294276; so do 64 bits of microseconds, nearly. */
const microsMin = BigInt(daysMin) * microsPerDay;
const microsEnd = BigInt(daysFromCivil(294_247, 1, 1)) * microsPerDay;

/** Days since 1970-01-01; a time of day behind the date is ignored, as in PostgreSQL. */
export function parseDate(text: string): number {
  const { days } = parseDatetime(text, 'date');
  if (days < daysMin || days > daysMax) throw new QueryError('datetimeOverflow', `date out of range: "${text}"`);
  return days;
}

/** Microseconds since 1970-01-01 00:00; a zone is ignored, as in PostgreSQL. */
export function parseTimestamp(text: string): bigint {
  const { days, micros } = parseDatetime(text, 'timestamp');
  return inRange(BigInt(days) * microsPerDay + micros, text);
}

/** Microseconds since 1970-01-01 00:00 UTC; without a zone the text is taken as UTC. */
export function parseTimestamptz(text: string): bigint {
  const { days, micros, zoneSeconds } = parseDatetime(text, 'timestamp with time zone');
  return inRange(BigInt(days) * microsPerDay + micros - BigInt(zoneSeconds ?? 0) * microsPerSecond, text);
}

function inRange(micros: bigint, text: string): bigint {
  if (micros < microsMin || micros >= microsEnd)
    throw new QueryError('datetimeOverflow', `timestamp out of range: "${text}"`);
  return micros;
}

function parseDatetime(text: string, typeName: string): Datetime {
  const match = datetimePattern.exec(text.trim());
  if (match === null) throw new QueryError('invalidDatetime', `invalid input syntax for type ${typeName}: "${text}"`);
  const [, yearText, monthText, dayText, hour = '0', minute = '0', second = '0', fraction = '', zone, era = ''] = match;
  const before = /bc/i.test(era);
  const year = before ? 1 - Number(yearText) : Number(yearText);
  const month = Number(monthText);
  const day = Number(dayText);
  const micros =
    BigInt(hour) * microsPerHour +
    BigInt(minute) * microsPerMinute +
    BigInt(second) * microsPerSecond +
    fractionMicros(fraction);
  const inRange =
    Number(yearText) > 0 &&
    month >= 1 &&
    month <= 12 &&
    day >= 1 &&
    day <= daysInMonth(year, month) &&
    Number(minute) < 60 &&
    // A leap second is read as the first of the next minute.
    Number(second) <= 60 &&
    micros <= microsPerDay;
  if (!inRange) throw outOfRange(text);
  return {
    days: daysFromCivil(year, month, day),
    micros,
    zoneSeconds: zone === undefined ? null : zoneOffset(zone, text),
  };
}

/** Digits behind the seconds' point, rounded to microseconds. */
function fractionMicros(digits: string): bigint {
  return digits === '' ? 0n : BigInt(Math.round(Number(`0.${digits}`) * 1e6));
}

function zoneOffset(zone: string, text: string): number {
  const match = /^([+-])(\d{1,2}):?(\d{2})?:?(\d{2})?$/.exec(zone);
  if (match === null) return 0;
  const [, sign, hours, minutes = '0', seconds = '0'] = match;
  if (Number(hours) > 15 || Number(minutes) > 59 || Number(seconds) > 59) {
    throw new QueryError('datetimeOverflow', `time zone displacement out of range: "${text}"`);
  }
  const offset = Number(hours) * 3_600 + Number(minutes) * 60 + Number(seconds);
  return sign === '-' ? -offset : offset;
}

function outOfRange(text: string): QueryError {
  return new QueryError('datetimeOverflow', `date/time field value out of range: "${text}"`);
}
