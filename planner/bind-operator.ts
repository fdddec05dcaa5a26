import type { SqlType } from '../columnar/index.ts';
import { types, typesEqual } from '../columnar/index.ts';
import type { BinaryOperator, Span } from '../parser/index.ts';
import { type Bound, boundTypeName, tryCoerce, unknownAs, unknownBeside } from './bound.ts';
import { commonType, isInteger, isNumber, isTime } from './coercion.ts';
import { call, cast, literal } from './expressions.ts';
import { fail } from './fail.ts';
import type { FunctionId } from './functions.ts';
import { arithmeticNumeric, asNumeric } from './numeric-types.ts';
import type { Expression } from './plan.ts';

type Comparison = '=' | '<>' | '<' | '<=' | '>' | '>=';
type Arithmetic = '+' | '-' | '*' | '/' | '%';

const comparisons: { readonly [K in Comparison]: FunctionId } = {
  '=': 'equal',
  '<>': 'notEqual',
  '<': 'less',
  '<=': 'lessOrEqual',
  '>': 'greater',
  '>=': 'greaterOrEqual',
};

const arithmetic: { readonly [K in Arithmetic]: FunctionId } = {
  '+': 'add',
  '-': 'subtract',
  '*': 'multiply',
  '/': 'divide',
  '%': 'modulo',
};

/** Any binary operator but AND and OR. @throws QueryError unknownFunction when it does not exist for these types */
export function bindOperator(
  operator: Exclude<BinaryOperator, 'and' | 'or'>,
  left: Bound,
  right: Bound,
  span: Span,
): Expression {
  switch (operator) {
    case '||':
      return concatenation(left, right, span);
    case '^':
      return power(left, right, span);
    case '+':
    case '-':
    case '*':
    case '/':
    case '%':
      return bindArithmetic(operator, left, right, span);
    default: {
      const [a, b] = comparable(operator, left, right, span);
      return call(comparisons[operator], [a, b], types.boolean);
    }
  }
}

/** Both sides cast to the type in which they are compared. */
export function comparable(operator: string, left: Bound, right: Bound, span: Span): readonly [Expression, Expression] {
  const [a, b] = settleUnknown(left, right);
  const type = commonType(a.type, b.type);
  if (type === null) return noOperator(operator, left, right, span);
  return [cast(a, type), cast(b, type)];
}

/** An unknown side takes the other's type; two unknown ones are text. */
function settleUnknown(left: Bound, right: Bound): readonly [Expression, Expression] {
  const a = left.expression;
  const b = right.expression;
  if (left.unknown && !right.unknown) return [unknownBeside(left, b.type), b];
  if (right.unknown && !left.unknown) return [a, unknownBeside(right, a.type)];
  return [a, b];
}

function concatenation(left: Bound, right: Bound, span: Span): Expression {
  const isText = (side: Bound) => side.unknown || side.expression.type.kind === 'text';
  if (!isText(left) && !isText(right)) return noOperator('||', left, right, span);
  const [a, b] = [left, right].map((side) => cast(side.expression, types.text));
  return call('concatenate', [a as Expression, b as Expression], types.text);
}

function power(left: Bound, right: Bound, span: Span): Expression {
  const a = tryCoerce(left, types.float8, 'implicit');
  const b = tryCoerce(right, types.float8, 'implicit');
  if (a === null || b === null) return noOperator('^', left, right, span);
  return call('power', [a, b], types.float8);
}

function bindArithmetic(operator: Arithmetic, left: Bound, right: Bound, span: Span): Expression {
  if (left.unknown && right.unknown) {
    return fail('ambiguousFunction', `operator is not unique: unknown ${operator} unknown`, span, castHint);
  }
  const times = timeArithmetic(operator, left, right);
  if (times !== null) return times;
  const [a, b] = settleUnknown(left, right);
  if (!isNumber(a.type) || !isNumber(b.type)) return noOperator(operator, left, right, span);
  const type = arithmeticType(operator, a.type, b.type);
  if (type === null) return noOperator(operator, left, right, span);
  return call(arithmetic[operator], [cast(a, type), cast(b, type)], type);
}

/** Integers stay integers, exact numbers exact; two reals are real, any other mixture with a float is float8. */
function arithmeticType(operator: Arithmetic, a: SqlType, b: SqlType): SqlType | null {
  if (isInteger(a) && isInteger(b)) return commonType(a, b);
  const [x, y] = [asNumeric(a), asNumeric(b)];
  if (x !== null && y !== null) return arithmeticNumeric(operator, x, y);
  if (operator === '%') return null;
  return typesEqual(a, b) ? a : types.float8;
}

