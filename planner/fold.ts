import type { SqlType } from '../columnar/index.ts';
import { types, typesEqual } from '../columnar/index.ts';
import { evaluateCall, evaluateCast } from './evaluate.ts';
import { call, falseLiteral, isLiteral, literal, mapChildren } from './expressions.ts';
import type { FunctionId } from './functions.ts';
import type { Expression } from './plan.ts';

type Call = Extract<Expression, { kind: 'call' }>;
type Case = Extract<Expression, { kind: 'case' }>;

/** Functions that see NULL arguments; all others give NULL for NULL. */
const notStrict: ReadonlySet<FunctionId> = new Set([
  'and',
  'or',
  'not',
  'isNull',
  'isTrue',
  'isFalse',
  'isDistinctFrom',
  'coalesce',
  'nullIf',
  'greatest',
  'least',
  'concat',
]);

/**
 * Computes what is known at plan time: the same value for every row, or fewer steps to it. What would
 * fail (1/0, overflow) stays as it is and fails at run time, if a row ever reaches it.
 */
export function foldExpression(expression: Expression): Expression {
  if (expression.kind === 'case') return foldCase(expression);
  const folded = mapChildren(expression, foldExpression);
  switch (folded.kind) {
    case 'call':
      return foldCall(folded);
    case 'cast':
      return foldCast(folded.input, folded.type, folded);
    case 'in':
      return isLiteral(folded.input) && folded.input.value === null ? literal(null, types.boolean) : folded;
    default:
      return folded;
  }
}

function foldCast(input: Expression, type: SqlType, unfolded: Expression): Expression {
  if (typesEqual(input.type, type)) return input;
  return (isLiteral(input) ? evaluateCast(input.value, input.type, type) : null) ?? unfolded;
}

function foldCall(expression: Call): Expression {
  switch (expression.function) {
    case 'and':
    case 'or':
      return foldLogical(expression);
    case 'not':
      return foldNot(expression);
    case 'coalesce':
      return foldCoalesce(expression);
    default:
      return foldFunction(expression);
  }
}

function foldFunction(expression: Call): Expression {
  const { function: id, args, type } = expression;
  if (!notStrict.has(id) && args.some(isNullLiteral)) return literal(null, type);
  return (args.every(isLiteral) ? evaluateCall(id, args, type) : null) ?? expression;
}

function isNullLiteral(expression: Expression): boolean {
  return isLiteral(expression) && expression.value === null;
}

/** TRUE AND x is x, FALSE AND x is FALSE, NULL AND x stays unless x is known; OR likewise. */
function foldLogical(expression: Call): Expression {
  const absorbing = expression.function === 'or';
  const rest: Expression[] = [];
  for (const arg of expression.args) {
    if (isLiteral(arg) && arg.value === absorbing) return literal(absorbing, types.boolean);
    if (!isLiteral(arg) || arg.value === null) rest.push(arg);
  }
  if (rest.length === 0) return literal(!absorbing, types.boolean);
  if (rest.every(isNullLiteral)) return literal(null, types.boolean);
  return rest.length === 1 ? (rest[0] as Expression) : call(expression.function, rest, types.boolean);
}

const negations: { readonly [K in FunctionId]?: FunctionId } = {
  equal: 'notEqual',
  notEqual: 'equal',
  less: 'greaterOrEqual',
  lessOrEqual: 'greater',
  greater: 'lessOrEqual',
  greaterOrEqual: 'less',
};

function foldNot(expression: Call): Expression {
  const input = expression.args[0] as Expression;
  if (isLiteral(input)) return literal(input.value === null ? null : input.value !== true, types.boolean);
  if (input.kind !== 'call') return expression;
  if (input.function === 'not') return input.args[0] as Expression;
  const negated = negations[input.function];
  return negated === undefined ? expression : call(negated, input.args, types.boolean);
}

function foldCoalesce(expression: Call): Expression {
  const candidates = expression.args.filter((arg) => !isNullLiteral(arg));
  const [first] = candidates;
  if (first === undefined) return literal(null, expression.type);
  if (isLiteral(first) || candidates.length === 1) return first;
  return call('coalesce', candidates, expression.type);
}

/** Results are folded only where they can be reached: CASE guards what would fail. */
function foldCase(expression: Case): Expression {
  const branches: { when: Expression; then: Expression }[] = [];
  let otherwise: Expression | null = null;
  for (const branch of expression.branches) {
    const when = foldExpression(branch.when);
    if (isLiteral(when) && when.value !== true) continue;
    const then = foldExpression(branch.then);
    if (isLiteral(when)) {
      otherwise = then;
      break;
    }
    branches.push({ when, then });
  }
  otherwise ??= foldExpression(expression.otherwise);
  return branches.length === 0 ? otherwise : { ...expression, branches, otherwise };
}

/** A condition for WHERE and ON, where NULL counts as FALSE; `null` when it is always true. */
export function foldCondition(condition: Expression): Expression | null {
  const folded = foldExpression(condition);
  if (!isLiteral(folded)) return folded;
  return folded.value === true ? null : falseLiteral;
}
