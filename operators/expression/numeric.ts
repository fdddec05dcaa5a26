import { formatDecimal, parseDecimal, powerOfTen, QueryError, rescale } from '../../columnar/index.ts';
import { numericOutOfRange } from './raise.ts';
import type { Scope } from './scope.ts';

/** The quotient, halves rounded away from zero. */
export function divideRounded(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  const remainder = dividend % divisor;
  const twice = (remainder < 0n ? -remainder : remainder) * 2n;
  if (twice < (divisor < 0n ? -divisor : divisor)) return quotient;
  return dividend < 0n === divisor < 0n ? quotient + 1n : quotient - 1n;
}

/** Code for an unscaled value at another scale; digits cut off round half away from zero. */
export function rescaled(scope: Scope, value: string, fromScale: number, toScale: number): string {
  if (fromScale === toScale) return value;
  const factor = scope.constant(powerOfTen(Math.abs(toScale - fromScale)));
  if (toScale > fromScale) return scope.let(`${value} * ${factor}`);
  return scope.let(`${scope.constant(divideRounded)}(${value}, ${factor})`);
}

/** Largest integer that a double holds exactly, and the largest exact power of ten. */
const exactIntegerMax = BigInt(Number.MAX_SAFE_INTEGER);
const exactPowerOfTenMax = 22;

/** The nearest double. */
export function numericToNumber(unscaled: bigint, scale: number): number {
  if (scale <= exactPowerOfTenMax && unscaled <= exactIntegerMax && unscaled >= -exactIntegerMax) {
    return Number(unscaled) / 10 ** scale; // Both exact, so the quotient is rounded once.
  }
  return Number(formatDecimal(unscaled, scale));
}

/** As PostgreSQL: the shortest-rounded `digits` significant digits (15 of a float8, 6 of a float4), then the scale. */
export function numberToNumeric(value: number, digits: number, scale: number): bigint {
  if (!Number.isFinite(value)) throw new QueryError('outOfRange', `cannot convert ${String(value)} to numeric`);
  if (Math.abs(value) >= 1e38) numericOutOfRange();
  const [mantissa, exponent] = value.toExponential(digits - 1).split('e') as [string, string];
  const decimal = parseDecimal(mantissa);
  if (decimal === null) throw new QueryError('internal', `not a decimal number: ${mantissa}`);
  return rescale(decimal.unscaled, decimal.scale - Number(exponent), scale);
}
