import { intervalSpan, type SqlType } from '../../columnar/index.ts';
import type { Expression } from '../../planner/index.ts';
import type { Call, Implementation } from './implementation.ts';
import { whenNotNull } from './nulls.ts';
import { rescaled } from './numeric.ts';
import { anyNull, type Code, type Scope } from './scope.ts';
import { bytesAre, bytesEqual, compareByteRanges, compareBytes, compareText } from './text-column.ts';

export type ComparisonOperator = '===' | '!==' | '<' | '<=' | '>' | '>=';

/**
 * Compares two scalars of one type as PostgreSQL does: NaN equals NaN and is above everything, text and
 * bytea go by bytes, an interval's month is 30 days and its day 24 hours.
 * `a` and `b` are variables; one of them may be a placeholder that is not evaluated.
 */
export function compareCode(scope: Scope, operator: ComparisonOperator, a: string, b: string, type: SqlType): string {
  switch (type.kind) {
    case 'float4':
    case 'float8':
      return compareFloats(operator, a, b);
    case 'text':
      if (operator === '===' || operator === '!==') return `${a} ${operator} ${b}`;
      return `${scope.constant(compareText)}(${a}, ${b}) ${operator} 0`;
    case 'bytea':
      if (operator === '===') return `${scope.constant(bytesEqual)}(${a}, ${b})`;
      return `${scope.constant(compareBytes)}(${a}, ${b}) ${operator} 0`;
    case 'interval': {
      const span = scope.constant(intervalSpan);
      return `${span}(${a}) ${operator} ${span}(${b})`;
    }
    default:
      return `${a} ${operator} ${b}`;
  }
}

function compareFloats(operator: ComparisonOperator, a: string, b: string): string {
  const equal = `(${a} === ${b} || (${a} !== ${a} && ${b} !== ${b}))`;
  switch (operator) {
    case '===':
      return equal;
    case '!==':
      return `!${equal}`;
    case '<':
      return `(${a} < ${b} || (${b} !== ${b} && ${a} === ${a}))`;
    case '>':
      return `(${a} > ${b} || (${a} !== ${a} && ${b} === ${b}))`;
    case '<=':
      return `(${a} <= ${b} || ${b} !== ${b})`;
    case '>=':
      return `(${a} >= ${b} || ${a} !== ${a})`;
  }
}

const mirrored: Readonly<Record<ComparisonOperator, ComparisonOperator>> = {
  '===': '===',
  '!==': '!==',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
};

function comparison(operator: ComparisonOperator): Implementation {
  return (scope, call) => {
    const [left, right] = operands(call);
    const direct = onBuffers(scope, operator, left, right) ?? onBuffers(scope, mirrored[operator], right, left);
    if (direct !== null) return direct;
    const a = scope.generate(left);
    const b = scope.generate(right);
    return whenNotNull(scope, anyNull([a, b]), call.type, () => scope.let(compareScaled(scope, operator, a, b)));
  };
}

function operands(call: Call): [Expression, Expression] {
  return call.args as unknown as [Expression, Expression];
}

/** Numerics of different scales are compared at the larger one. */
function compareScaled(scope: Scope, operator: ComparisonOperator, a: Code, b: Code): string {
  if (a.type.kind !== 'numeric' || b.type.kind !== 'numeric')
    return compareCode(scope, operator, a.value, b.value, a.type);
  const scale = Math.max(a.type.scale, b.type.scale);
  const left = rescaled(scope, a.value, a.type.scale, scale);
  const right = rescaled(scope, b.value, b.type.scale, scale);
  return compareCode(scope, operator, left, right, a.type);
}

