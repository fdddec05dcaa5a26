import type { Expr, OrderItem, Select, SelectItem } from '../parser/index.ts';
import { AggregateSink, callsAggregate } from './bind-aggregate.ts';
import { ExpressionBinder, type Referenced } from './bind-expression.ts';
import { bindFrom, type Relation } from './bind-from.ts';
import { group } from './bind-group.ts';
import { type Bound, known } from './bound.ts';
import type { BoundQuery, Environment } from './environment.ts';
import { column, expressionKey } from './expressions.ts';
import { fail } from './fail.ts';
import { aggregate, filter, type Logical, project, projectColumns, topK } from './logical.ts';
import type { Expression, SortKey } from './plan.ts';
import { qualified, starColumns } from './scope.ts';

/** The order and slice that the surrounding query asks for. */
export interface Slice {
  readonly orderBy: readonly OrderItem[];
  readonly limit: number | null;
  readonly offset: number;
}

/** One output of a SELECT: what it is called, where it is written. */
interface Output {
  readonly name: string;
  readonly bound: Bound;
  /** `null` for a column that `*` stands for. */
  readonly expr: Expr | null;
}

/** A sort key before rows are grouped: an output's position or an expression of its own. */
type Order = { readonly item: OrderItem } & (
  | { readonly output: number }
  | { readonly output: null; readonly bound: Bound }
);

export function bindSelect(select: Select, slice: Slice, environment: Environment): BoundQuery {
  const binder = new SelectBinder(select, environment);
  return binder.bind(slice);
}

class SelectBinder {
  readonly #select: Select;
  readonly #environment: Environment;
  readonly #from: Relation;
  readonly #references = new Map<Expression, Referenced>();

  constructor(select: Select, environment: Environment) {
    this.#select = select;
    this.#environment = environment;
    this.#from = bindFrom(select.from, environment);
  }

