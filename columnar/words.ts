import { QueryError } from './error.ts';
import type { Interval } from './types.ts';

// Values of more than one word: Decimal128 and Arrow's month-day-nano interval.

/** Reads the numeric of a row: two words, low word first, two's complement. */
export function readNumeric(values: BigInt64Array, row: number): bigint {
  const low = values[2 * row] as bigint;
  const high = values[2 * row + 1] as bigint;
  // Most numbers fit one word, and arithmetic on short bigints is much cheaper.
  if (high === low >> 63n) return low;
  return (high << 64n) | BigInt.asUintN(64, low);
}

/** Writes a numeric of at most 128 bits. */
export function writeNumeric(values: BigInt64Array, row: number, value: bigint): void {
  // Storing into a BigInt64Array keeps the low 64 bits.
  values[2 * row] = value;
  values[2 * row + 1] = value >> 64n;
}

const nanosPerMicro = 1_000n;
/** 64 bits of nanoseconds: about 292 years. */
const microsMax = (2n ** 63n - 1n) / nanosPerMicro;

/** Reads the interval of a row: four words, months, days, nanoseconds low and high. */
export function readInterval(values: Int32Array, row: number): Interval {
  const at = 4 * row;
  const nanos = (BigInt(values[at + 3] as number) << 32n) | BigInt((values[at + 2] as number) >>> 0);
  return { months: values[at] as number, days: values[at + 1] as number, micros: nanos / nanosPerMicro };
}

/** @throws QueryError datetimeOverflow when a part does not fit its words */
export function writeInterval(values: Int32Array, row: number, value: Interval): void {
  const { months, days, micros } = value;
  if ((months | 0) !== months || (days | 0) !== days || micros > microsMax || micros < -microsMax) {
    throw new QueryError('datetimeOverflow', 'interval out of range');
  }
  const nanos = micros * nanosPerMicro;
  const at = 4 * row;
  values[at] = months;
  values[at + 1] = days;
  values[at + 2] = Number(BigInt.asIntN(32, nanos));
  values[at + 3] = Number(nanos >> 32n);
}
