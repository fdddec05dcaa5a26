import type { SqlType, SqlValue } from '../columnar/index.ts';
import { partitionKey, typesEqual } from '../columnar/index.ts';
import { isInteger } from './coercion.ts';
import { narrowed } from './evaluate.ts';
import { conjuncts } from './expressions.ts';
import { columnType, inputsOf, type Logical, type LogicalOf } from './logical.ts';
import type { Expression, PhysicalPlan } from './plan.ts';

/**
 * Whom a query must reach. A single distributed table all of whose partition columns are bound by equality
 * lives with one owner; otherwise rows may be anywhere.
 */
export function disseminate(plan: Logical): PhysicalPlan['dissemination'] {
  const scans = scansOf(plan);
  const [only] = scans;
  if (only === undefined) return { kind: 'none' };
  const key = scans.length === 1 ? boundKey(only) : null;
  return key === null ? { kind: 'all' } : { kind: 'key', key };
}

function scansOf(node: Logical): LogicalOf<'scan'>[] {
  return node.kind === 'scan' ? [node] : inputsOf(node).flatMap(scansOf);
}

/** The key of the only rows that can satisfy the scan's predicate, or `null`. */
function boundKey({ table, columns, predicate }: LogicalOf<'scan'>): string | null {
  const { distributed, schema } = table;
  if (distributed === null || distributed.partitionBy.length === 0 || predicate === null) return null;
  const conditions = conjuncts(predicate);
  const bound = distributed.partitionBy.map((column) =>
    boundValue(conditions, columns.indexOf(column), columnType(schema, column)),
  );
  if (bound.includes(null)) return null;
  const types = distributed.partitionBy.map((column) => columnType(schema, column));
  return partitionKey(distributed.namespace, bound, types);
}

/** The one value that the conditions leave for a scanned column, or `null`. */
function boundValue(conditions: readonly Expression[], column: number, type: SqlType): SqlValue | null {
  for (const condition of conditions) {
    const value = equalTo(condition, column, type);
    if (value !== null) return value;
  }
  return null;
}

function equalTo(condition: Expression, column: number, type: SqlType): SqlValue | null {
  if (condition.kind === 'in') {
    const [value] = condition.values;
    if (condition.values.length !== 1 || value === undefined) return null;
    return valueFor(condition.input, { kind: 'literal', value, type: condition.input.type }, column, type);
  }
  if (condition.kind !== 'call' || condition.function !== 'equal') return null;
  const [a, b] = condition.args as [Expression, Expression];
  return valueFor(a, b, column, type) ?? valueFor(b, a, column, type);
}

/** `other` as a value of the column's type, if `side` is that column, possibly widened to a larger integer type. */
function valueFor(side: Expression, other: Expression, column: number, type: SqlType): SqlValue | null {
  if (other.kind !== 'literal' || other.value === null) return null;
  const input = side.kind === 'cast' ? side.input : side;
  if (input.kind !== 'column' || input.index !== column) return null;
  if (typesEqual(other.type, type)) return side === input ? other.value : null;
  return isInteger(type) && isInteger(other.type) ? narrowed(other.value as number | bigint, type) : null;
}
