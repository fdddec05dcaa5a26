import type { SqlType } from '../columnar/index.ts';
import { types } from '../columnar/index.ts';
import type { Expr, Query, QueryBody, UnionAll, ValuesBody } from '../parser/index.ts';
import { bindConstant, ExpressionBinder } from './bind-expression.ts';
import { bindSelect, positionOf, type Slice, sortKey } from './bind-select.ts';
import { type Bound, known, unifiedType, unify, unknownAs } from './bound.ts';
import type { Tables } from './catalog.ts';
import type { PlanContext } from './context.ts';
import type { BoundQuery, Environment } from './environment.ts';
import { cast, column, isLiteral } from './expressions.ts';
import { fail } from './fail.ts';
import { foldExpression } from './fold.ts';
import { columnType, type Logical, oneRow, project, topK, union, values } from './logical.ts';
import type { Expression } from './plan.ts';
import { emptyScope, type Scope } from './scope.ts';

/** Resolves names and types of a whole query. @throws QueryError with a position */
export function bindQuery(query: Query, tables: Tables, context: PlanContext): BoundQuery {
  const environment: Environment = {
    tables,
    context,
    query: (nested) => bindNested(nested, environment),
  };
  return bindNested(query, environment);
}

function bindNested(query: Query, environment: Environment): BoundQuery {
  const { context } = environment;
  const limit = query.limit === null ? null : rowCount(query.limit, 'LIMIT', context);
  const offset = query.offset === null ? 0 : (rowCount(query.offset, 'OFFSET', context) ?? 0);
  const slice: Slice = { orderBy: query.orderBy, limit, offset };
  if (query.body.kind === 'select') return bindSelect(query.body, slice, environment);
  const body = bindBody(query.body, environment);
  return { ...body, plan: sliceOutputs(body.plan, slice, environment) };
}

function bindBody(body: QueryBody, environment: Environment): BoundQuery {
  switch (body.kind) {
    case 'query':
      return bindNested(body, environment);
    case 'select':
      return bindSelect(body, { orderBy: [], limit: null, offset: 0 }, environment);
    case 'unionAll':
      return bindUnion(body, environment);
    case 'values':
      return bindValues(body, environment);
  }
}

/** @returns `null` for NULL, which means no limit */
function rowCount(expr: Expr, clause: 'LIMIT' | 'OFFSET', context: PlanContext): number | null {
  const count = bindConstant(expr, types.int8, clause, context);
  if (!isLiteral(count)) return fail('unsupported', `${clause} must be a constant`, expr.span);
  if (count.value === null) return null;
  const rows = Number(count.value);
  if (rows < 0) {
    return fail(clause === 'LIMIT' ? 'invalidLimit' : 'invalidOffset', `${clause} must not be negative`, expr.span);
  }
  return Math.min(rows, Number.MAX_SAFE_INTEGER);
}

/** ORDER BY over a UNION or VALUES sees the outputs only. */
function sliceOutputs(plan: Logical, { orderBy, limit, offset }: Slice, { context }: Environment): Logical {
  const { fields } = plan.schema;
  const scope: Scope = {
    columns: fields.map(({ name, type }, index) => ({ name, relation: null, index, type, unqualified: true })),
  };
  const binder = new ExpressionBinder({ scope, context, clause: 'ORDER BY', aggregates: null });
  const keys = orderBy.map((item) => {
    const position = positionOf(item.expression, fields.length, 'ORDER BY');
    const byPosition = position === null ? null : column(position, columnType(plan.schema, position));
    return sortKey(item, byPosition ?? binder.bind(item.expression).expression);
  });
  return topK(plan, keys, limit, offset);
}

function bindUnion({ inputs: bodies }: UnionAll, environment: Environment): BoundQuery {
  const inputs = bodies.map((body) => bindBody(body, environment));
  const { fields } = (inputs[0] as BoundQuery).plan.schema;
  inputs.forEach(({ plan }, index) => {
    if (plan.schema.fields.length === fields.length) return;
    fail('syntax', 'each UNION query must have the same number of columns', (bodies[index] as QueryBody).span);
  });
  const outputTypes = fields.map((_, position) => {
    const candidates = inputs.map(({ plan, unknown }, index): Bound => {
      const { span } = bodies[index] as QueryBody;
      return unknown[position] ?? known(column(position, columnType(plan.schema, position)), span);
    });
    return unifiedType(candidates, 'UNION');
  });
  const schema = { fields: fields.map(({ name }, index) => ({ name, type: outputTypes[index] as SqlType })) };
  const plan = union(
    inputs.map((input) => convertOutputs(input, outputTypes)),
    schema,
  );
  return { plan, unknown: fields.map(() => null) };
}

/** Casts outputs to `outputTypes`; an output that is a literal of unknown type is read as one of that type. */
export function convertOutputs({ plan, unknown }: BoundQuery, outputTypes: readonly SqlType[]): Logical {
  const outputs = plan.schema.fields.map(({ type }, index) => {
    const wanted = outputTypes[index] ?? type;
    const free = unknown[index];
    return free ? unknownAs(free, wanted) : cast(column(index, type), wanted);
  });
  if (outputs.every(({ kind }) => kind === 'column')) return plan;
  return project(
    plan,
    outputs,
    plan.schema.fields.map(({ name }) => name),
  );
}

function bindValues(body: ValuesBody, { context }: Environment): BoundQuery {
  const rows = bindRows(body, context);
  const width = (rows[0] as readonly Bound[]).length;
  const columns = Array.from({ length: width }, (_, index) =>
    unify(
      rows.map((row) => row[index] as Bound),
      'VALUES',
    ),
  );
  const cells = rows.map((_, row) => columns.map(({ expressions }) => expressions[row] as Expression));
  const schema = { fields: columns.map(({ type }, index) => ({ name: `column${index + 1}`, type })) };
  return { plan: literalRows(cells, schema), unknown: columns.map(() => null) };
}

/** @throws QueryError syntax when rows differ in length */
export function bindRows(body: ValuesBody, context: PlanContext): Bound[][] {
  const binder = new ExpressionBinder({ scope: emptyScope, context, clause: 'VALUES', aggregates: null });
  const width = body.rows[0]?.length ?? 0;
  return body.rows.map((row) => {
    if (row.length !== width) fail('syntax', 'VALUES lists must all be the same length', row[0]?.span ?? body.span);
    return row.map((expr) => binder.bind(expr));
  });
}

/** Rows of constants; a row that needs run time becomes a projection of its own. */
export function literalRows(rows: readonly (readonly Expression[])[], schema: Logical['schema']): Logical {
  const names = schema.fields.map(({ name }) => name);
  const inputs: Logical[] = [];
  let constants: Extract<Expression, { kind: 'literal' }>['value'][][] = [];
  const flush = () => {
    if (constants.length > 0) inputs.push(values(constants, schema));
    constants = [];
  };
  for (const row of rows) {
    const folded = row.map(foldExpression);
    if (folded.every(isLiteral)) {
      constants.push(folded.map(({ value }) => value));
      continue;
    }
    flush();
    inputs.push(project(oneRow, folded, names));
  }
  flush();
  return union(inputs, schema);
}
