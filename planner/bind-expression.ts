import { parseValue, types } from '../columnar/index.ts';
import type {
  CallExpr,
  CaseExpr,
  CastExpr,
  Expr,
  InListExpr,
  IsExpr,
  LikeExpr,
  LiteralExpr,
  ParameterExpr,
  Span,
} from '../parser/index.ts';
import { type AggregateSink, bindAggregate, isAggregateName } from './bind-aggregate.ts';
import { bindCall } from './bind-function.ts';
import { bindOperator, bindSign, comparable } from './bind-operator.ts';
import { bindCastType, bindType } from './bind-type.ts';
import {
  asCondition,
  type Bound,
  boundTypeName,
  known,
  numberLiteral,
  tryCoerce,
  unifiedType,
  unify,
  unknown,
  unknownAs,
} from './bound.ts';
import type { PlanContext } from './context.ts';
import { balanced, call, cast, column, isLiteral, literal, not } from './expressions.ts';
import { fail, located } from './fail.ts';
import { foldExpression } from './fold.ts';
import type { Expression } from './plan.ts';
import { emptyScope, qualified, resolveColumn, type Scope } from './scope.ts';

/** Levels of one expression. Deeper ones would exhaust the stacks of those who walk it. */
const expressionDepthMax = 200;

const insideAggregate = 'an aggregate';

/** Where an expression stands and what it may name. */
export interface Surroundings {
  readonly scope: Scope;
  readonly context: PlanContext;
  /** The clause, as messages name it: `WHERE`. */
  readonly clause: string;
  /** Takes aggregate calls; `null` where none are allowed. */
  readonly aggregates: AggregateSink | null;
  /** Told of every column reference, so that later errors about it can point at the text. */
  readonly references?: Map<Expression, Referenced>;
}

export interface Referenced {
  readonly name: string;
  readonly span: Span;
}

/** Gives expressions of the syntax tree their types and the casts they need. */
export class ExpressionBinder {
  readonly #at: Surroundings;
  #depth = 0;

  constructor(at: Surroundings) {
    this.#at = at;
  }

  /** @throws QueryError with the position of what is wrong */
  bind(expr: Expr): Bound {
    if (++this.#depth > expressionDepthMax) {
      fail('unsupported', `expression is nested more than ${expressionDepthMax} levels deep`, expr.span);
    }
    const bound = this.#bind(expr);
    this.#depth--;
    return bound;
  }

