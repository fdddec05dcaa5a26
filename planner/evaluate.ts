import type { Interval, SqlType, SqlValue } from '../columnar/index.ts';
import { compareValues, formatDecimal, numericFits, rescale } from '../columnar/index.ts';
import { isLiteral, literal } from './expressions.ts';
import type { FunctionId } from './functions.ts';
import type { Expression } from './plan.ts';

// Values of literal expressions at plan time: only what every node would compute alike without failing.
// Each function gives `null` for "leave it to run time".

const integerRanges: { readonly [K in SqlType['kind']]?: readonly [bigint, bigint] } = {
  int2: [-(2n ** 15n), 2n ** 15n - 1n],
  int4: [-(2n ** 31n), 2n ** 31n - 1n],
  int8: [-(2n ** 63n), 2n ** 63n - 1n],
};

/** @returns a literal, or `null` */
export function evaluateCall(id: FunctionId, args: readonly Expression[], type: SqlType): Expression | null {
  const values = args.map((arg) => (isLiteral(arg) ? arg.value : null));
  const [a = null, b = null] = values;
  const argType = args[0]?.type ?? type;
  if (id === 'isNull') return literal(a === null, type);
  if (id === 'isTrue') return literal(a === true, type);
  if (id === 'isFalse') return literal(a === false, type);
  if (values.includes(null)) return null;
  const value = evaluateStrict(id, argType, type, a as SqlValue, b);
  return value === null ? null : literal(value, type);
}

function evaluateStrict(
  id: FunctionId,
  argType: SqlType,
  type: SqlType,
  a: SqlValue,
  b: SqlValue | null,
): SqlValue | null {
  if (b === null) return id === 'negate' ? negated(type, a) : null;
  switch (id) {
    case 'equal':
      return compareValues(argType, a, b) === 0;
    case 'notEqual':
      return compareValues(argType, a, b) !== 0;
    case 'less':
      return compareValues(argType, a, b) < 0;
    case 'lessOrEqual':
      return compareValues(argType, a, b) <= 0;
    case 'greater':
      return compareValues(argType, a, b) > 0;
    case 'greaterOrEqual':
      return compareValues(argType, a, b) >= 0;
    case 'concatenate':
      return `${a as string}${b as string}`;
    case 'dateAddDays':
      return toInteger(argType, BigInt(a as number) + BigInt(b as number));
    case 'dateSubtractDays':
      return toInteger(argType, BigInt(a as number) - BigInt(b as number));
    case 'addInterval':
      return shifted(a as bigint, b as Interval, 1n);
    case 'subtractInterval':
      return shifted(a as bigint, b as Interval, -1n);
    case 'add':
    case 'subtract':
    case 'multiply':
    case 'divide':
    case 'modulo':
      return arithmetic(id, type, a, b);
    default:
      return null;
  }
}

const microsPerDay = 86_400_000_000n;

/** Only days and shorter: months depend on the calendar. Days are 24 hours in UTC. */
function shifted(time: bigint, { months, days, micros }: Interval, sign: bigint): bigint | null {
  if (months !== 0) return null;
  const moved = time + sign * (BigInt(days) * microsPerDay + micros);
  const range = integerRanges.int8 as readonly [bigint, bigint];
  return moved >= range[0] / 2n && moved <= range[1] / 2n ? moved : null;
}

function negated(type: SqlType, value: SqlValue): SqlValue | null {
  switch (type.kind) {
    case 'int2':
    case 'int4':
    case 'int8':
      return toInteger(type, -BigInt(value as number | bigint));
    case 'numeric':
      return -(value as bigint);
    case 'float4':
    case 'float8':
      return -(value as number);
    default:
      return null;
  }
}

type ArithmeticId = 'add' | 'subtract' | 'multiply' | 'divide' | 'modulo';

function arithmetic(id: ArithmeticId, type: SqlType, a: SqlValue, b: SqlValue): SqlValue | null {
  switch (type.kind) {
    case 'int2':
    case 'int4':
    case 'int8': {
      const value = integerArithmetic(id, BigInt(a as number | bigint), BigInt(b as number | bigint));
      return value === null ? null : toInteger(type, value);
    }
    case 'numeric':
      return numericArithmetic(id, type, a as bigint, b as bigint);
    default:
      return null;
  }
}

/** bigint division truncates towards zero, as SQL's does. */
function integerArithmetic(id: ArithmeticId, a: bigint, b: bigint): bigint | null {
  switch (id) {
    case 'add':
      return a + b;
    case 'subtract':
      return a - b;
    case 'multiply':
      return a * b;
    case 'divide':
      return b === 0n ? null : a / b;
    case 'modulo':
      return b === 0n ? null : a % b;
  }
}

function numericArithmetic(id: ArithmeticId, type: SqlType & { kind: 'numeric' }, a: bigint, b: bigint): bigint | null {
  let value: bigint | null = null;
  if (id === 'add') value = a + b;
  else if (id === 'subtract') value = a - b;
  else if (id === 'multiply') value = rescale(a * b, 2 * type.scale, type.scale);
  else if (id === 'modulo' && b !== 0n) value = a % b;
  return value !== null && numericFits(value, type.precision) ? value : null;
}

function toInteger(type: SqlType, value: bigint): number | bigint | null {
  const range = integerRanges[type.kind === 'date' ? 'int4' : type.kind];
  if (range === undefined || value < range[0] || value > range[1]) return null;
  return type.kind === 'int8' ? value : Number(value);
}

/** A literal of one type as a literal of another; `null` when run time must do it. */
export function evaluateCast(value: SqlValue | null, from: SqlType, to: SqlType): Expression | null {
  if (value === null) return literal(null, to);
  const converted = convert(value, from, to);
  return converted === null ? null : literal(converted, to);
}

function convert(value: SqlValue, from: SqlType, to: SqlType): SqlValue | null {
  switch (from.kind) {
    case 'int2':
    case 'int4':
    case 'int8':
      return convertExact(BigInt(value as number | bigint), 0, to);
    case 'numeric':
      return convertExact(value as bigint, from.scale, to);
    case 'float4':
      return to.kind === 'float8' ? value : null;
    case 'date':
      return to.kind === 'timestamp' || to.kind === 'timestamptz' ? BigInt(value as number) * microsPerDay : null;
    case 'timestamp':
      return to.kind === 'timestamptz' ? value : null;
    default:
      return null;
  }
}

function convertExact(unscaled: bigint, scale: number, to: SqlType): SqlValue | null {
  switch (to.kind) {
    case 'int2':
    case 'int4':
    case 'int8':
      return toInteger(to, rescale(unscaled, scale, 0));
    case 'numeric': {
      const rescaled = rescale(unscaled, scale, to.scale);
      return numericFits(rescaled, to.precision) ? rescaled : null;
    }
    case 'float8':
      return Number(formatDecimal(unscaled, scale));
    case 'float4':
      return Math.fround(Number(formatDecimal(unscaled, scale)));
    case 'text':
      return formatDecimal(unscaled, scale);
    default:
      return null;
  }
}

/** Whether an integer fits a narrower integer type; then its value there. */
export function narrowed(value: number | bigint, to: SqlType): number | bigint | null {
  return toInteger(to, BigInt(value));
}
