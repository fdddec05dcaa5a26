import {
  formatValue,
  parseValue,
  powerOfTen,
  QueryError,
  type SqlType,
  type SqlValue,
  typeName,
  typesEqual,
} from '../../columnar/index.ts';
import { checkedBigInteger, checkedNumeric, checkedSmallInteger } from './arithmetic.ts';
import { roundHalfEven } from './mathematics.ts';
import { numberToNumeric, numericToNumber, rescaled } from './numeric.ts';
import {
  bigintOutOfRange,
  dateOutOfRange,
  floatOverflow,
  floatUnderflow,
  integerOutOfRange,
  smallintOutOfRange,
} from './raise.ts';
import type { Operand, Scope } from './scope.ts';

/** Writes the conversion of a scalar that is not NULL, as PostgreSQL's explicit cast does it. */
export function generateCast(scope: Scope, input: Operand, to: SqlType): string {
  const from = input.type;
  if (typesEqual(from, to)) return input.value;
  if (from.kind === 'text') return call(scope, (text: string) => parseValue(to, text), input.value);
  switch (to.kind) {
    case 'text':
      return call(scope, toText(from), input.value);
    case 'int2':
    case 'int4':
      return toSmallInteger(scope, input, to.kind);
    case 'int8':
      return toBigInteger(scope, input);
    case 'float4':
    case 'float8':
      return toFloat(scope, input, to.kind);
    case 'numeric':
      return toNumeric(scope, input, to);
    case 'boolean':
      if (!isInteger(from)) throw undefinedCast(from, to);
      return scope.let(`${input.value} != 0`);
    case 'date':
    case 'timestamp':
    case 'timestamptz':
      return toTime(scope, input, to);
    case 'bytea':
    case 'interval':
      throw undefinedCast(from, to);
  }
}

function undefinedCast(from: SqlType, to: SqlType): QueryError {
  return new QueryError('unsupported', `cannot cast type ${typeName(from)} to ${typeName(to)}`);
}

function call(scope: Scope, compute: (value: never) => unknown, value: string): string {
  return scope.let(`${scope.constant(compute)}(${value})`);
}

function isInteger(type: SqlType): boolean {
  return type.kind === 'int2' || type.kind === 'int4' || type.kind === 'int8';
}

function toText(from: SqlType): (value: never) => string {
  if (from.kind === 'boolean') return (value: boolean) => (value ? 'true' : 'false');
  return (value: SqlValue) => formatValue(from, value);
}

function toSmallInteger(scope: Scope, input: Operand, kind: 'int2' | 'int4'): string {
  const raise = kind === 'int4' ? integerOutOfRange : smallintOutOfRange;
  const bits = kind === 'int4' ? 32 : 16;
  const { value, type: from } = input;
  switch (from.kind) {
    case 'boolean':
      return scope.let(`${value} ? 1 : 0`);
    case 'int2':
      return value;
    case 'int4':
      return checkedSmallInteger(scope, value, kind);
    case 'int8':
    case 'numeric': {
      const whole = from.kind === 'numeric' ? rescaled(scope, value, from.scale, 0) : value;
      scope.emit(`if (BigInt.asIntN(${bits}, ${whole}) !== ${whole}) ${scope.constant(raise)}();`);
      return scope.let(`Number(${whole})`);
    }
    case 'float4':
    case 'float8': {
      const max = 2 ** (bits - 1);
      const whole = call(scope, roundHalfEven, value);
      scope.emit(`if (!(${whole} >= ${-max} && ${whole} < ${max})) ${scope.constant(raise)}();`);
      return scope.let(`${whole} | 0`);
    }
    default:
      throw undefinedCast(from, { kind });
  }
}

function toBigInteger(scope: Scope, input: Operand): string {
  const { value, type: from } = input;
  switch (from.kind) {
    case 'boolean':
      return scope.let(`${value} ? 1n : 0n`);
    case 'int2':
    case 'int4':
      return scope.let(`BigInt(${value})`);
    case 'numeric':
      return checkedBigInteger(scope, rescaled(scope, value, from.scale, 0));
    case 'float4':
    case 'float8': {
      const whole = call(scope, roundHalfEven, value);
      scope.emit(`if (!(${whole} >= ${-(2 ** 63)} && ${whole} < ${2 ** 63})) ${scope.constant(bigintOutOfRange)}();`);
      return scope.let(`BigInt(${whole})`);
    }
    default:
      throw undefinedCast(from, { kind: 'int8' });
  }
}

function toFloat(scope: Scope, input: Operand, kind: 'float4' | 'float8'): string {
  const wide = toDouble(scope, input, kind);
  if (kind === 'float8' || input.type.kind === 'int2') return wide;
  const narrow = scope.let(`Math.fround(${wide})`);
  scope.emit(
    `if ((${narrow} === Infinity || ${narrow} === -Infinity) && ${wide} - ${wide} === 0) ${scope.constant(floatOverflow)}();`,
  );
  scope.emit(`if (${narrow} === 0 && ${wide} !== 0) ${scope.constant(floatUnderflow)}();`);
  return narrow;
}

function toDouble(scope: Scope, input: Operand, kind: 'float4' | 'float8'): string {
  const { value, type: from } = input;
  switch (from.kind) {
    case 'int2':
    case 'int4':
    case 'float4':
    case 'float8':
      return value;
    case 'int8':
      return scope.let(`Number(${value})`);
    case 'numeric': {
      const { scale } = from;
      return call(scope, (unscaled: bigint) => numericToNumber(unscaled, scale), value);
    }
    default:
      throw undefinedCast(from, { kind });
  }
}

/** Significant decimal digits that PostgreSQL takes over from a float. */
const floatDigits = { float4: 6, float8: 15 } as const;

function toNumeric(scope: Scope, input: Operand, to: Extract<SqlType, { kind: 'numeric' }>): string {
  const { value, type: from } = input;
  const { scale } = to;
  switch (from.kind) {
    case 'int2':
    case 'int4':
      return checkedNumeric(scope, scope.let(`BigInt(${value}) * ${scope.constant(powerOfTen(scale))}`), to);
    case 'int8':
      return checkedNumeric(scope, rescaled(scope, value, 0, scale), to);
    case 'numeric':
      return checkedNumeric(scope, rescaled(scope, value, from.scale, scale), to);
    case 'float4':
    case 'float8': {
      const digits = floatDigits[from.kind];
      const unscaled = call(scope, (number: number) => numberToNumeric(number, digits, scale), value);
      return checkedNumeric(scope, unscaled, to);
    }
    default:
      throw undefinedCast(from, to);
  }
}

const microsPerDay = 86_400_000_000n;

/** Midnight begins a date; the time zone is UTC throughout. */
function toTime(scope: Scope, input: Operand, to: SqlType): string {
  const from = input.type.kind;
  if (from === 'date') return scope.let(`BigInt(${input.value}) * ${scope.constant(microsPerDay)}`);
  if (from !== 'timestamp' && from !== 'timestamptz') throw undefinedCast(input.type, to);
  return to.kind === 'date' ? call(scope, dateOfMicros, input.value) : input.value;
}

export function dateOfMicros(micros: bigint): number {
  const day = micros / microsPerDay;
  const whole = Number(micros < 0n && micros % microsPerDay !== 0n ? day - 1n : day);
  return (whole | 0) === whole ? whole : dateOutOfRange();
}
