import type { IToken, TokenType } from 'chevrotain';
import { ParseError } from './error.ts';
import type { StatementRules } from './statements.ts';
import { Identifier, isReserved, K, keywordTypes, QuotedIdentifier } from './tokens.ts';

/** How far the grammar gets: the index of the token it refuses, or infinity. */
export function progress(rules: StatementRules, sql: string, tokens: readonly IToken[]): number {
  // Nobody sees these errors, and their stack traces would cost more than the parsing.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    const outcome = rules.run(sql, tokens);
    return outcome.ok ? Number.POSITIVE_INFINITY : outcome.index;
  } catch (error) {
    // What is refused for another reason than its form is well-formed.
    if (error instanceof ParseError) return Number.POSITIVE_INFINITY;
    throw error;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

export function retyped(token: IToken, type: TokenType): IToken {
  if (type.tokenTypeIdx === undefined) throw new TypeError(`${type.name} is in no vocabulary`);
  return { ...token, tokenType: type, tokenTypeIdx: type.tokenTypeIdx };
}

interface Suggestion {
  /** Index of the misspelt token. */
  readonly index: number;
  readonly keyword: string;
}

/**
 * The keyword that a misspelt one was meant to be. A keyword qualifies when it is spelt alike and the statement gets
 * further with it. The token before the refused one is tried too: in `FROM t WHER x = 1`, `WHER` passes for an alias.
 */
export function suggestKeyword(
  rules: StatementRules,
  sql: string,
  tokens: readonly IToken[],
  index: number,
): Suggestion | null {
  let best: (Suggestion & { readonly reached: number; readonly distance: number }) | null = null;
  for (const at of [index, index - 1]) {
    const token = tokens[at];
    if (token?.tokenType !== Identifier) continue;
    const distanceMax = token.image.length <= 4 ? 1 : 2;
    for (const type of keywordTypes) {
      const distance = editDistance(token.image.toUpperCase(), type.name, distanceMax);
      if (distance > distanceMax) continue;
      const reached = progress(rules, sql, tokens.with(at, retyped(token, type)));
      if (reached <= index) continue;
      if (best === null || reached > best.reached || (reached === best.reached && distance < best.distance)) {
        best = { index: at, keyword: type.name, reached, distance };
      }
    }
  }
  return best;
}

/** Words that are hardly ever meant as names: it is what stands before them that is missing. */
const clauseWords = [
  K.SELECT,
  K.FROM,
  K.WHERE,
  K.HAVING,
  K.ON,
  K.USING,
  K.AS,
  K.AND,
  K.OR,
  K.IN,
  K.NOT,
  K.INTO,
  K.THEN,
  K.WITH,
];

/** True when the statement would be sound if the refused token, a reserved word, were a name. */
export function meantAsName(rules: StatementRules, sql: string, tokens: readonly IToken[], index: number): boolean {
  const token = tokens[index];
  if (token === undefined || !isReserved(token.tokenType) || clauseWords.includes(token.tokenType)) return false;
  const name = { ...retyped(token, QuotedIdentifier), payload: token.image };
  return progress(rules, sql, tokens.with(index, name)) === Number.POSITIVE_INFINITY;
}

/**
 * Insertions, deletions, replacements and swaps of neighbours that lead from `a` to `b`.
 *
 * @returns `limit + 1` when there are more than `limit`
 * @see Damerau 1964; "optimal string alignment", where no part is edited twice
 */
export function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const current = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1];
      const replaced = (previous[j - 1] ?? 0) + (same ? 0 : 1);
      let least = Math.min(replaced, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, (beforePrevious[j - 2] ?? 0) + 1);
      }
      current.push(least);
    }
    if (Math.min(...current) > limit) return limit + 1;
    [beforePrevious, previous] = [previous, current];
  }
  return previous[b.length] ?? limit + 1;
}
