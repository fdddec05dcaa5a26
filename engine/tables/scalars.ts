import { daysFromCivil } from '../../columnar/index.ts';

// Values as text files write them, straight from the bytes: no string is made for a cell.

const dot = 0x2e;
const minus = 0x2d;
const plus = 0x2b;
const colon = 0x3a;

export function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

/** True when `bytes[start, end)` is `word`, given in lower case, in letters of any case. */
export function isWord(bytes: Uint8Array, start: number, end: number, word: string): boolean {
  if (end - start !== word.length) return false;
  for (let i = 0; i < word.length; i++) {
    if (((bytes[start + i] ?? 0) | 0x20) !== word.charCodeAt(i)) return false;
  }
  return true;
}

/** `true`, `false`; `null` when it is neither. */
export function readBoolean(bytes: Uint8Array, start: number, end: number): boolean | null {
  if (isWord(bytes, start, end, 'true')) return true;
  return isWord(bytes, start, end, 'false') ? false : null;
}

/**
 * Digits of an integer: how many, sign apart; 0 when it is none. A leading zero or `+` makes an identifier or
 * a telephone number of it, not a number.
 */
export function integerDigits(bytes: Uint8Array, start: number, end: number): number {
  const first = bytes[start] === minus ? start + 1 : start;
  if (first >= end || (bytes[first] === 0x30 && end - first > 1)) return 0;
  for (let at = first; at < end; at++) {
    const byte = bytes[at] ?? 0;
    if (byte < 0x30 || byte > 0x39) return 0;
  }
  return end - first;
}

/** An integer of at most 15 digits, already known to be one. */
export function readSmallInteger(bytes: Uint8Array, start: number, end: number): number {
  const negative = bytes[start] === minus;
  let value = 0;
  for (let at = negative ? start + 1 : start; at < end; at++) value = value * 10 + ((bytes[at] ?? 0) - 0x30);
  return negative ? -value : value;
}

export function readBigInteger(bytes: Uint8Array, start: number, end: number): bigint {
  return BigInt(latin1(bytes, start, end));
}

const powersOfTen = Float64Array.from({ length: 23 }, (_, n) => Number(`1e${n}`));

/**
 * A decimal number with or without exponent, `NaN` or `[-]Infinity`; `undefined` when it is none.
 * Up to 15 digits and 10^±22 the quotient of two exact doubles is correctly rounded (Clinger, 1990);
 * `Number` does the rest.
 */
export function readFloat(bytes: Uint8Array, start: number, end: number): number | undefined {
  let at = bytes[start] === minus ? start + 1 : start;
  const digitsStart = at;
  let mantissa = 0;
  let digits = 0;
  for (; isDigit(bytes[at]) && at < end; at++, digits++) mantissa = mantissa * 10 + ((bytes[at] ?? 0) - 0x30);
  if (digits > 1 && bytes[digitsStart] === 0x30) return undefined;
  let scale = 0;
  if (at < end && bytes[at] === dot) {
    for (at++; at < end && isDigit(bytes[at]); at++, scale++) mantissa = mantissa * 10 + ((bytes[at] ?? 0) - 0x30);
  }
  if (digits + scale === 0) return readSpecialFloat(bytes, start, end);
  if (at < end) return readExponentFloat(bytes, start, at, end);
  if (digits + scale > 15) return Number(latin1(bytes, start, end));
  const value = mantissa / (powersOfTen[scale] ?? 1);
  return bytes[start] === minus ? -value : value;
}

function readExponentFloat(bytes: Uint8Array, start: number, at: number, end: number): number | undefined {
  if (((bytes[at] ?? 0) | 0x20) !== 0x65) return undefined;
  let digit = at + 1;
  if (bytes[digit] === plus || bytes[digit] === minus) digit++;
  if (digit >= end) return undefined;
  for (; digit < end; digit++) if (!isDigit(bytes[digit])) return undefined;
  return Number(latin1(bytes, start, end));
}

