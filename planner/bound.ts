import type { SqlType } from '../columnar/index.ts';
import { numericPrecisionMax, parseDecimal, parseValue, typeName, types } from '../columnar/index.ts';
import type { Span } from '../parser/index.ts';
import { type CastStrength, castAllowed, commonType } from './coercion.ts';
import { cast, literal } from './expressions.ts';
import { fail, located } from './fail.ts';
import type { Expression } from './plan.ts';

/**
 * A bound expression and where it stands. PostgreSQL gives a quoted literal, a parameter or NULL the type
 * `unknown` until its surroundings say more: then `unknown` is set and `expression` is a text literal.
 */
export interface Bound {
  readonly expression: Expression;
  readonly unknown: boolean;
  readonly span: Span;
}

export function known(expression: Expression, span: Span): Bound {
  return { expression, unknown: false, span };
}

export function unknown(text: string | null, span: Span): Bound {
  return { expression: literal(text, types.text), unknown: true, span };
}

/** As messages name it. */
export function boundTypeName(bound: Bound): string {
  return bound.unknown ? 'unknown' : shortTypeName(bound.expression.type);
}

/** PostgreSQL's operator and function messages leave out a numeric's precision and scale. */
export function shortTypeName(type: SqlType): string {
  return type.kind === 'numeric' ? 'numeric' : typeName(type);
}

/** The text of an unknown literal; `null` for NULL. */
export function unknownText(bound: Bound): string | null {
  const { expression } = bound;
  return expression.kind === 'literal' && typeof expression.value === 'string' ? expression.value : null;
}

/**
 * `bound` as `type`, or `null` when no cast of that strength exists.
 * @throws QueryError invalidText and the like, when a quoted literal is not of that type
 */
export function tryCoerce(bound: Bound, type: SqlType, strength: CastStrength): Expression | null {
  if (bound.unknown) return unknownAs(bound, type);
  return castAllowed(bound.expression.type, type, strength) ? cast(bound.expression, type) : null;
}

/** Reads the text of an unknown literal as a value of `type`. */
export function unknownAs(bound: Bound, type: SqlType): Expression {
  const text = unknownText(bound);
  return text === null ? literal(null, type) : located(bound.span, () => literal(parseValue(type, text), type));
}

/** As `unknownAs`, but a number's text next to a numeric keeps all its digits, as in PostgreSQL. */
export function unknownBeside(bound: Bound, other: SqlType): Expression {
  const text = unknownText(bound);
  const decimal = other.kind === 'numeric' && text !== null ? parseDecimal(text) : null;
  if (decimal === null || decimal.precision > numericPrecisionMax) return unknownAs(bound, other);
  return literal(decimal.unscaled, types.numeric(Math.max(1, decimal.precision), decimal.scale));
}

/** For WHERE, ON, HAVING, CASE WHEN, AND, OR, NOT. */
export function asCondition(bound: Bound, place: string): Expression {
  const condition = tryCoerce(bound, types.boolean, 'implicit');
  if (condition !== null) return condition;
  return fail(
    'typeMismatch',
    `argument of ${place} must be type boolean, not type ${boundTypeName(bound)}`,
    bound.span,
  );
}

/** Casts all to one type, as for CASE, COALESCE, UNION, VALUES; only unknown ones become text. */
export function unify(
  all: readonly Bound[],
  place: string,
): { readonly type: SqlType; readonly expressions: Expression[] } {
  const type = unifiedType(all, place);
  return { type, expressions: all.map((bound) => tryCoerce(bound, type, 'implicit') as Expression) };
}

export function unifiedType(all: readonly Bound[], place: string): SqlType {
  let type: SqlType | null = null;
  for (const bound of all) {
    if (bound.unknown) continue;
    const next: SqlType = bound.expression.type;
    const common: SqlType | null = type === null ? next : commonType(type, next);
    if (common === null) {
      const names = `${shortTypeName(type as SqlType)} and ${shortTypeName(next)}`;
      return fail('typeMismatch', `${place} types ${names} cannot be matched`, bound.span);
    }
    type = common;
  }
  return type ?? types.text;
}

/**
 * Digits alone: integer, bigint or numeric by size; with a point or an exponent: numeric of just those digits.
 *
 * @param negated a minus stands before it: it counts for the size, so that the least integers are integers
 */
export function numberLiteral(text: string, span: Span, negated = false): Expression {
  const decimal = located(span, () => parseDecimal(text));
  if (decimal === null) return fail('syntax', `"${text}" is not a number`, span);
  const { scale, precision } = decimal;
  const unscaled = negated ? -decimal.unscaled : decimal.unscaled;
  if (/^[0-9]+$/.test(text)) {
    if (BigInt.asIntN(32, unscaled) === unscaled) return literal(Number(unscaled), types.int4);
    if (BigInt.asIntN(64, unscaled) === unscaled) return literal(unscaled, types.int8);
  }
  if (precision > numericPrecisionMax) {
    return fail(
      'outOfRange',
      `number ${text} has more than ${numericPrecisionMax} digits`,
      span,
      `Write '${text}'::float8 if it may be rounded.`,
    );
  }
  return literal(unscaled, types.numeric(Math.max(1, precision), scale));
}