  bind(slice: Slice): BoundQuery {
    const { where, having, groupBy, items } = this.#select;
    const { plan } = this.#from;
    const rows = filter(plan, where === null ? null : this.#binder('WHERE', null).condition(where));
    const grouped = groupBy.length > 0 || having !== null || this.#aggregates(slice.orderBy);
    const sink = grouped ? new AggregateSink(plan.schema.fields.length) : null;
    const outputs = items.flatMap((item) => this.#outputs(item, sink));
    const orders = slice.orderBy.map((item) => this.#order(item, outputs, sink));
    if (sink === null) return this.#finish(rows, outputs, orders, slice, (expression) => expression);
    const condition = having === null ? null : this.#binder('HAVING', sink).condition(having);
    const keys = groupBy.map((expr) => this.#groupKey(expr, outputs));
    const { plan: groups, resolve } = group(rows, keys, sink.calls, this.#references);
    return this.#finish(filter(groups, condition && resolve(condition)), outputs, orders, slice, resolve);
  }

  #aggregates(orderBy: readonly OrderItem[]): boolean {
    const { items } = this.#select;
    return (
      items.some((item) => item.kind === 'item' && callsAggregate(item.expression)) ||
      orderBy.some((item) => callsAggregate(item.expression))
    );
  }

  #binder(clause: string, aggregates: AggregateSink | null): ExpressionBinder {
    const { context } = this.#environment;
    return new ExpressionBinder({ scope: this.#from.scope, context, clause, aggregates, references: this.#references });
  }

  #outputs(item: SelectItem, sink: AggregateSink | null): Output[] {
    if (item.kind === 'item') {
      const bound = this.#binder('SELECT', sink).bind(item.expression);
      return [{ name: item.alias?.text ?? outputName(item.expression), bound, expr: item.expression }];
    }
    return starColumns(this.#from.scope, item.relation, item.span).map((shown) => {
      const reference = column(shown.index, shown.type);
      this.#references.set(reference, { name: qualified(shown), span: item.span });
      return { name: shown.name, bound: known(reference, item.span), expr: null };
    });
  }

  /** A position, an input column, an output's name, or any expression over the input. */
  #groupKey(expr: Expr, outputs: readonly Output[]): Expression {
    const binder = this.#binder('GROUP BY', null);
    const position = positionOf(expr, outputs.length, 'GROUP BY');
    const named = position === null ? this.#aliased(expr, outputs) : (outputs[position] as Output);
    if (named === null) return binder.bind(expr).expression;
    return named.expr === null ? named.bound.expression : binder.bind(named.expr).expression;
  }

  /** The output a bare name stands for, if no input column has that name. */
  #aliased(expr: Expr, outputs: readonly Output[]): Output | null {
    if (expr.kind !== 'column' || expr.relation !== null) return null;
    const { text } = expr.name;
    if (this.#from.scope.columns.some((shown) => shown.unqualified && shown.name === text)) return null;
    return uniqueOutput(expr, text, outputs)?.output ?? null;
  }

  /** A position, an output's name, or any expression over the input. */
  #order(item: OrderItem, outputs: readonly Output[], sink: AggregateSink | null): Order {
    const { expression: expr } = item;
    const position = positionOf(expr, outputs.length, 'ORDER BY');
    if (position !== null) return { item, output: position };
    const named = expr.kind === 'column' && expr.relation === null ? uniqueOutput(expr, expr.name.text, outputs) : null;
    if (named !== null) return { item, output: named.index };
    return { item, output: null, bound: this.#binder('ORDER BY', sink).bind(expr) };
  }

  /** Computes the outputs, then orders and slices them; sort keys that are no output ride along until then. */
  #finish(
    rows: Logical,
    outputs: readonly Output[],
    orders: readonly Order[],
    slice: Slice,
    resolve: (expression: Expression) => Expression,
  ): BoundQuery {
    const { distinct } = this.#select;
    const columns = outputs.map(({ bound }) => resolve(bound.expression));
    const positions = new Map<string, number>();
    columns.forEach((expression, index) => {
      const key = expressionKey(expression);
      if (!positions.has(key)) positions.set(key, index);
    });
    const keys = orders.map((order): SortKey => {
      const expression =
        order.output === null ? resolve(order.bound.expression) : (columns[order.output] as Expression);
      let index = order.output ?? positions.get(expressionKey(expression));
      if (index === undefined) {
        const message = 'for SELECT DISTINCT, ORDER BY expressions must appear in select list';
        if (distinct) fail('invalidReference', message, order.item.expression.span);
        index = columns.push(expression) - 1;
        positions.set(expressionKey(expression), index);
      }
      return sortKey(order.item, column(index, expression.type));
    });
    const names = columns.map((_, index) => outputs[index]?.name ?? `order${index - outputs.length + 1}`);
    const computed = project(rows, columns, names);
    const all = columns.map((_, index) => index);
    const answer = distinct ? aggregate(computed, all, [], []) : computed;
    const sorted = topK(answer, keys, slice.limit, slice.offset);
    const unknown = outputs.map(({ bound }) => (bound.unknown ? bound : null));
    return { plan: projectColumns(sorted, all.slice(0, outputs.length)), unknown };
  }
}

/** PostgreSQL sorts NULLs as if they were the greatest value. */
export function sortKey({ descending, nullsFirst }: OrderItem, expression: Expression): SortKey {
  return { expression, descending, nullsFirst: nullsFirst ?? descending };
}

/** Zero-based position of an output that a plain integer stands for; `null` for other expressions. */
export function positionOf(expr: Expr, outputs: number, clause: string): number | null {
  if (expr.kind !== 'literal' || expr.literal !== 'number') return null;
  if (!/^[0-9]+$/.test(expr.text)) return fail('syntax', `non-integer constant in ${clause}`, expr.span);
  const position = Number(expr.text);
  if (position >= 1 && position <= outputs) return position - 1;
  return fail('invalidReference', `${clause} position ${expr.text} is not in select list`, expr.span);
}

function uniqueOutput(expr: Expr, name: string, outputs: readonly Output[]): { output: Output; index: number } | null {
  const index = outputs.findIndex((output) => output.name === name);
  const output = outputs[index];
  if (output === undefined) return null;
  const key = expressionKey(output.bound.expression);
  if (outputs.some((other) => other.name === name && expressionKey(other.bound.expression) !== key)) {
    fail('ambiguousColumn', `column reference "${name}" is ambiguous`, expr.span);
  }
  return { output, index };
}

/** What PostgreSQL calls an output without an alias. */
export function outputName(expr: Expr): string {
  switch (expr.kind) {
    case 'column':
      return expr.name.text;
    case 'call':
      return expr.name.text;
    case 'case': {
      const name = expr.otherwise === null ? anonymous : outputName(expr.otherwise);
      return name === anonymous ? 'case' : name;
    }
    case 'cast': {
      const name = outputName(expr.operand);
      return name === anonymous ? shortName(expr.type.name) : name;
    }
    case 'literal':
      if (expr.literal === 'typed') return shortName(expr.type.name);
      return expr.literal === 'boolean' ? 'bool' : anonymous;
    default:
      return anonymous;
  }
}

const anonymous = '?column?';

const shortNames: ReadonlyMap<string, string> = new Map([
  ['integer', 'int4'],
  ['int', 'int4'],
  ['bigint', 'int8'],
  ['smallint', 'int2'],
  ['real', 'float4'],
  ['double precision', 'float8'],
  ['boolean', 'bool'],
  ['decimal', 'numeric'],
  ['character varying', 'varchar'],
]);

function shortName(name: string): string {
  return shortNames.get(name) ?? name;
}
