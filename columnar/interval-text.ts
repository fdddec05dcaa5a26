import { QueryError } from './error.ts';
import { microsPerDay, microsPerHour, microsPerMinute, microsPerSecond } from './interval.ts';
import type { Interval } from './types.ts';

/** `04:05:06.5`: hours as many as there are, fractions without trailing zeros. */
export function formatTime(micros: bigint): string {
  const twoDigits = (value: bigint): string => value.toString().padStart(2, '0');
  const hours = twoDigits(micros / microsPerHour);
  const minutes = twoDigits((micros / microsPerMinute) % 60n);
  const seconds = twoDigits((micros / microsPerSecond) % 60n);
  const fraction = micros % microsPerSecond;
  const fractionText = fraction === 0n ? '' : `.${fraction.toString().padStart(6, '0').replace(/0+$/, '')}`;
  return `${hours}:${minutes}:${seconds}${fractionText}`;
}

/** PostgreSQL's own style: `1 year 2 mons -3 days +04:05:06`; each part has its sign. */
export function formatInterval({ months, days, micros }: Interval): string {
  const parts: string[] = [];
  let afterNegative = false;
  const add = (count: number, unit: string): void => {
    if (count === 0) return;
    parts.push(`${afterNegative && count > 0 ? '+' : ''}${count} ${unit}${count === 1 ? '' : 's'}`);
    afterNegative = count < 0;
  };
  add(Math.trunc(months / 12), 'year');
  add(months % 12, 'mon');
  add(days, 'day');
  if (micros !== 0n || parts.length === 0) {
    const sign = micros < 0n ? '-' : afterNegative ? '+' : '';
    parts.push(sign + formatTime(micros < 0n ? -micros : micros));
  }
  return parts.join(' ');
}

interface Unit {
  readonly months: number;
  readonly days: number;
  readonly micros: bigint;
}

const ofMonths = (months: number): Unit => ({ months, days: 0, micros: 0n });
const ofDays = (days: number): Unit => ({ months: 0, days, micros: 0n });
const ofMicros = (micros: bigint): Unit => ({ months: 0, days: 0, micros });
const second = ofMicros(microsPerSecond);

const unitsByName: ReadonlyMap<string, Unit> = new Map(
  (
    [
      [ofMicros(1n), ['us', 'usec', 'usecs', 'usecond', 'useconds', 'microsecond', 'microseconds']],
      [ofMicros(1_000n), ['ms', 'msec', 'msecs', 'msecond', 'mseconds', 'millisecond', 'milliseconds']],
      [second, ['s', 'sec', 'secs', 'second', 'seconds']],
      [ofMicros(microsPerMinute), ['m', 'min', 'mins', 'minute', 'minutes']],
      [ofMicros(microsPerHour), ['h', 'hr', 'hrs', 'hour', 'hours']],
      [ofDays(1), ['d', 'day', 'days']],
      [ofDays(7), ['w', 'week', 'weeks']],
      [ofMonths(1), ['mon', 'mons', 'month', 'months']],
      [ofMonths(12), ['y', 'yr', 'yrs', 'year', 'years']],
      [ofMonths(120), ['decade', 'decades']],
      [ofMonths(1_200), ['century', 'centuries']],
      [ofMonths(12_000), ['millennium', 'millennia']],
    ] as const
  ).flatMap(([unit, names]) => names.map((name) => [name, unit])),
);

const isoDateUnits: ReadonlyMap<string, Unit> = new Map([
  ['Y', ofMonths(12)],
  ['M', ofMonths(1)],
  ['W', ofDays(7)],
  ['D', ofDays(1)],
]);
const isoTimeUnits: ReadonlyMap<string, Unit> = new Map([
  ['H', ofMicros(microsPerHour)],
  ['M', ofMicros(microsPerMinute)],
  ['S', second],
]);

/**
 * Reads `1 day 2 hours`, `1.5 h ago`, `3 04:05:06`, `1-2` (years-months), `500 ms`, a bare number of seconds
 * and ISO 8601 durations.
 * @throws QueryError invalidDatetime, intervalOverflow
 */
export function parseInterval(text: string): Interval {
  // Longer than any interval in use; it keeps numbers short.
  const sum = text.length > 255 ? null : /^\s*P/i.test(text) ? parseIso(text.trim()) : parsePhrases(text.trim());
  if (sum === null) throw new QueryError('invalidDatetime', `invalid input syntax for type interval: "${text}"`);
  return sum.interval(text);
}

/** Adds up parts, each exactly: fractions of months become days, fractions of days microseconds. */
class Sum {
  #months = 0;
  #days = 0;
  #micros = 0n;

  /** @param number decimal digits with sign, perhaps a point */
  add(number: string, unit: Unit): void {
    const negative = number.startsWith('-');
    const [whole = '', fraction = ''] = number.replace(/^[+-]/, '').split('.');
    this.#addWhole(BigInt(whole === '' ? 0 : whole), unit, negative);
    if (/[1-9]/.test(fraction)) this.#addFraction(Number(`0.${fraction}`), unit, negative);
  }

