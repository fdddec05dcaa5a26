import type { TokenType } from 'chevrotain';
import type { BinaryOperator, Expr } from './ast.ts';
import {
  Caret,
  Concatenate,
  Equal,
  Greater,
  GreaterOrEqual,
  K,
  Less,
  LessOrEqual,
  Minus,
  NotEqual,
  Percent,
  Plus,
  Slash,
  Star,
} from './tokens.ts';

/** How tightly operators bind, from loose to tight, as in the `%left` … table of PostgreSQL's gram.y. */
export const levels = {
  or: 1,
  and: 2,
  not: 3,
  is: 4,
  comparison: 5,
  /** BETWEEN, IN, LIKE. */
  range: 6,
  other: 7,
  sum: 8,
  product: 9,
  power: 10,
  sign: 11,
  cast: 12,
} as const;

export const binaryOperators: ReadonlyMap<TokenType, BinaryOperator> = new Map<TokenType, BinaryOperator>([
  [K.OR, 'or'],
  [K.AND, 'and'],
  [Equal, '='],
  [NotEqual, '<>'],
  [Less, '<'],
  [LessOrEqual, '<='],
  [Greater, '>'],
  [GreaterOrEqual, '>='],
  [Concatenate, '||'],
  [Plus, '+'],
  [Minus, '-'],
  [Star, '*'],
  [Slash, '/'],
  [Percent, '%'],
  [Caret, '^'],
]);

export const binaryLevels: Readonly<Record<BinaryOperator, number>> = {
  or: levels.or,
  and: levels.and,
  '=': levels.comparison,
  '<>': levels.comparison,
  '<': levels.comparison,
  '<=': levels.comparison,
  '>': levels.comparison,
  '>=': levels.comparison,
  '||': levels.other,
  '+': levels.sum,
  '-': levels.sum,
  '*': levels.product,
  '/': levels.product,
  '%': levels.product,
  '^': levels.power,
};

/**
 * The tightest operator that may follow `expr` in the loop that built it. Its own right operand has already taken all
 * that bind tighter; `a < b < c` is an error since comparisons do not associate; an expression that ends in a token of
 * its own, such as `a IS NULL`, can be continued by anything.
 */
export function levelMaxAfter(expr: Expr): number {
  switch (expr.kind) {
    case 'binary': {
      const level = binaryLevels[expr.operator];
      return level === levels.comparison ? level - 1 : level;
    }
    case 'between':
    case 'like':
      return levels.range - 1;
    case 'is':
      return expr.what === 'distinct' ? levels.is - 1 : levels.cast;
    default:
      return levels.cast;
  }
}
