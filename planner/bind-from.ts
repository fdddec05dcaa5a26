import { types } from '../columnar/index.ts';
import type { JoinExpr, Name, TableExpr } from '../parser/index.ts';
import { ExpressionBinder } from './bind-expression.ts';
import { comparable } from './bind-operator.ts';
import { known } from './bound.ts';
import type { Environment } from './environment.ts';
import { call, column, conjunction } from './expressions.ts';
import { fail } from './fail.ts';
import { join, type Logical, oneRow, scan } from './logical.ts';
import type { Expression } from './plan.ts';
import { tableKey } from './referenced.ts';
import { emptyScope, relationsOf, type Scope, type ScopeColumn } from './scope.ts';
import { didYouMean } from './suggest.ts';

/** Rows to select from, and the names of their columns. */
export interface Relation {
  readonly plan: Logical;
  readonly scope: Scope;
}

type TableNode<K extends TableExpr['kind']> = Extract<TableExpr, { kind: K }>;

/** @throws QueryError unknownTable, duplicateAlias and those of expressions */
export function bindFrom(from: TableExpr | null, environment: Environment): Relation {
  if (from === null) return { plan: oneRow, scope: emptyScope };
  switch (from.kind) {
    case 'table':
      return bindTable(from, environment);
    case 'subquery':
      return bindSubquery(from, environment);
    case 'join':
      return bindJoin(from, environment);
  }
}

function bindTable({ table: name, alias }: TableNode<'table'>, { tables }: Environment): Relation {
  const key = tableKey(name);
  const table = tables.get(key);
  if (table === undefined) {
    return fail('unknownTable', `relation "${key}" does not exist`, name.span, didYouMean(key, tables.keys()));
  }
  const plan = scan(
    table,
    table.schema.fields.map((_, index) => index),
    null,
  );
  return { plan, scope: scopeOf(plan, alias?.text ?? name.name) };
}

function bindSubquery({ query, alias, columns }: TableNode<'subquery'>, environment: Environment): Relation {
  const { plan } = environment.query(query);
  const { fields } = plan.schema;
  const surplus = columns[fields.length];
  if (surplus !== undefined) {
    const message = `table "${alias.text}" has ${fields.length} columns available but ${columns.length} columns specified`;
    return fail('syntax', message, surplus.span);
  }
  return { plan, scope: scopeOf(plan, alias.text, columns) };
}

/** All columns of `plan` under one relation name, some renamed. */
function scopeOf(plan: Logical, relation: string, renamed: readonly Name[] = []): Scope {
  const columns = plan.schema.fields.map(({ name, type }, index) => {
    return { name: renamed[index]?.text ?? name, relation, index, type, unqualified: true };
  });
  return { columns };
}

function bindJoin(expr: JoinExpr, environment: Environment): Relation {
  const left = bindFrom(expr.left, environment);
  const right = bindFrom(expr.right, environment);
  const taken = relationsOf(left.scope);
  for (const name of relationsOf(right.scope)) {
    if (taken.has(name)) fail('duplicateAlias', `table name "${name}" specified more than once`, expr.right.span);
  }
  const width = left.plan.schema.fields.length;
  const rightColumns = right.scope.columns.map((shown) => ({ ...shown, index: shown.index + width }));
  const type = expr.type === 'left' ? 'left' : 'inner';
  if (expr.using.length > 0) {
    const { condition, scope } = bindUsing(expr.using, left.scope.columns, rightColumns);
    return { plan: join(type, left.plan, right.plan, condition), scope };
  }
  const scope = { columns: [...left.scope.columns, ...rightColumns] };
  const binder = new ExpressionBinder({ scope, context: environment.context, clause: 'JOIN/ON', aggregates: null });
  const condition = expr.on === null ? null : binder.condition(expr.on);
  return { plan: join(type, left.plan, right.plan, condition), scope };
}

/** USING shows each of its columns once, first, with the left side's values. */
function bindUsing(
  using: readonly Name[],
  left: readonly ScopeColumn[],
  right: readonly ScopeColumn[],
): { readonly condition: Expression | null; readonly scope: Scope } {
  const pairs = using.map((name) => [usingColumn(name, left, 'left'), usingColumn(name, right, 'right')] as const);
  const conditions = pairs.map(([a, b], index) => {
    const { span } = using[index] as Name;
    const sides = comparable('=', known(column(a.index, a.type), span), known(column(b.index, b.type), span), span);
    return call('equal', sides, types.boolean);
  });
  const merged = pairs.map(([a]) => a);
  const hidden = pairs.map(([, b]) => b);
  const columns = [
    ...merged,
    ...left.filter((shown) => !merged.includes(shown)),
    ...right.map((shown) => (hidden.includes(shown) ? { ...shown, unqualified: false } : shown)),
  ];
  return { condition: conjunction(conditions), scope: { columns } };
}

function usingColumn(name: Name, columns: readonly ScopeColumn[], side: 'left' | 'right'): ScopeColumn {
  const matches = columns.filter((shown) => shown.unqualified && shown.name === name.text);
  const [found] = matches;
  if (found === undefined) {
    const message = `column "${name.text}" specified in USING clause does not exist in ${side} table`;
    return fail(
      'unknownColumn',
      message,
      name.span,
      didYouMean(
        name.text,
        columns.map((shown) => shown.name),
      ),
    );
  }
  if (matches.length > 1) {
    fail('ambiguousColumn', `common column name "${name.text}" appears more than once in ${side} table`, name.span);
  }
  return found;
}