function readSpecialFloat(bytes: Uint8Array, start: number, end: number): number | undefined {
  if (isWord(bytes, start, end, 'nan')) return Number.NaN;
  if (isWord(bytes, start, end, 'infinity')) return Number.POSITIVE_INFINITY;
  return bytes[start] === minus && isWord(bytes, start + 1, end, 'infinity') ? Number.NEGATIVE_INFINITY : undefined;
}

/** `YYYY-MM-DD` as days since 1970-01-01; `undefined` when it is no date of the calendar. */
export function readDate(bytes: Uint8Array, start: number, end: number): number | undefined {
  if (end - start !== 10 || bytes[start + 4] !== minus || bytes[start + 7] !== minus) return undefined;
  const year = twoDigits(bytes, start) * 100 + twoDigits(bytes, start + 2);
  const month = twoDigits(bytes, start + 5);
  const day = twoDigits(bytes, start + 8);
  if (!(year >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month))) return undefined;
  return daysFromCivil(year, month, day);
}

export interface Instant {
  /** Since 1970-01-01 00:00, in UTC when `zoned`. */
  readonly micros: bigint;
  readonly zoned: boolean;
}

/**
 * `YYYY-MM-DD[ T]HH:MM[:SS[.digits]][Z|±HH[[:]MM]]`; `undefined` when it is none. Digits beyond
 * microseconds are cut off.
 */
export function readInstant(bytes: Uint8Array, start: number, end: number): Instant | undefined {
  const days = readDate(bytes, start, Math.min(start + 10, end));
  const separator = bytes[start + 10];
  if (days === undefined || end - start < 16 || (separator !== 0x20 && separator !== 0x54)) return undefined;
  const hour = twoDigits(bytes, start + 11);
  const minute = twoDigits(bytes, start + 14);
  if (bytes[start + 13] !== colon || !(hour <= 23) || !(minute <= 59)) return undefined;
  let at = start + 16;
  let second = 0;
  let micros = 0;
  if (at < end && bytes[at] === colon) {
    second = end - at >= 3 ? twoDigits(bytes, at + 1) : Number.NaN;
    if (!(second <= 59)) return undefined;
    at += 3;
    if (at < end && bytes[at] === dot) {
      const first = at + 1;
      let unit = 100_000;
      for (at = first; at < end && isDigit(bytes[at]); at++, unit = Math.floor(unit / 10)) {
        micros += ((bytes[at] ?? 0) - 0x30) * unit;
      }
      if (at === first) return undefined;
    }
  }
  const offsetMinutes = at === end ? 0 : readZone(bytes, at, end);
  if (offsetMinutes === undefined) return undefined;
  const seconds = days * 86_400 + hour * 3_600 + (minute - offsetMinutes) * 60 + second;
  return { micros: BigInt(seconds) * 1_000_000n + BigInt(micros), zoned: at < end };
}

/** `Z`, `±HH`, `±HHMM`, `±HH:MM` as minutes east of UTC. */
function readZone(bytes: Uint8Array, start: number, end: number): number | undefined {
  const sign = bytes[start];
  if (sign === 0x5a && end - start === 1) return 0;
  if (sign !== plus && sign !== minus) return undefined;
  const minutesAt = bytes[start + 3] === colon ? start + 4 : start + 3;
  const hours = end - start >= 3 ? twoDigits(bytes, start + 1) : Number.NaN;
  const minutes = end === start + 3 ? 0 : end === minutesAt + 2 ? twoDigits(bytes, minutesAt) : Number.NaN;
  if (!(hours <= 15) || !(minutes <= 59)) return undefined;
  return sign === minus ? -(hours * 60 + minutes) : hours * 60 + minutes;
}

/** NaN when either is no digit. */
function twoDigits(bytes: Uint8Array, at: number): number {
  const tens = (bytes[at] ?? 0) - 0x30;
  const units = (bytes[at + 1] ?? 0) - 0x30;
  return tens >= 0 && tens <= 9 && units >= 0 && units <= 9 ? tens * 10 + units : Number.NaN;
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

export function latin1(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let at = start; at < end; at++) text += String.fromCharCode(bytes[at] ?? 0);
  return text;
}
