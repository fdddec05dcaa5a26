import { QueryError } from './error.ts';

// A numeric is a bigint, unscaled: value * 10^scale. What is not about one column's layout is here.

/** Decimal digits that always fit into 128 bits. */
export const numericPrecisionMax = 38;

const powers: readonly bigint[] = Array.from(
  { length: 2 * numericPrecisionMax + 1 },
  (_, exponent) => 10n ** BigInt(exponent),
);

/** 10^exponent, for an integer exponent from 0 on. */
export function powerOfTen(exponent: number): bigint {
  return powers[exponent] ?? 10n ** BigInt(exponent);
}

/** The same number with another scale; digits that fall off are rounded half away from zero. */
export function rescale(value: bigint, fromScale: number, toScale: number): bigint {
  if (toScale === fromScale) return value;
  if (toScale > fromScale) return value * powerOfTen(toScale - fromScale);
  return divideRounding(value, powerOfTen(fromScale - toScale));
}

/** Quotient rounded half away from zero; `divisor` is positive. */
export function divideRounding(value: bigint, divisor: bigint): bigint {
  const half = divisor / 2n;
  return value < 0n ? -((half - value) / divisor) : (value + half) / divisor;
}

/** Whether an unscaled value has at most `precision` digits. */
export function numericFits(value: bigint, precision: number): boolean {
  const limit = powerOfTen(precision);
  return value < limit && value > -limit;
}

/** A decimal number as it was written. */
export interface Decimal {
  readonly unscaled: bigint;
  /** Digits behind the point, from 0 on. */
  readonly scale: number;
  /** Smallest precision of a numeric that holds it: significant digits, at least 1 and at least `scale`. */
  readonly precision: number;
}

const decimalPattern = /^([+-]?)(\d*)(?:\.(\d*))?(?:e([+-]?\d+))?$/i;

/** Longer ones are refused before any arithmetic, which is quadratic in them. */
const digitsMax = 1_000;

/**
 * Reads `1`, `-1.50`, `.5`, `1e6`; `null` when it is no decimal number.
 * @throws QueryError outOfRange for a number of more than a thousand digits, written out
 */
export function parseDecimal(text: string): Decimal | null {
  const match = decimalPattern.exec(text);
  if (match === null) return null;
  const [, sign = '', whole = '', fraction = '', exponentText = '0'] = match;
  const digits = (whole + fraction).replace(/^0+/, '');
  if (whole === '' && fraction === '') return null;
  const exponent = Number(exponentText);
  const scale = fraction.length - exponent;
  if (digits.length > digitsMax || Math.abs(scale) > digitsMax) {
    throw new QueryError('outOfRange', 'value overflows numeric format');
  }
  const magnitude = BigInt(digits === '' ? '0' : digits) * powerOfTen(Math.max(0, -scale));
  const unscaled = sign === '-' ? -magnitude : magnitude;
  const scaleKept = Math.max(0, scale);
  const significant = magnitude === 0n ? 1 : digits.length + Math.max(0, -scale);
  return { unscaled, scale: scaleKept, precision: Math.max(significant, scaleKept, 1) };
}

/** `150n`, 2 -> `1.50`: all of the scale's digits, as PostgreSQL prints a numeric. */
export function formatDecimal(unscaled: bigint, scale: number): string {
  if (scale === 0) return unscaled.toString();
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0');
  const point = digits.length - scale;
  return `${unscaled < 0n ? '-' : ''}${digits.slice(0, point)}.${digits.slice(point)}`;
}
