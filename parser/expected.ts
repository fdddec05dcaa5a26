import type { IToken, TokenType } from 'chevrotain';
import type { StatementRules } from './statements.ts';
import { progress, retyped } from './suggest.ts';
import {
  BinaryToken,
  Comma,
  Equal,
  Identifier,
  isReserved,
  K,
  keywordTypes,
  LeftParen,
  NumberLiteral,
  Plus,
  RightParen,
  Star,
  StringLiteral,
  TypeCast,
  ValueWord,
} from './tokens.ts';

/** Longest start of a statement that is probed for what could follow; in tokens. */
const probedTokensMax = 300;

/** Said together as `an expression`. */
const startsExpression = new Set([K.CASE, K.CAST, K.NOT, K.NULL, K.TRUE, K.FALSE]);

/** Said together as `an operator`. */
const continuesExpression = new Set([
  K.AND,
  K.OR,
  K.NOT,
  K.IS,
  K.ISNULL,
  K.NOTNULL,
  K.IN,
  K.BETWEEN,
  K.LIKE,
  K.ILIKE,
  TypeCast,
  Star,
]);

/** What stands for a token wherever a grammar is asked about its type only. */
const blank: IToken = { image: 'x', startOffset: 0, tokenType: Identifier, tokenTypeIdx: -1 };

/**
 * What could stand at `index` instead of the token there: words in capitals, symbols in quotes, and classes. Found by
 * giving the grammar the tokens before it and one of every type in turn. Empty for a long statement.
 */
export function expectedAt(
  rules: StatementRules,
  sql: string,
  tokens: readonly IToken[],
  index: number,
): readonly string[] {
  if (index > probedTokensMax) return [];
  const before = tokens.slice(0, index);
  const fits = (type: TokenType): boolean =>
    progress(rules, sql, [...before, { ...retyped(blank, type), payload: '1' }]) > index;

  const name = fits(Identifier);
  const number = fits(NumberLiteral);
  const string = fits(StringLiteral);
  const expression = name && number && string;
  const operator = fits(Plus) && fits(K.AND);
  // After AS any word will do.
  if (name && fits(K.WHEN) && fits(K.THEN)) return ['a name'];
  // Types and aliases can be named `left`, and then `natural`, which we know no join for.
  const joins = !fits(K.NATURAL);
  const grouped = (type: TokenType): boolean =>
    (expression &&
      (startsExpression.has(type) || type === LeftParen || type.CATEGORIES?.includes(ValueWord) === true)) ||
    // After a word, a parenthesis would make it a call.
    (operator &&
      (continuesExpression.has(type) || type === LeftParen || type.CATEGORIES?.includes(BinaryToken) === true)) ||
    // Where a name fits, these are names.
    (name && !isReserved(type) && type.LONGER_ALT === Identifier && !(joins && startsJoin.has(type)));

  const symbols = [LeftParen, RightParen, Comma, Star, Equal].filter((type) => !grouped(type) && fits(type));
  const words = keywordTypes.filter((type) => !grouped(type) && fits(type)).map((type) => type.name);
  return [
    ...(expression ? ['an expression'] : name ? ['a name'] : []),
    ...(!expression && !operator && string ? ['a string'] : []),
    ...(!expression && number ? ['a number'] : []),
    ...(operator ? ['an operator'] : []),
    ...symbols.map((type) => `"${String(type.PATTERN)}"`),
    ...words.sort(),
    ...(before.length > 0 && progress(rules, sql, before) > index ? ['the end of the statement'] : []),
  ];
}

/** Not reserved, and still no names for tables. */
const startsJoin = new Set([K.CROSS, K.INNER, K.JOIN, K.LEFT]);

/** `A, B or C`. */
export function alternatives(items: readonly string[]): string {
  const last = items.at(-1) ?? '';
  return items.length < 2 ? last : `${items.slice(0, -1).join(', ')} or ${last}`;
}