/** A column against a literal or another column, where its buffers can be compared without making scalars. */
function onBuffers(scope: Scope, operator: ComparisonOperator, left: Expression, right: Expression): Code | null {
  if (left.kind !== 'column') return null;
  const column = left.index;
  const result = (comparing: () => string, ...columns: number[]): Code => {
    const nullness = anyNull(columns.map((index) => ({ nullness: scope.columnNullness(index) })));
    return { value: scope.let(comparing()), nullness, type: { kind: 'boolean' } };
  };
  if (right.kind === 'literal' && right.value !== null) {
    const { value } = right;
    if (typeof value === 'bigint' && left.type.kind !== 'numeric') {
      return result(() => compareWords(scope, operator, column, value), column);
    }
    if (typeof value === 'string') {
      return result(() => compareTextLiteral(scope, operator, column, Buffer.from(value, 'utf8')), column);
    }
  }
  if (right.kind === 'column' && left.type.kind === 'text') {
    return result(() => compareTextColumns(scope, operator, column, right.index), column, right.index);
  }
  return null;
}

/** 64-bit integers against a literal: high words first, then low words without sign. */
function compareWords(scope: Scope, operator: ComparisonOperator, column: number, literal: bigint): string {
  const words = scope.words(column);
  const [low, high] = [`(${words}[2 * i] >>> 0)`, `${words}[2 * i + 1]`];
  const literalLow = scope.constant(Number(BigInt.asUintN(32, literal)));
  const literalHigh = scope.constant(Number(literal >> 32n));
  if (operator === '===') return `${low} === ${literalLow} && ${high} === ${literalHigh}`;
  if (operator === '!==') return `${low} !== ${literalLow} || ${high} !== ${literalHigh}`;
  const strictly = operator === '<' || operator === '<=' ? '<' : '>';
  return `${high} ${strictly} ${literalHigh} || (${high} === ${literalHigh} && ${low} ${operator} ${literalLow})`;
}

function compareTextLiteral(scope: Scope, operator: ComparisonOperator, column: number, literal: Uint8Array): string {
  const values = scope.values(column);
  const offsets = scope.offsets(column);
  const bytes = scope.constant(literal);
  const range = `${values}, ${offsets}[i], ${offsets}[i + 1]`;
  if (operator === '===') return `${scope.constant(bytesAre)}(${range}, ${bytes})`;
  if (operator === '!==') return `!${scope.constant(bytesAre)}(${range}, ${bytes})`;
  return `${scope.constant(compareByteRanges)}(${range}, ${bytes}, 0, ${bytes}.length) ${operator} 0`;
}

function compareTextColumns(scope: Scope, operator: ComparisonOperator, left: number, right: number): string {
  const range = (column: number): string => {
    const offsets = scope.offsets(column);
    return `${scope.values(column)}, ${offsets}[i], ${offsets}[i + 1]`;
  };
  return `${scope.constant(compareByteRanges)}(${range(left)}, ${range(right)}) ${operator} 0`;
}

/** Not strict: two NULLs are not distinct, a NULL and a value are. */
const isDistinctFrom: Implementation = (scope, call) => {
  const [left, right] = operands(call);
  const a = scope.generate(left);
  const b = scope.generate(right);
  const nullA = scope.let(a.nullness);
  const nullB = scope.let(b.nullness);
  const distinct = scope.let(`${nullA} !== ${nullB}`);
  scope.emit(`if (!${nullA} && !${nullB}) {`);
  scope.emit(`${distinct} = ${compareScaled(scope, '!==', a, b)};`);
  scope.emit('}');
  return { value: distinct, nullness: 'false', type: call.type };
};

/** The first argument, or NULL when it equals the second. */
const nullIf: Implementation = (scope, call) => {
  const [left, right] = operands(call);
  const a = scope.generate(left);
  const b = scope.generate(right);
  const isNull = scope.let(a.nullness);
  const both = anyNull([{ nullness: isNull }, b]);
  if (both !== 'true') {
    scope.emit(`if (!(${both})) {`);
    scope.emit(`${isNull} = ${compareScaled(scope, '===', a, b)};`);
    scope.emit('}');
  }
  return { value: a.value, nullness: isNull, type: call.type };
};

export const comparisons = {
  equal: comparison('==='),
  notEqual: comparison('!=='),
  less: comparison('<'),
  lessOrEqual: comparison('<='),
  greater: comparison('>'),
  greaterOrEqual: comparison('>='),
  isDistinctFrom,
  nullIf,
} satisfies Record<string, Implementation>;
