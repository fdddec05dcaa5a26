import type { SqlType, TypeKind } from '../columnar/index.ts';
import { numericPrecisionMax, types, typesEqual } from '../columnar/index.ts';
import type { CallExpr } from '../parser/index.ts';
import { bindOperator, comparable } from './bind-operator.ts';
import { type Bound, boundTypeName, known, tryCoerce, unify, unknownAs } from './bound.ts';
import { castAllowed } from './coercion.ts';
import type { PlanContext } from './context.ts';
import { call, cast, literal, not } from './expressions.ts';
import { fail } from './fail.ts';
import { functionTable, type Overload } from './function-table.ts';
import { asNumeric } from './numeric-types.ts';
import type { Expression } from './plan.ts';
import { closest } from './suggest.ts';

/** A call of a scalar function, with its arguments bound. @throws QueryError unknownFunction */
export function bindCall(expr: CallExpr, args: readonly Bound[], context: PlanContext): Bound {
  const name = expr.name.text;
  if (expr.star || expr.distinct) {
    const what = expr.star ? `${name}(*)` : `DISTINCT in ${name}()`;
    return fail('wrongObjectType', `${what} specified, but ${name} is not an aggregate function`, expr.span);
  }
  const special = specialFunctions.get(name)?.(expr, args, context) ?? null;
  if (special !== null) return known(special, expr.span);
  const overload = chooseOverload(functionTable.get(name) ?? [], args);
  if (overload === null) return noFunction(expr, args);
  return known(
    overload.build(args.map((arg, index) => coerceToKind(arg, overload.params[index] as TypeKind))),
    expr.span,
  );
}

/** The one with the most exact matches among those whose arguments convert implicitly; the first of equals. */
function chooseOverload(overloads: readonly Overload[], args: readonly Bound[]): Overload | null {
  let best: Overload | null = null;
  let bestExact = -1;
  for (const overload of overloads) {
    const { params } = overload;
    if (params.length !== args.length) continue;
    if (!args.every((arg, index) => accepts(params[index] as TypeKind, arg))) continue;
    const exact = args.filter(({ unknown, expression }, index) => !unknown && expression.type.kind === params[index]);
    if (exact.length > bestExact) [best, bestExact] = [overload, exact.length];
  }
  return best;
}

function accepts(kind: TypeKind, { unknown, expression }: Bound): boolean {
  return unknown || castAllowed(expression.type, typeOfKind(kind, expression.type), 'implicit');
}

function coerceToKind(arg: Bound, kind: TypeKind): Expression {
  const type = typeOfKind(kind, arg.expression.type);
  return arg.unknown ? unknownAs(arg, type) : cast(arg.expression, type);
}

/** Digits behind the point of a quoted number where a numeric is wanted, as for bare `numeric`. */
const unknownScale = 10;

/** A numeric parameter takes exact numbers with the digits they have. */
function typeOfKind(kind: TypeKind, given: SqlType): SqlType {
  if (kind !== 'numeric') return types[kind];
  return asNumeric(given) ?? types.numeric(numericPrecisionMax, unknownScale);
}

function noFunction(expr: CallExpr, args: readonly Bound[]): never {
  const name = expr.name.text;
  const exists = functionTable.has(name) || specialFunctions.has(name);
  const similar = exists ? null : closest(name, functionNames());
  const hint = similar === null ? signatureHint : `Did you mean "${similar}"?`;
  return fail(
    'unknownFunction',
    `function ${name}(${args.map(boundTypeName).join(', ')}) does not exist`,
    expr.span,
    hint,
  );
}

const signatureHint =
  'No function matches the given name and argument types. You might need to add explicit type casts.';

/** Every name a call may have, aggregates included. */
export function functionNames(): readonly string[] {
  return [...functionTable.keys(), ...specialFunctions.keys(), 'count', 'sum', 'avg', 'min', 'max'];
}

/** Functions whose arguments take their types from each other, or that need none. `null`: wrong number of arguments. */
type SpecialFunction = (expr: CallExpr, args: readonly Bound[], context: PlanContext) => Expression | null;

const specialFunctions: ReadonlyMap<string, SpecialFunction> = new Map<string, SpecialFunction>([
  ['coalesce', unified('coalesce')],
  ['greatest', unified('greatest')],
  ['least', unified('least')],
  ['nullif', nullIf],
  ['concat', concat],
  [
    'mod',
    (expr, args) => (args.length === 2 ? bindOperator('%', args[0] as Bound, args[1] as Bound, expr.span) : null),
  ],
  ['now', currentTimestamp],
  ['current_timestamp', currentTimestamp],
  ['localtimestamp', (_, args, context) => (args.length === 0 ? literal(nowMicros(context), types.timestamp) : null)],
  ['current_date', (_, args, context) => (args.length === 0 ? literal(today(context), types.date) : null)],
]);

function unified(id: 'coalesce' | 'greatest' | 'least'): SpecialFunction {
  return (_, args) => {
    if (args.length === 0) return null;
    const { type, expressions } = unify(args, id.toUpperCase());
    return call(id, expressions, type);
  };
}

/** Types of one row are compared as they are; others are first converted to a common type. */
const comparedMixed: readonly (readonly TypeKind[])[] = [
  ['int2', 'int4', 'int8'],
  ['float4', 'float8'],
  ['date', 'timestamp', 'timestamptz'],
];

/** The result is of the first one's type, as it is when the two are compared. */
function nullIf(expr: CallExpr, args: readonly Bound[]): Expression | null {
  const [first, second] = args;
  if (first === undefined || second === undefined || args.length > 2) return null;
  const [a, b] = comparable('=', first, second, expr.span);
  const { type } = first.expression;
  const kinds = [type.kind, second.expression.type.kind];
  const mixed = comparedMixed.some((row) => kinds.every((kind) => row.includes(kind)));
  if (first.unknown || !mixed || typesEqual(a.type, type)) return call('nullIf', [a, b], a.type);
  const branches = [{ when: call('equal', [a, b], types.boolean), then: literal(null, type) }];
  return { kind: 'case', branches, otherwise: first.expression, type };
}

function concat(_: CallExpr, args: readonly Bound[]): Expression | null {
  return args.length === 0 ? null : call('concat', args.map(printed), types.text);
}

/** A value as PostgreSQL prints it, which for boolean is shorter than what a cast to text gives. */
function printed(arg: Bound): Expression {
  const { unknown, expression } = arg;
  if (unknown || expression.type.kind !== 'boolean') return tryCoerce(arg, types.text, 'assignment') as Expression;
  const branches = [
    { when: expression, then: literal('t', types.text) },
    { when: not(expression), then: literal('f', types.text) },
  ];
  return { kind: 'case', branches, otherwise: literal(null, types.text), type: types.text };
}

function currentTimestamp(_: CallExpr, args: readonly Bound[], context: PlanContext): Expression | null {
  return args.length === 0 ? literal(nowMicros(context), types.timestamptz) : null;
}

function nowMicros({ nowMs }: PlanContext): bigint {
  return BigInt(Math.round(nowMs * 1_000));
}

function today({ nowMs }: PlanContext): number {
  return Math.floor(nowMs / 86_400_000);
}