/** Arithmetic with dates, timestamps and intervals; `null` when neither side is one. */
function timeArithmetic(operator: Arithmetic, left: Bound, right: Bound): Expression | null {
  const [a, b] = settleTimes(operator, left, right);
  if (operator === '+' && rank(a.type) < rank(b.type)) return addition(b, a);
  switch (operator) {
    case '+':
      return addition(a, b);
    case '-':
      return subtraction(a, b);
    case '*':
      return intervalProduct(a, b) ?? intervalProduct(b, a);
    case '/':
      return intervalQuotient(a, b);
    case '%':
      return null;
  }
}

/** Points in time first, then intervals, then numbers: so that sums need one order only. */
function rank(type: SqlType): number {
  if (isTime(type)) return 2;
  return type.kind === 'interval' ? 1 : 0;
}

/** What an unknown literal means beside a point in time: an interval, but a point in time when subtracted from it. */
function settleTimes(operator: Arithmetic, left: Bound, right: Bound): readonly [Expression, Expression] {
  const a = left.expression;
  const b = right.expression;
  const type = left.unknown ? b.type : a.type;
  if (left.unknown === right.unknown || rank(type) === 0) return [a, b];
  if (operator !== '+' && operator !== '-') return [a, b];
  const meant = rank(type) === 2 && operator === '+' ? types.interval : type;
  return left.unknown ? [unknownAs(left, meant), b] : [a, unknownAs(right, meant)];
}

function addition(a: Expression, b: Expression): Expression | null {
  if (a.type.kind === 'interval') {
    return b.type.kind === 'interval' ? call('intervalAdd', [a, b], types.interval) : null;
  }
  if (!isTime(a.type)) return null;
  if (b.type.kind === 'interval') return shifted('addInterval', a, b);
  return isDays(a, b) ? call('dateAddDays', [a, cast(b, types.int4)], types.date) : null;
}

function subtraction(a: Expression, b: Expression): Expression | null {
  if (a.type.kind === 'interval') {
    return b.type.kind === 'interval' ? call('intervalSubtract', [a, b], types.interval) : null;
  }
  if (!isTime(a.type)) return null;
  if (b.type.kind === 'interval') return shifted('subtractInterval', a, b);
  if (isDays(a, b)) return call('dateSubtractDays', [a, cast(b, types.int4)], types.date);
  const type = commonType(a.type, b.type);
  if (type === null) return null;
  if (type.kind === 'date') return call('dateDifference', [a, b], types.int4);
  return call('timestampDifference', [cast(a, type), cast(b, type)], types.interval);
}

function shifted(id: FunctionId, time: Expression, interval: Expression): Expression {
  const type = time.type.kind === 'date' ? types.timestamp : time.type;
  return call(id, [cast(time, type), interval], type);
}

function isDays(date: Expression, days: Expression): boolean {
  return date.type.kind === 'date' && (days.type.kind === 'int4' || days.type.kind === 'int2');
}

function intervalProduct(a: Expression, b: Expression): Expression | null {
  if (a.type.kind !== 'interval' || !isNumber(b.type)) return null;
  return call('intervalMultiply', [a, cast(b, types.float8)], types.interval);
}

function intervalQuotient(a: Expression, b: Expression): Expression | null {
  if (a.type.kind !== 'interval' || !isNumber(b.type)) return null;
  const inverse = call('divide', [literal(1, types.float8), cast(b, types.float8)], types.float8);
  return call('intervalMultiply', [a, inverse], types.interval);
}

/** A sign before a number; minus also before an interval. */
export function bindSign(sign: '-' | '+', operand: Bound): Expression {
  const value = operand.unknown ? unknownAs(operand, types.float8) : operand.expression;
  if (sign === '-' && value.type.kind === 'interval') return call('intervalNegate', [value], types.interval);
  if (!isNumber(value.type)) {
    return fail(
      'unknownFunction',
      `operator does not exist: ${sign} ${boundTypeName(operand)}`,
      operand.span,
      castHint,
    );
  }
  return sign === '-' ? call('negate', [value], value.type) : value;
}

const castHint = 'You might need to add explicit type casts.';

function noOperator(operator: string, left: Bound, right: Bound, span: Span): never {
  const message = `operator does not exist: ${boundTypeName(left)} ${operator} ${boundTypeName(right)}`;
  return fail('unknownFunction', message, span, castHint);
}
