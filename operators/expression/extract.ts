import {
  civilFromDays,
  daysFromCivil,
  type Interval,
  QueryError,
  type SqlType,
  typeName,
} from '../../columnar/index.ts';
import {
  dayOfWeek,
  isoWeek,
  type Moment,
  microsPerDay,
  microsPerHour,
  microsPerMinute,
  microsPerSecond,
  momentOf,
} from './calendar.ts';

// `extract(field from …)`: results are numeric(38, 6), so their unscaled value is the field in millionths.

type Extractor = (value: never) => bigint;

/** Field names come from queries: a Map has no names but its own. */
function fieldMap<Value>(fields: Readonly<Record<string, Value>>): ReadonlyMap<string, Value> {
  return new Map(Object.entries(fields));
}

const millionths = (value: number): bigint => BigInt(Math.round(value * 1_000_000));

/** Year 0 is 1 BC, which SQL calls -1. */
const shownYear = (year: number): number => (year > 0 ? year : year - 1);

const dateFields = fieldMap<(days: number) => number>({
  millennium: (days) => periodOf(civilFromDays(days).year, 1_000),
  century: (days) => periodOf(civilFromDays(days).year, 100),
  decade: (days) => Math.floor(civilFromDays(days).year / 10),
  year: (days) => shownYear(civilFromDays(days).year),
  quarter: (days) => Math.floor((civilFromDays(days).month + 2) / 3),
  month: (days) => civilFromDays(days).month,
  day: (days) => civilFromDays(days).day,
  dow: dayOfWeek,
  isodow: (days) => ((dayOfWeek(days) + 6) % 7) + 1,
  doy: (days) => days - daysFromCivil(civilFromDays(days).year, 1, 1) + 1,
  week: (days) => isoWeek(days).week,
  isoyear: (days) => shownYear(isoWeek(days).year),
});

const timeFields = fieldMap<(micros: number) => number>({
  hour: (micros) => Math.floor(micros / microsPerHour),
  minute: (micros) => Math.floor(micros / microsPerMinute) % 60,
  second: (micros) => (micros % microsPerMinute) / microsPerSecond,
  milliseconds: (micros) => (micros % microsPerMinute) / 1_000,
  microseconds: (micros) => micros % microsPerMinute,
});

/** Centuries and millennia begin with their year 1; those before year 1 count down from -1. */
function periodOf(year: number, length: number): number {
  return year > 0 ? Math.floor((year + length - 1) / length) : -Math.floor((length - year) / length);
}

/** Day 0 of the Julian day numbers. */
const julianDay = 2_440_588;

function momentExtractor(field: string, withZone: boolean): ((moment: Moment) => bigint) | null {
  const ofDate = dateFields.get(field);
  if (ofDate !== undefined) return ({ days }) => millionths(ofDate(days));
  const ofTime = timeFields.get(field);
  if (ofTime !== undefined) return ({ micros }) => millionths(ofTime(micros));
  if (field === 'epoch') return ({ days, micros }) => BigInt(days) * BigInt(microsPerDay) + BigInt(micros);
  if (field === 'julian') {
    return ({ days, micros }) => BigInt(days + julianDay) * 1_000_000n + millionths(micros / microsPerDay);
  }
  return withZone && field.startsWith('timezone') ? () => 0n : null;
}

const intervalFields = fieldMap<(interval: Interval) => number>({
  millennium: ({ months }) => Math.trunc(months / 12_000),
  century: ({ months }) => Math.trunc(months / 1_200),
  decade: ({ months }) => Math.trunc(months / 120),
  year: ({ months }) => Math.trunc(months / 12),
  // Of a negative interval the quarter is negative too.
  quarter: ({ months }) => (months >= 0 ? Math.trunc((months % 12) / 3) + 1 : Math.trunc((months % 12) / 3) - 1),
  month: ({ months }) => months % 12,
  day: ({ days }) => days,
  hour: ({ micros }) => Number(micros / BigInt(microsPerHour)),
  minute: ({ micros }) => Number((micros / BigInt(microsPerMinute)) % 60n),
  second: ({ micros }) => Number(micros % BigInt(microsPerMinute)) / microsPerSecond,
  milliseconds: ({ micros }) => Number(micros % BigInt(microsPerMinute)) / 1_000,
  microseconds: ({ micros }) => Number(micros % BigInt(microsPerMinute)),
});

function intervalExtractor(field: string): ((interval: Interval) => bigint) | null {
  const ofInterval = intervalFields.get(field);
  if (ofInterval !== undefined) return (interval) => millionths(ofInterval(interval));
  if (field !== 'epoch') return null;
  // A year is 365.25 days, a month 30: in quarter days, to stay whole.
  return ({ months, days, micros }) => {
    const quarterDays = 1_461 * Math.trunc(months / 12) + 120 * (months % 12) + 4 * days;
    return (BigInt(quarterDays) * BigInt(microsPerDay)) / 4n + micros;
  };
}

function dateExtractor(field: string): ((days: number) => bigint) | null {
  if (timeFields.get(field) !== undefined) return null;
  const extract = momentExtractor(field, false);
  return extract === null ? null : (days) => extract({ days, micros: 0 });
}

const fieldAliases: ReadonlyMap<string, string> = new Map([
  ['millennia', 'millennium'],
  ['millenniums', 'millennium'],
  ['centuries', 'century'],
  ['decades', 'decade'],
  ['years', 'year'],
  ['quarters', 'quarter'],
  ['months', 'month'],
  ['weeks', 'week'],
  ['days', 'day'],
  ['hours', 'hour'],
  ['minutes', 'minute'],
  ['seconds', 'second'],
  ['millisecond', 'milliseconds'],
  ['microsecond', 'microseconds'],
]);

/** The one name of a field of a date or time that may be written in several ways. */
export function fieldName(text: string): string {
  const lower = text.toLowerCase();
  return fieldAliases.get(lower) ?? lower;
}

/** @throws QueryError invalidParameter, unsupported when `from` has no such field */
export function extractor(fieldText: string, from: SqlType): Extractor {
  const field = fieldName(fieldText);
  const found = find(field, from);
  if (found !== null) return found;
  const known = dateFields.has(field) || timeFields.has(field) || ['epoch', 'julian', 'timezone'].includes(field);
  if (known) throw new QueryError('unsupported', `unit "${field}" not supported for type ${typeName(from)}`);
  throw new QueryError('invalidParameter', `unit "${field}" not recognized for type ${typeName(from)}`);
}

function find(field: string, from: SqlType): Extractor | null {
  switch (from.kind) {
    case 'date':
      return dateExtractor(field);
    case 'interval':
      return intervalExtractor(field);
    case 'timestamp':
    case 'timestamptz': {
      const extract = momentExtractor(field, from.kind === 'timestamptz');
      return extract === null ? null : (micros: bigint) => extract(momentOf(micros));
    }
    default:
      return null;
  }
}
