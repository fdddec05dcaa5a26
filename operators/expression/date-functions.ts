import {
  civilFromDays,
  daysFromCivil,
  daysInMonth,
  type Interval,
  QueryError,
  type SqlType,
  typeName,
} from '../../columnar/index.ts';
import {
  addMonths,
  checkedDate,
  checkedTimestamp,
  microsPerDay,
  microsPerHour,
  microsPerMinute,
  microsPerSecond,
  momentOf,
  mondayOf,
} from './calendar.ts';
import { extractor, fieldName } from './extract.ts';
import { type Call, helper, type Implementation } from './implementation.ts';
import { roundHalfEven } from './mathematics.ts';
import { integerOutOfRange, intervalOutOfRange, timestampOutOfRange } from './raise.ts';

/** A function whose first argument names a field: looked up once when that is a literal, as it mostly is. */
function byField(lookUp: (field: string, from: SqlType) => (value: never) => unknown): Implementation {
  return helper((argumentTypes, _, call) => {
    const from = argumentTypes[1] as SqlType;
    const literal = literalText(call);
    if (literal === null) return (field: string, value: never) => lookUp(field, from)(value);
    // An unknown field is an error of the rows that meet it, not of the plan.
    let found: ((value: never) => unknown) | null = null;
    return (_field: string, value: never) => {
      found ??= lookUp(literal, from);
      return found(value);
    };
  });
}

function literalText(call: Call): string | null {
  const field = call.args[0];
  return field?.kind === 'literal' && typeof field.value === 'string' ? field.value : null;
}

/** Field names come from queries: a Map has no names but its own. */
const truncatedTo: ReadonlyMap<string, number> = new Map(
  Object.entries({
    microseconds: 1,
    milliseconds: 1_000,
    second: microsPerSecond,
    minute: microsPerMinute,
    hour: microsPerHour,
  }),
);

/** The first day of the period that a day lies in. */
const firstDays: ReadonlyMap<string, (days: number) => number> = new Map(
  Object.entries({
    day: (days: number) => days,
    week: mondayOf,
    month: (days: number) => firstOfMonths(days, 1),
    quarter: (days: number) => firstOfMonths(days, 3),
    year: (days: number) => daysFromCivil(civilFromDays(days).year, 1, 1),
    decade: (days: number) => daysFromCivil(Math.floor(civilFromDays(days).year / 10) * 10, 1, 1),
    century: (days: number) => firstOfYears(days, 100),
    millennium: (days: number) => firstOfYears(days, 1_000),
  }),
);

function firstOfMonths(days: number, months: number): number {
  const { year, month } = civilFromDays(days);
  return daysFromCivil(year, month - ((month - 1) % months), 1);
}

/** Centuries and millennia begin with their year 1. */
function firstOfYears(days: number, years: number): number {
  const { year } = civilFromDays(days);
  return daysFromCivil(Math.floor((year - 1) / years) * years + 1, 1, 1);
}

function truncation(fieldText: string, from: SqlType): (micros: bigint) => bigint {
  const field = fieldName(fieldText);
  const unit = truncatedTo.get(field);
  const firstDay = firstDays.get(field);
  if (unit === undefined && firstDay === undefined) {
    throw new QueryError('invalidParameter', `unit "${field}" not recognized for type ${typeName(from)}`);
  }
  return (value) => {
    const { days, micros } = momentOf(value);
    const [day, ofDay] = unit === undefined ? [firstDay?.(days) ?? days, 0] : [days, micros - (micros % unit)];
    return checkedTimestamp(BigInt(day) * BigInt(microsPerDay) + BigInt(ofDay));
  };
}

function checkedInterval(months: number, days: number, micros: bigint): Interval {
  if ((months | 0) !== months || (days | 0) !== days || BigInt.asIntN(64, micros) !== micros) intervalOutOfRange();
  return { months, days, micros };
}

/** Months first, then days, then the time. */
function addInterval(value: bigint, interval: Interval): bigint {
  const { days, micros } = momentOf(value);
  const day = addMonths(days, interval.months) + interval.days;
  return checkedTimestamp(BigInt(day) * BigInt(microsPerDay) + BigInt(micros) + interval.micros);
}

