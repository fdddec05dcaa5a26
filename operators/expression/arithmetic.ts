import { powerOfTen, type SqlType } from '../../columnar/index.ts';
import { type Implementation, operandAt, strict, unsupported } from './implementation.ts';
import { divideRounded, rescaled } from './numeric.ts';
import {
  bigintOutOfRange,
  divisionByZero,
  floatOverflow,
  floatUnderflow,
  integerOutOfRange,
  numericOutOfRange,
  smallintOutOfRange,
} from './raise.ts';
import type { Operand, Scope } from './scope.ts';

type Operator = '+' | '-' | '*' | '/' | '%';

/** Arithmetic of two operands of one type, with PostgreSQL's errors. */
function binary(operator: Operator): Implementation {
  return strict((scope, operands, type) => {
    const a = operandAt(operands, 0);
    const b = operandAt(operands, 1);
    switch (type.kind) {
      case 'int2':
      case 'int4':
        return smallInteger(scope, operator, a.value, b.value, type.kind);
      case 'int8':
        return bigInteger(scope, operator, a.value, b.value);
      case 'float4':
      case 'float8':
        return floating(scope, operator, a.value, b.value, type.kind);
      case 'numeric':
        return decimal(scope, operator, a, b, type);
      default:
        throw unsupported('arithmetic', type);
    }
  });
}

function checkDivisor(scope: Scope, operator: Operator, test: string): void {
  if (operator === '/' || operator === '%') scope.emit(`if (${test}) ${scope.constant(divisionByZero)}();`);
}

/** int2, int4: exact in doubles; a product beyond 2^53 is inexact but far outside the range. */
function smallInteger(scope: Scope, operator: Operator, a: string, b: string, kind: 'int2' | 'int4'): string {
  checkDivisor(scope, operator, `${b} === 0`);
  const exact = scope.let(operator === '/' ? `Math.trunc(${a} / ${b})` : `${a} ${operator} ${b}`);
  return checkedSmallInteger(scope, exact, kind);
}

/** The integer `exact` as int2 or int4; `| 0` also turns -0 into 0. */
export function checkedSmallInteger(scope: Scope, exact: string, kind: 'int2' | 'int4'): string {
  const wrapped = scope.let(kind === 'int4' ? `${exact} | 0` : `(${exact} << 16) >> 16`);
  const raise = scope.constant(kind === 'int4' ? integerOutOfRange : smallintOutOfRange);
  scope.emit(`if (${wrapped} !== ${exact}) ${raise}();`);
  return wrapped;
}

function bigInteger(scope: Scope, operator: Operator, a: string, b: string): string {
  checkDivisor(scope, operator, `${b} === 0n`);
  return checkedBigInteger(scope, scope.let(`${a} ${operator} ${b}`));
}

export function checkedBigInteger(scope: Scope, exact: string): string {
  scope.emit(`if (BigInt.asIntN(64, ${exact}) !== ${exact}) ${scope.constant(bigintOutOfRange)}();`);
  return exact;
}

/** PostgreSQL's checks: no infinity from finite operands, no zero from operands that are not. */
function floating(scope: Scope, operator: Operator, a: string, b: string, kind: 'float4' | 'float8'): string {
  checkDivisor(scope, operator, `${b} === 0 && ${a} === ${a}`);
  const exact = `${a} ${operator} ${b}`;
  const result = scope.let(kind === 'float4' ? `Math.fround(${exact})` : exact);
  const infinite = (x: string): string => `(${x} === Infinity || ${x} === -Infinity)`;
  const overflow = scope.constant(floatOverflow);
  scope.emit(`if (${infinite(result)} && !${infinite(a)} && !${infinite(b)}) ${overflow}();`);
  const underflow = scope.constant(floatUnderflow);
  if (operator === '*') scope.emit(`if (${result} === 0 && ${a} !== 0 && ${b} !== 0) ${underflow}();`);
  if (operator === '/') scope.emit(`if (${result} === 0 && ${a} !== 0 && !${infinite(b)}) ${underflow}();`);
  return result;
}

type NumericType = Extract<SqlType, { kind: 'numeric' }>;

function scaleOf(operand: Operand): number {
  return operand.type.kind === 'numeric' ? operand.type.scale : 0;
}

function decimal(scope: Scope, operator: Operator, a: Operand, b: Operand, type: NumericType): string {
  checkDivisor(scope, operator, `${b.value} === 0n`);
  return checkedNumeric(scope, decimalValue(scope, operator, a, b, type.scale), type);
}

function decimalValue(scope: Scope, operator: Operator, a: Operand, b: Operand, scale: number): string {
  switch (operator) {
    case '+':
    case '-':
    case '%': {
      // Operands are brought to one scale first, where that is exact.
      const common = Math.max(scaleOf(a), scaleOf(b));
      const left = rescaled(scope, a.value, scaleOf(a), common);
      const right = rescaled(scope, b.value, scaleOf(b), common);
      return rescaled(scope, scope.let(`${left} ${operator} ${right}`), common, scale);
    }
    case '*':
      return rescaled(scope, scope.let(`${a.value} * ${b.value}`), scaleOf(a) + scaleOf(b), scale);
    case '/': {
      // (a / 10^sa) / (b / 10^sb) * 10^scale = a * 10^(scale - sa + sb) / b.
      const exponent = scale - scaleOf(a) + scaleOf(b);
      const factor = scope.constant(powerOfTen(Math.abs(exponent)));
      const dividend = exponent > 0 ? `${a.value} * ${factor}` : a.value;
      const divisor = exponent < 0 ? `${b.value} * ${factor}` : b.value;
      return scope.let(`${scope.constant(divideRounded)}(${dividend}, ${divisor})`);
    }
  }
}

/** @throws (in generated code) when the unscaled value has more digits than the type's precision */
export function checkedNumeric(scope: Scope, value: string, type: NumericType): string {
  const limit = scope.constant(powerOfTen(type.precision));
  scope.emit(`if (${value} >= ${limit} || ${value} <= -${limit}) ${scope.constant(numericOutOfRange)}();`);
  return value;
}

function negated(scope: Scope, value: string, type: SqlType): string {
  switch (type.kind) {
    case 'int2':
    case 'int4':
      return checkedSmallInteger(scope, scope.let(`-${value}`), type.kind);
    case 'int8':
      return checkedBigInteger(scope, scope.let(`-${value}`));
    case 'float4':
    case 'float8':
    case 'numeric':
      return scope.let(`-${value}`);
    default:
      throw unsupported('negation', type);
  }
}

export const arithmetic = {
  add: binary('+'),
  subtract: binary('-'),
  multiply: binary('*'),
  divide: binary('/'),
  modulo: binary('%'),
  negate: strict((scope, operands, type) => negated(scope, operandAt(operands, 0).value, type)),
  abs: strict((scope, operands, type) => {
    const { value } = operandAt(operands, 0);
    if (type.kind === 'float4' || type.kind === 'float8') return scope.let(`Math.abs(${value})`);
    const result = scope.let(value);
    scope.emit(`if (${value} < 0) {`);
    scope.emit(`${result} = ${negated(scope, value, type)};`);
    scope.emit('}');
    return result;
  }),
} satisfies Record<string, Implementation>;
