import { types } from '../columnar/index.ts';
import type { Referenced } from './bind-expression.ts';
import { column, expressionKey, mapChildren } from './expressions.ts';
import { fail } from './fail.ts';
import { aggregate, columnType, type Logical, project } from './logical.ts';
import type { AggregateCall, Expression } from './plan.ts';

export interface Grouping {
  readonly plan: Logical;
  /**
   * Turns an expression over the ungrouped rows, with aggregate results as columns behind those, into one
   * over the groups. @throws QueryError grouping for a column that is neither a key nor inside an aggregate
   */
  readonly resolve: (expression: Expression) => Expression;
}

const countRows: AggregateCall = { function: 'count', argument: null, distinct: false, type: types.int8 };

/** @param keys over `rows`; equal ones count once */
export function group(
  rows: Logical,
  keys: readonly Expression[],
  calls: readonly AggregateCall[],
  references: ReadonlyMap<Expression, Referenced>,
): Grouping {
  const { fields } = rows.schema;
  const keyIndexes = new Map<string, number>();
  const distinctKeys = keys.filter((key) => {
    const isNew = !keyIndexes.has(expressionKey(key));
    if (isNew) keyIndexes.set(expressionKey(key), keyIndexes.size);
    return isNew;
  });
  const { input, positions } = withKeys(rows, distinctKeys);
  // HAVING alone makes one group of all rows: something must stand for it.
  const results = calls.length + positions.length > 0 ? calls : [countRows];
  const plan = aggregate(
    input,
    positions,
    results,
    results.map((call) => call.function),
  );

  const resolve = (expression: Expression): Expression => {
    const key = keyIndexes.get(expressionKey(expression));
    if (key !== undefined) return column(key, expression.type);
    if (expression.kind !== 'column') return mapChildren(expression, resolve);
    const result = expression.index - fields.length;
    if (result >= 0) return column(distinctKeys.length + result, expression.type);
    return ungrouped(expression, references);
  };
  return { plan, resolve };
}

function ungrouped(expression: Expression, references: ReadonlyMap<Expression, Referenced>): never {
  const reference = references.get(expression);
  const span = reference?.span ?? { start: 0, end: 0 };
  const name = `column "${reference?.name ?? ''}"`;
  return fail('grouping', `${name} must appear in the GROUP BY clause or be used in an aggregate function`, span);
}

/** Keys that are not plain columns are computed behind the columns of `rows`. */
function withKeys(
  rows: Logical,
  keys: readonly Expression[],
): { readonly input: Logical; readonly positions: number[] } {
  const { fields } = rows.schema;
  const computed: Expression[] = [];
  const positions = keys.map((key) => (key.kind === 'column' ? key.index : fields.length + computed.push(key) - 1));
  if (computed.length === 0) return { input: rows, positions };
  const kept = fields.map((_, index) => column(index, columnType(rows.schema, index)));
  const names = [...fields.map((field) => field.name), ...computed.map((_, index) => `key${index + 1}`)];
  return { input: project(rows, [...kept, ...computed], names), positions };
}