  /** Binds a condition of the clause. */
  condition(expr: Expr): Expression {
    return asCondition(this.bind(expr), this.#at.clause);
  }

  #bind(expr: Expr): Bound {
    const { span } = expr;
    switch (expr.kind) {
      case 'literal':
        return bindLiteral(expr);
      case 'parameter':
        return this.#parameter(expr);
      case 'column': {
        const found = resolveColumn(this.#at.scope, expr);
        const reference = column(found.index, found.type);
        this.#at.references?.set(reference, { name: qualified(found), span });
        return known(reference, span);
      }
      case 'unary':
        return known(this.#unary(expr.operator, expr.operand), span);
      case 'binary':
        if (expr.operator === 'and' || expr.operator === 'or') return known(this.#logical(expr.operator, expr), span);
        return known(bindOperator(expr.operator, this.bind(expr.left), this.bind(expr.right), span), span);
      case 'call':
        if (isAggregateName(expr.name.text)) return this.#aggregate(expr);
        return bindCall(
          expr,
          expr.args.map((arg) => this.bind(arg)),
          this.#at.context,
        );
      case 'case':
        return known(this.#case(expr), span);
      case 'cast':
        return known(this.#cast(expr), span);
      case 'between': {
        const [low, high] = [expr.low, expr.high].map((bound) => this.bind(bound)) as [Bound, Bound];
        const operand = this.bind(expr.operand);
        const bounds = [bindOperator('>=', operand, low, span), bindOperator('<=', operand, high, span)];
        return known(negatedIf(expr.negated, balanced('and', bounds)), span);
      }
      case 'in':
        return known(negatedIf(expr.negated, this.#in(expr)), span);
      case 'like':
        return known(negatedIf(expr.negated, this.#like(expr)), span);
      case 'is':
        return known(negatedIf(expr.negated, this.#is(expr)), span);
    }
  }

  #parameter({ index, span }: ParameterExpr): Bound {
    const text = this.#at.context.parameters?.[index - 1];
    if (text === undefined) return fail('invalidParameter', `there is no parameter $${index}`, span);
    return unknown(text, span);
  }

  #unary(operator: 'not' | '-' | '+', operandExpr: Expr): Expression {
    if (operator === '-' && operandExpr.kind === 'literal' && operandExpr.literal === 'number') {
      return numberLiteral(operandExpr.text, operandExpr.span, true);
    }
    const operand = this.bind(operandExpr);
    return operator === 'not' ? not(asCondition(operand, 'NOT')) : bindSign(operator, operand);
  }

  #aggregate(expr: CallExpr): Bound {
    const { aggregates, clause, scope, context } = this.#at;
    if (clause === insideAggregate) return fail('grouping', 'aggregate function calls cannot be nested', expr.span);
    if (aggregates === null) return fail('grouping', `aggregate functions are not allowed in ${clause}`, expr.span);
    const inner = new ExpressionBinder({ scope, context, clause: insideAggregate, aggregates: null });
    return bindAggregate(
      expr,
      expr.args.map((arg) => inner.bind(arg)),
      aggregates,
    );
  }

  /** A chain of the same operator may be long: it is bound without recursion and built as a balanced tree. */
  #logical(operator: 'and' | 'or', expr: Expr): Expression {
    const pending: Expr[] = [expr];
    const operands: Expression[] = [];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      if (next.kind === 'binary' && next.operator === operator) pending.push(next.right, next.left);
      else operands.push(asCondition(this.bind(next), operator.toUpperCase()));
    }
    return balanced(operator, operands);
  }

  #case(expr: CaseExpr): Expression {
    const operand = expr.operand === null ? null : this.bind(expr.operand);
    const conditions = expr.branches.map(({ when }) => {
      const bound = this.bind(when);
      return operand === null ? asCondition(bound, 'CASE/WHEN') : bindOperator('=', operand, bound, when.span);
    });
    const results = expr.branches.map(({ then }) => this.bind(then));
    const otherwise = expr.otherwise === null ? unknown(null, expr.span) : this.bind(expr.otherwise);
    const { type, expressions } = unify([...results, otherwise], 'CASE');
    const branches = conditions.map((when, index) => ({ when, then: expressions[index] as Expression }));
    return { kind: 'case', branches, otherwise: expressions.at(-1) as Expression, type };
  }

  #cast(expr: CastExpr): Expression {
    const operand = this.bind(expr.operand);
    const type = bindCastType(expr.type, operand.expression.type);
    const result = tryCoerce(operand, type, 'explicit');
    if (result !== null) return result;
    return fail('cannotCast', `cannot cast type ${boundTypeName(operand)} to ${expr.type.name}`, expr.span);
  }

  /** Literals become a set to look up in; NULLs and expressions are compared one by one. */
  #in(expr: InListExpr): Expression {
    const operand = this.bind(expr.operand);
    const items = expr.list.map((item) => this.bind(item));
    const sides = items.map((item) => known(comparable('=', operand, item, item.span)[1], item.span));
    const type = unifiedType(sides, 'IN');
    const input = operand.unknown ? unknownAs(operand, type) : cast(operand.expression, type);
    const candidates = sides.map((side) => foldExpression(cast(side.expression, type)));
    const values = candidates.flatMap((item) => (isLiteral(item) && item.value !== null ? [item.value] : []));
    const others = candidates.filter((item) => !isLiteral(item) || item.value === null);
    const tests = others.map((item) => call('equal', [input, item], types.boolean));
    if (values.length > 0) tests.unshift({ kind: 'in', input, values, type: types.boolean });
    return balanced('or', tests);
  }

  #like(expr: LikeExpr): Expression {
    const [operand, pattern] = [this.bind(expr.operand), this.bind(expr.pattern)];
    const args = [operand, pattern].map((side) => tryCoerce(side, types.text, 'implicit'));
    if (args.some((arg) => arg === null)) {
      const operator = expr.caseInsensitive ? '~~*' : '~~';
      const names = `${boundTypeName(operand)} ${operator} ${boundTypeName(pattern)}`;
      return fail('unknownFunction', `operator does not exist: ${names}`, expr.span);
    }
    return call(expr.caseInsensitive ? 'ilike' : 'like', args as Expression[], types.boolean);
  }

  #is(expr: IsExpr): Expression {
    const operand = this.bind(expr.operand);
    switch (expr.what) {
      case 'null':
        return call('isNull', [operand.expression], types.boolean);
      case 'true':
        return call('isTrue', [asCondition(operand, 'IS TRUE')], types.boolean);
      case 'false':
        return call('isFalse', [asCondition(operand, 'IS FALSE')], types.boolean);
      case 'distinct': {
        const other = this.bind(expr.other as Expr);
        const pair = comparable('IS DISTINCT FROM', operand, other, expr.span);
        return call('isDistinctFrom', pair, types.boolean);
      }
    }
  }
}

function negatedIf(negated: boolean, expression: Expression): Expression {
  return negated ? not(expression) : expression;
}

function bindLiteral(expr: LiteralExpr): Bound {
  const { span } = expr;
  switch (expr.literal) {
    case 'null':
      return unknown(null, span);
    case 'boolean':
      return known(literal(expr.value, types.boolean), span);
    case 'number':
      return known(numberLiteral(expr.text, span), span);
    case 'string':
      return unknown(expr.value, span);
    case 'typed': {
      const type = bindType(expr.type);
      return known(
        located(span, () => literal(parseValue(type, expr.value), type)),
        span,
      );
    }
  }
}

/** The value of an expression that names no column, as `type`; not a literal only if it can fail at run time. */
export function bindConstant(expr: Expr, type: Expression['type'], clause: string, context: PlanContext): Expression {
  const bound = new ExpressionBinder({ scope: emptyScope, context, clause, aggregates: null }).bind(expr);
  const value = tryCoerce(bound, type, 'assignment');
  if (value !== null) return foldExpression(value);
  return fail(
    'typeMismatch',
    `argument of ${clause} must be type ${type.kind}, not type ${boundTypeName(bound)}`,
    expr.span,
  );
}
