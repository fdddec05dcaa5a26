import { powerOfTen, QueryError, rescale, type SqlType } from '../../columnar/index.ts';
import { checkedNumeric } from './arithmetic.ts';
import { compareCode } from './comparison.ts';
import { helper, type Implementation, operandAt, strict, unsupported } from './implementation.ts';
import { assignCode } from './nulls.ts';
import { divideRounded } from './numeric.ts';
import { floatOverflow, floatUnderflow } from './raise.ts';

function invalidArgument(message: string): never {
  throw new QueryError('invalidArgument', message);
}

/** Nearest integer, halves to even, as C's `rint`; a negative number rounds to -0. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const fraction = value - floor;
  const up = fraction === 0.5 ? floor % 2 !== 0 : fraction > 0.5;
  const rounded = up ? floor + 1 : floor;
  return rounded === 0 ? 0 * value : rounded;
}

function power(base: number, exponent: number): number {
  if (base === 0 && exponent < 0) invalidArgument('zero raised to a negative power is undefined');
  if (base < 0 && Number.isFinite(exponent) && !Number.isInteger(exponent)) {
    invalidArgument('a negative number raised to a non-integer power yields a complex result');
  }
  // C's pow: 1 to any power is 1, and -1 to an infinite one.
  if (base === 1 || (base === -1 && (exponent === Infinity || exponent === -Infinity))) return 1;
  const result = base ** exponent;
  if (Number.isFinite(base) && Number.isFinite(exponent)) {
    if (!Number.isFinite(result)) floatOverflow();
    if (result === 0 && base !== 0) floatUnderflow();
  }
  return result;
}

function squareRoot(value: number): number {
  if (value < 0) invalidArgument('cannot take square root of a negative number');
  return Math.sqrt(value);
}

function exponential(value: number): number {
  const result = Math.exp(value);
  if (result === Infinity && value !== Infinity) floatOverflow();
  if (result === 0 && value !== -Infinity) floatUnderflow();
  return result;
}

function logarithm(compute: (value: number) => number): (value: number) => number {
  return (value) => {
    if (value === 0) throw new QueryError('invalidLogarithm', 'cannot take logarithm of zero');
    if (value < 0) throw new QueryError('invalidLogarithm', 'cannot take logarithm of a negative number');
    return compute(value);
  };
}

function floorDivide(value: bigint, unit: bigint): bigint {
  const quotient = value / unit;
  return value < 0n && value % unit !== 0n ? quotient - 1n : quotient;
}

type Rounding = 'floor' | 'ceil' | 'round' | 'trunc';

const numericRoundings: Readonly<Record<Rounding, (value: bigint, unit: bigint) => bigint>> = {
  floor: floorDivide,
  ceil: (value, unit) => -floorDivide(-value, unit),
  round: divideRounded,
  trunc: (value, unit) => value / unit,
};

const floatRoundings: Readonly<Record<Rounding, (value: number) => number>> = {
  floor: Math.floor,
  ceil: Math.ceil,
  round: roundHalfEven,
  trunc: Math.trunc,
};

function rounding(kind: Rounding): Implementation {
  return strict((scope, operands, type) => {
    const { value, type: from } = operandAt(operands, 0);
    if (from.kind === 'float8' || from.kind === 'float4') {
      return scope.let(`${scope.constant(floatRoundings[kind])}(${value})`);
    }
    if (from.kind !== 'numeric' || type.kind !== 'numeric') throw unsupported(kind, from);
    const unit = powerOfTen(from.scale);
    const toScale = type.scale;
    const compute = (unscaled: bigint): bigint => rescale(numericRoundings[kind](unscaled, unit), 0, toScale);
    return checkedNumeric(scope, scope.let(`${scope.constant(compute)}(${value})`), type);
  });
}

/** `roundTo`, `truncTo`: a number of digits behind the point that may be negative and may differ from row to row. */
function roundingTo(kind: 'round' | 'trunc'): Implementation {
  return strict((scope, operands, type) => {
    const number = operandAt(operands, 0);
    const digits = operandAt(operands, 1);
    if (number.type.kind !== 'numeric' || type.kind !== 'numeric') throw unsupported(kind, number.type);
    const { scale } = number.type;
    const toScale = type.scale;
    const compute = (unscaled: bigint, digitsKept: number): bigint => {
      // More than 39 digits before the point leave nothing of any numeric.
      const kept = Math.max(digitsKept, -39);
      if (kept >= scale) return rescale(unscaled, scale, toScale);
      const unit = powerOfTen(scale - kept);
      return rescale(numericRoundings[kind](unscaled, unit) * unit, scale, toScale);
    };
    return checkedNumeric(scope, scope.let(`${scope.constant(compute)}(${number.value}, ${digits.value})`), type);
  });
}

function sign(type: SqlType): (value: never) => unknown {
  switch (type.kind) {
    case 'numeric': {
      const one = powerOfTen(type.scale);
      return (value: bigint) => (value > 0n ? one : value < 0n ? -one : 0n);
    }
    case 'int8':
      return (value: bigint) => (value > 0n ? 1n : value < 0n ? -1n : 0n);
    case 'float4':
    case 'float8':
      // PostgreSQL answers NaN with 0, and -0 with 0.
      return (value: number) => (value > 0 ? 1 : value < 0 ? -1 : 0);
    default:
      return (value: number) => Math.sign(value);
  }
}

/** `greatest`, `least`: NULLs do not take part; NULL when there is nothing else. */
function extreme(operator: '<' | '>'): Implementation {
  return (scope, call) => {
    const best = scope.variable(call.type);
    const isNull = scope.let('true');
    for (const argument of call.args) {
      const code = scope.generate(argument);
      if (code.nullness === 'true') continue;
      scope.emit(`if (${code.nullness === 'false' ? 'true' : `!(${code.nullness})`}) {`);
      const better = compareCode(scope, operator, code.value, best, call.type);
      scope.emit(`if (${isNull} || ${better}) {`);
      assignCode(scope, best, isNull, { ...code, nullness: 'false' });
      scope.emit('}');
      scope.emit('}');
    }
    return { value: best, nullness: isNull, type: call.type };
  };
}

const float = (compute: (...values: never[]) => number): Implementation => helper(() => compute);

export const mathematics = {
  power: float(power),
  sqrt: float(squareRoot),
  exp: float(exponential),
  ln: float(logarithm(Math.log)),
  log10: float(logarithm(Math.log10)),
  floor: rounding('floor'),
  ceil: rounding('ceil'),
  round: rounding('round'),
  trunc: rounding('trunc'),
  roundTo: roundingTo('round'),
  truncTo: roundingTo('trunc'),
  sign: helper((_, type) => sign(type)),
  greatest: extreme('>'),
  least: extreme('<'),
} satisfies Record<string, Implementation>;