  #addWhole(count: bigint, unit: Unit, negative: boolean): void {
    const signed = negative ? -count : count;
    this.#months += Number(signed) * unit.months;
    this.#days += Number(signed) * unit.days;
    this.#micros += signed * unit.micros;
  }

  #addFraction(fraction: number, unit: Unit, negative: boolean): void {
    const sign = negative ? -1 : 1;
    const months = fraction * unit.months;
    // A fraction of a year ends in whole months, as in PostgreSQL.
    const wholeMonths = unit.months >= 12 ? Math.round(months) : 0;
    const days = unit.months === 1 ? fraction * 30 : fraction * unit.days;
    const wholeDays = Math.trunc(days);
    const micros = unit.micros === 0n ? (days - wholeDays) * Number(microsPerDay) : fraction * Number(unit.micros);
    this.#months += sign * wholeMonths;
    this.#days += sign * wholeDays;
    this.#micros += BigInt(sign * Math.round(micros));
  }

  negate(): void {
    this.#months = -this.#months;
    this.#days = -this.#days;
    this.#micros = -this.#micros;
  }

  interval(text: string): Interval {
    const fits =
      Math.abs(this.#months) < 2 ** 31 &&
      Math.abs(this.#days) < 2 ** 31 &&
      BigInt.asIntN(64, this.#micros) === this.#micros;
    if (!fits) throw outOfRange(text);
    // Adding 0 turns -0 into 0.
    return { months: this.#months + 0, days: this.#days + 0, micros: this.#micros };
  }
}

const phrase =
  /\s*(?:@|(?<ago>ago)$|(?<clock>[+-]?\d+:\d{1,2}(?::\d{1,2}(?:\.\d*)?)?)|(?<years>[+-]?\d+)-(?<months>\d+)|(?<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+))\s*(?<unit>[a-z]+)?)(?=[\s\d+.-]|$)/iy;

function parsePhrases(text: string): Sum | null {
  const sum = new Sum();
  const unitsSeen = new Set<Unit>();
  phrase.lastIndex = 0;
  let found = false;
  while (phrase.lastIndex < text.length) {
    const groups = phrase.exec(text)?.groups;
    if (groups === undefined) return null;
    const { ago, clock, years, months, number, unit } = groups;
    if (ago !== undefined) {
      sum.negate();
    } else if (clock !== undefined) {
      addClock(sum, clock, text);
    } else if (years !== undefined && months !== undefined) {
      if (Number(months) >= 12) return null;
      sum.add(years, ofMonths(12));
      sum.add(`${years.startsWith('-') ? '-' : ''}${months}`, ofMonths(1));
    } else if (number !== undefined) {
      const known = unit === undefined ? bareUnit(text, phrase.lastIndex) : unitsByName.get(unit.toLowerCase());
      if (known === undefined || unitsSeen.has(known)) return null;
      unitsSeen.add(known);
      sum.add(number, known);
    }
    found ||= (clock ?? years ?? number) !== undefined;
  }
  return found ? sum : null;
}

/** A number without unit is days before a time of day, and seconds at the end. */
function bareUnit(text: string, end: number): Unit | undefined {
  const rest = text.slice(end);
  if (/^[+-]?\d+:/.test(rest)) return ofDays(1);
  return rest === '' ? second : undefined;
}

function addClock(sum: Sum, clock: string, text: string): void {
  const sign = clock.startsWith('-') ? '-' : '';
  const [hours = '', minutes = '', seconds = '0'] = clock.replace(/^[+-]/, '').split(':');
  if (Number(minutes) >= 60 || Number(seconds) >= 61) throw outOfRange(text);
  sum.add(sign + hours, ofMicros(microsPerHour));
  sum.add(sign + minutes, ofMicros(microsPerMinute));
  sum.add(sign + seconds, second);
}

/** `P1Y2M3W4DT5H6M7.5S`; every number may have a sign. */
function parseIso(text: string): Sum | null {
  const match = /^P([^T]*)(?:T(.+))?$/i.exec(text);
  if (match === null) return null;
  const [, dates = '', times = ''] = match;
  const sum = new Sum();
  if (dates === '' && times === '') return null;
  if (!addIso(sum, dates, isoDateUnits) || !addIso(sum, times, isoTimeUnits)) return null;
  return sum;
}

const isoPart = /([+-]?(?:\d+(?:\.\d*)?|\.\d+))([a-z])/iy;

function addIso(sum: Sum, text: string, units: ReadonlyMap<string, Unit>): boolean {
  isoPart.lastIndex = 0;
  while (isoPart.lastIndex < text.length) {
    const match = isoPart.exec(text);
    const unit = units.get(match?.[2]?.toUpperCase() ?? '');
    if (match === null || unit === undefined) return false;
    sum.add(match[1] as string, unit);
  }
  return true;
}

function outOfRange(text: string): QueryError {
  return new QueryError('intervalOverflow', `interval field value out of range: "${text}"`);
}