function negate({ months, days, micros }: Interval): Interval {
  // `0 -` keeps -0 out.
  return checkedInterval(0 - months, 0 - days, -micros);
}

/** Whole days and the rest, both of the sign of the difference. */
function timestampDifference(a: bigint, b: bigint): Interval {
  const difference = a - b;
  const perDay = BigInt(microsPerDay);
  return checkedInterval(0, Number(difference / perDay), difference % perDay);
}

function intervalSum(a: Interval, b: Interval): Interval {
  return checkedInterval(a.months + b.months, a.days + b.days, a.micros + b.micros);
}

const secondsPerDay = 86_400;
const daysPerMonth = 30;
const roundToMicros = (seconds: number): number => roundHalfEven(seconds * microsPerSecond) / microsPerSecond;

/** Fractions of months spill over into days, those of days into time. After PostgreSQL's `interval_mul`. */
function intervalMultiply(interval: Interval, factor: number): Interval {
  const months = Math.trunc(interval.months * factor);
  const days = Math.trunc(interval.days * factor);
  if (!Number.isFinite(months) || !Number.isFinite(days)) intervalOutOfRange();
  const spilledDays = roundToMicros((interval.months * factor - months) * daysPerMonth);
  const wholeSpilledDays = Math.trunc(spilledDays);
  let seconds = roundToMicros((interval.days * factor - days + spilledDays - wholeSpilledDays) * secondsPerDay);
  const carriedDays = Math.trunc(seconds / secondsPerDay);
  seconds -= carriedDays * secondsPerDay;
  const micros = roundHalfEven(Number(interval.micros) * factor + seconds * microsPerSecond);
  if (!Number.isFinite(micros)) intervalOutOfRange();
  return checkedInterval(months + 0, days + wholeSpilledDays + carriedDays + 0, BigInt(micros));
}

function dateDifference(a: number, b: number): number {
  const days = a - b;
  return (days | 0) === days ? days : integerOutOfRange();
}

/** A negative year is BC. */
function makeDate(year: number, month: number, day: number): number {
  const civilYear = year < 0 ? year + 1 : year;
  const exists = year !== 0 && month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(civilYear, month);
  if (exists) return checkedDate(daysFromCivil(civilYear, month, day));
  const two = (value: number): string => String(value).padStart(2, '0');
  throw new QueryError('datetimeOverflow', `date field value out of range: ${year}-${two(month)}-${two(day)}`);
}

/** Seconds of 2000-01-01, PostgreSQL's zero: rounding is finest around it. */
const secondsOf2000 = 946_684_800;

function toTimestamp(seconds: number): bigint {
  if (Number.isNaN(seconds)) throw new QueryError('datetimeOverflow', 'timestamp cannot be NaN');
  if (!Number.isFinite(seconds)) timestampOutOfRange();
  const micros = roundHalfEven((seconds - secondsOf2000) * microsPerSecond);
  return checkedTimestamp(BigInt(micros) + BigInt(secondsOf2000) * BigInt(microsPerSecond));
}

const compute = (run: (...values: never[]) => unknown): Implementation => helper(() => run);

export const dateFunctions = {
  extract: byField(extractor),
  dateTrunc: byField(truncation),
  dateAddDays: compute((date: number, days: number) => checkedDate(date + days)),
  dateSubtractDays: compute((date: number, days: number) => checkedDate(date - days)),
  dateDifference: compute(dateDifference),
  addInterval: compute(addInterval),
  subtractInterval: compute((value: bigint, interval: Interval) => addInterval(value, negate(interval))),
  timestampDifference: compute(timestampDifference),
  intervalAdd: compute(intervalSum),
  intervalSubtract: compute((a: Interval, b: Interval) => intervalSum(a, negate(b))),
  intervalNegate: compute(negate),
  intervalMultiply: compute(intervalMultiply),
  makeDate: compute(makeDate),
  toTimestamp: compute(toTimestamp),
} satisfies Record<string, Implementation>;
