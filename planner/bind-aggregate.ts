import type { CallExpr, Expr } from '../parser/index.ts';
import { aggregateType } from './aggregates.ts';
import { type Bound, boundTypeName, known } from './bound.ts';
import { column, expressionKey } from './expressions.ts';
import { fail } from './fail.ts';
import type { AggregateCall, AggregateFunction } from './plan.ts';

const aggregateNames: readonly string[] = ['count', 'sum', 'avg', 'min', 'max'] satisfies AggregateFunction[];

export function isAggregateName(name: string): boolean {
  return aggregateNames.includes(name);
}

/**
 * Collects the aggregate calls of one SELECT. While its expressions are bound, a call's result is a column
 * behind those of the input: position `inputWidth` + its index here.
 */
export class AggregateSink {
  readonly #inputWidth: number;
  readonly #calls: AggregateCall[] = [];
  readonly #indexes = new Map<string, number>();

  constructor(inputWidth: number) {
    this.#inputWidth = inputWidth;
  }

  get calls(): readonly AggregateCall[] {
    return this.#calls;
  }

  /** The column that stands for the call's result; equal calls share one. */
  add(aggregate: AggregateCall): Bound['expression'] {
    const key = `${aggregate.function} ${aggregate.distinct} ${JSON.stringify(aggregate.type)} ${argumentKey(aggregate)}`;
    let index = this.#indexes.get(key);
    if (index === undefined) {
      index = this.#calls.push(aggregate) - 1;
      this.#indexes.set(key, index);
    }
    return column(this.#inputWidth + index, aggregate.type);
  }
}

function argumentKey({ argument }: AggregateCall): string {
  return argument === null ? '*' : expressionKey(argument);
}

/** @throws QueryError unknownFunction when the aggregate does not take such arguments */
export function bindAggregate(expr: CallExpr, args: readonly Bound[], sink: AggregateSink): Bound {
  const name = expr.name.text as AggregateFunction;
  const [argument] = args;
  const takes = expr.star ? name === 'count' : args.length === 1;
  const type = takes ? aggregateType(name, argument?.expression.type ?? null) : null;
  if (type === null) return noAggregate(expr, args);
  const distinct = expr.distinct && name !== 'min' && name !== 'max';
  return known(sink.add({ function: name, argument: argument?.expression ?? null, distinct, type }), expr.span);
}

function noAggregate(expr: CallExpr, args: readonly Bound[]): never {
  const shown = expr.star ? '*' : args.map(boundTypeName).join(', ');
  return fail('unknownFunction', `function ${expr.name.text}(${shown}) does not exist`, expr.span, signatureHint);
}

const signatureHint =
  'No function matches the given name and argument types. You might need to add explicit type casts.';

/** Whether an expression calls an aggregate anywhere. */
export function callsAggregate(expr: Expr): boolean {
  switch (expr.kind) {
    case 'literal':
    case 'column':
    case 'parameter':
      return false;
    case 'unary':
    case 'cast':
      return callsAggregate(expr.operand);
    case 'binary':
      return callsAggregate(expr.left) || callsAggregate(expr.right);
    case 'call':
      return isAggregateName(expr.name.text) || expr.args.some(callsAggregate);
    case 'case':
      return [expr.operand, expr.otherwise, ...expr.branches.flatMap(({ when, then }) => [when, then])].some(
        (part) => part !== null && callsAggregate(part),
      );
    case 'between':
      return [expr.operand, expr.low, expr.high].some(callsAggregate);
    case 'in':
      return [expr.operand, ...expr.list].some(callsAggregate);
    case 'like':
      return callsAggregate(expr.operand) || callsAggregate(expr.pattern);
    case 'is':
      return callsAggregate(expr.operand) || (expr.other !== null && callsAggregate(expr.other));
  }
}
