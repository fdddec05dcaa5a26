import { type SqlType, types } from '../../columnar/index.ts';
import type { CsvRecords } from './csv-records.ts';
import { fieldForm } from './csv-records.ts';
import { integerDigits, readBigInteger, readBoolean, readDate, readFloat, readInstant } from './scalars.ts';

// What a column's values look like, one bit each; a column is the set of what was seen in it.
const looks = {
  boolean: 1,
  int4: 2,
  int8: 4,
  integer: 8,
  float: 16,
  date: 32,
  timestamp: 64,
  timestamptz: 128,
  text: 256,
} as const;

const int4Max = 2n ** 31n - 1n;
const int8Max = 2n ** 63n - 1n;

/** Chooses the narrowest type that holds every value of a column. */
export class TypeGuess {
  #seen = 0;

  /** Looks at one column of the records that were taken last. Empty fields say nothing. */
  observe(records: CsvRecords, rows: number, column: number): void {
    const { bytes, starts, ends, forms, width } = records;
    for (let row = 0; row < rows && !(this.#seen & looks.text); row++) {
      const index = row * width + column;
      const start = starts[index] ?? 0;
      const end = ends[index] ?? 0;
      if (start === end) continue;
      this.#seen |= forms[index] === fieldForm.escaped ? looks.text : lookOf(bytes, start, end);
    }
  }

  /**
   * boolean; int4, int8, numeric(38, 0) by the largest integer, float8 once there is a fraction or exponent;
   * date; timestamp, also for dates among timestamps; timestamptz; text for everything else, for mixtures
   * and for a column without any value.
   */
  type(): SqlType {
    const seen = this.#seen;
    const only = (...parts: number[]): boolean => seen !== 0 && (seen & ~parts.reduce((a, b) => a | b)) === 0;
    if (only(looks.boolean)) return types.boolean;
    if (only(looks.int4)) return types.int4;
    if (only(looks.int4, looks.int8)) return types.int8;
    if (only(looks.int4, looks.int8, looks.integer)) return types.numeric(38, 0);
    if (only(looks.int4, looks.int8, looks.integer, looks.float)) return types.float8;
    if (only(looks.date)) return types.date;
    if (only(looks.date, looks.timestamp)) return types.timestamp;
    if (only(looks.timestamptz)) return types.timestamptz;
    return types.text;
  }
}

function lookOf(bytes: Uint8Array, start: number, end: number): number {
  const digits = integerDigits(bytes, start, end);
  if (digits > 0) return integerLook(bytes, start, end, digits);
  if (readFloat(bytes, start, end) !== undefined) return looks.float;
  if (readDate(bytes, start, end) !== undefined) return looks.date;
  const instant = readInstant(bytes, start, end);
  if (instant) return instant.zoned ? looks.timestamptz : looks.timestamp;
  return readBoolean(bytes, start, end) === null ? looks.text : looks.boolean;
}

function integerLook(bytes: Uint8Array, start: number, end: number, digits: number): number {
  if (digits < 10) return looks.int4;
  if (digits > 10 && digits < 19) return looks.int8;
  if (digits > 38) return looks.float;
  const value = readBigInteger(bytes, start, end);
  const size = value < 0n ? -value - 1n : value;
  if (size <= int4Max) return looks.int4;
  return size <= int8Max ? looks.int8 : looks.integer;
}
