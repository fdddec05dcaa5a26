import type { SqlType, SqlValue } from '../columnar/index.ts';
import { types, typesEqual } from '../columnar/index.ts';
import type { FunctionId } from './functions.ts';
import type { Expression } from './plan.ts';

// Building, walking and comparing bound expressions. All pure.

export const falseLiteral: Expression = { kind: 'literal', value: false, type: types.boolean };

export function literal(value: SqlValue | null, type: SqlType): Expression {
  return { kind: 'literal', value, type };
}

export function column(index: number, type: SqlType): Expression {
  return { kind: 'column', index, type };
}

export function call(id: FunctionId, args: readonly Expression[], type: SqlType): Expression {
  return { kind: 'call', function: id, args, type };
}

/** `input` as `type`; nothing to do when it is of that type. */
export function cast(input: Expression, type: SqlType): Expression {
  if (typesEqual(input.type, type)) return input;
  return input.kind === 'literal' && input.value === null ? literal(null, type) : { kind: 'cast', input, type };
}

export function not(input: Expression): Expression {
  return call('not', [input], types.boolean);
}

export function isLiteral(expression: Expression): expression is Extract<Expression, { kind: 'literal' }> {
  return expression.kind === 'literal';
}

/** The expressions directly below. */
export function children(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case 'column':
    case 'literal':
      return [];
    case 'call':
      return expression.args;
    case 'case':
      return [...expression.branches.flatMap((branch) => [branch.when, branch.then]), expression.otherwise];
    case 'cast':
    case 'in':
      return [expression.input];
  }
}

/** The same expression over changed children. */
export function mapChildren(expression: Expression, change: (child: Expression) => Expression): Expression {
  switch (expression.kind) {
    case 'column':
    case 'literal':
      return expression;
    case 'call':
      return { ...expression, args: expression.args.map(change) };
    case 'case':
      return {
        ...expression,
        branches: expression.branches.map(({ when, then }) => ({ when: change(when), then: change(then) })),
        otherwise: change(expression.otherwise),
      };
    case 'cast':
    case 'in':
      return { ...expression, input: change(expression.input) };
  }
}

/** Replaces each column by what `replacement` gives for its position. */
export function replaceColumns(expression: Expression, replacement: (index: number) => Expression): Expression {
  if (expression.kind === 'column') return replacement(expression.index);
  return mapChildren(expression, (child) => replaceColumns(child, replacement));
}

/** Moves every column reference to another position. */
export function moveColumns(expression: Expression, position: (index: number) => number): Expression {
  if (expression.kind === 'column') return { ...expression, index: position(expression.index) };
  return mapChildren(expression, (child) => moveColumns(child, position));
}

/** Positions of the columns that an expression reads. */
export function columnsOf(expression: Expression, into = new Set<number>()): Set<number> {
  if (expression.kind === 'column') into.add(expression.index);
  for (const child of children(expression)) columnsOf(child, into);
  return into;
}

/** The conditions that an AND joins, in order. */
export function conjuncts(predicate: Expression): Expression[] {
  return flatten('and', predicate);
}

/** `null` when there are none. */
export function conjunction(conditions: readonly Expression[]): Expression | null {
  return conditions.length === 0 ? null : balanced('and', conditions);
}

/** Joins conditions by AND or OR in a tree of logarithmic depth; at least one. */
export function balanced(operator: 'and' | 'or', conditions: readonly Expression[]): Expression {
  if (conditions.length === 1) return conditions[0] as Expression;
  const middle = Math.ceil(conditions.length / 2);
  const halves = [conditions.slice(0, middle), conditions.slice(middle)];
  return call(
    operator,
    halves.map((half) => balanced(operator, half)),
    types.boolean,
  );
}

/** The operands of a chain of the same logical operator. */
export function flatten(operator: 'and' | 'or', expression: Expression): Expression[] {
  if (expression.kind !== 'call' || expression.function !== operator) return [expression];
  return expression.args.flatMap((arg) => flatten(operator, arg));
}

/** Equal for expressions that mean the same column computations, literal by literal. */
export function expressionKey(expression: Expression): string {
  return JSON.stringify(expression, (_, value: unknown) => {
    if (typeof value === 'bigint') return { bigint: value.toString() };
    if (value instanceof Uint8Array) return { bytes: [...value] };
    if (typeof value === 'number' && !Number.isFinite(value)) return { number: String(value) };
    return value;
  });
}
