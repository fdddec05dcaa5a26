import type { SqlType } from '../columnar/index.ts';
import { numericPrecisionMax, types } from '../columnar/index.ts';

// PostgreSQL's numeric is unbounded; ours has 38 digits with the point at a fixed place, so every result
// type is a choice of scale. Results use the full precision: what does not fit raises 22003 at run time.

export type NumericType = Extract<SqlType, { kind: 'numeric' }>;

/** Digits behind the point that a quotient or an average has at least. */
export const divisionScaleMin = 16;

/** Products keep all digits up to this scale; beyond, the larger scale of the factors if that is more. */
const productScaleMax = 20;

/** Decimal digits that hold every value of an integer type. */
const integerDigits = { int2: 5, int4: 10, int8: 19 } as const;

/** The numeric type that holds every value of a number type exactly; `null` for other types. */
export function asNumeric(type: SqlType): NumericType | null {
  switch (type.kind) {
    case 'numeric':
      return type;
    case 'int2':
    case 'int4':
    case 'int8':
      return numeric(integerDigits[type.kind], 0);
    default:
      return null;
  }
}

/** Holds the values of both as far as 38 digits go: the larger scale, the more digits before the point. */
export function commonNumeric(a: NumericType, b: NumericType): NumericType {
  const scale = Math.max(a.scale, b.scale);
  const digits = Math.max(a.precision - a.scale, b.precision - b.scale);
  return numeric(Math.min(numericPrecisionMax, digits + scale), scale);
}

export function arithmeticNumeric(operator: '+' | '-' | '*' | '/' | '%', a: NumericType, b: NumericType): NumericType {
  const larger = Math.max(a.scale, b.scale);
  switch (operator) {
    case '+':
    case '-':
    case '%':
      return numeric(numericPrecisionMax, larger);
    case '*':
      return numeric(numericPrecisionMax, Math.min(a.scale + b.scale, Math.max(larger, productScaleMax)));
    case '/':
      return numeric(numericPrecisionMax, Math.max(larger, divisionScaleMin));
  }
}

function numeric(precision: number, scale: number): NumericType {
  return types.numeric(precision, scale) as NumericType;
}
