import type { IToken } from 'chevrotain';
import { excerpt, ParseError } from './error.ts';
import { alternatives, expectedAt } from './expected.ts';
import { tokenSpan } from './rules.ts';
import type { StatementRules } from './statements.ts';
import { meantAsName, suggestKeyword } from './suggest.ts';
import { Comma, isReserved, LeftParen, RightParen } from './tokens.ts';
import { findUnsupported } from './unsupported.ts';

/** Most alternatives that a hint lists. */
const listedMax = 8;

/**
 * Explains why the grammar refused a statement. It is run again on changed tokens to see what would have been taken.
 *
 * @param index of the refused token in `tokens`; their number if the statement ends too early
 * @param terminator the semicolon behind the statement, if there is one
 */
export function diagnose(
  rules: StatementRules,
  sql: string,
  tokens: readonly IToken[],
  terminator: IToken | null,
  index: number,
): ParseError {
  const unsupported = findUnsupported(tokens, index);
  if (unsupported !== null) {
    return new ParseError(unsupported.message, sql, unsupported.span, { code: 'unsupported', hint: unsupported.hint });
  }
  const suggestion = suggestKeyword(rules, sql, tokens, index);
  const at = suggestion?.index ?? index;
  const found = tokens[at] ?? terminator;
  const expected = expectedAt(rules, sql, tokens, at);
  const hint =
    suggestion === null ? explain(rules, sql, tokens, index, expected) : `Did you mean ${suggestion.keyword}?`;
  if (found === null) {
    const last = tokens.at(-1);
    const end = last === undefined ? sql.length : tokenSpan(last).end;
    return new ParseError('syntax error at end of input', sql, { start: end, end }, { expected, hint });
  }
  return new ParseError(`syntax error at or near "${excerpt(found.image)}"`, sql, tokenSpan(found), { expected, hint });
}

function explain(
  rules: StatementRules,
  sql: string,
  tokens: readonly IToken[],
  index: number,
  expected: readonly string[],
): string | null {
  const listed = expected.length > listedMax ? [...expected.slice(0, listedMax), '…'] : expected;
  const refused = tokens[index];
  if (refused === undefined) {
    return listed.length === 0
      ? 'The statement ends here, unfinished.'
      : `The statement ends here; expected ${alternatives(listed)}.`;
  }
  if (index === 0) return 'A statement begins with a word such as SELECT, INSERT, CREATE, SUBSCRIBE or SHOW.';
  if (refused.tokenType === RightParen && closesNothing(tokens, index)) return 'No parenthesis is open here.';
  if (meantAsName(rules, sql, tokens, index)) {
    return `"${refused.image}" is a reserved word; put it in double quotes to use it as a name.`;
  }
  const isEnd = refused.tokenType === RightParen || isReserved(refused.tokenType);
  if (tokens[index - 1]?.tokenType === Comma && isEnd) return `Remove the comma before ${refused.image}.`;
  return listed.length === 0 || expected.length > listedMax ? null : `Expected ${alternatives(listed)}.`;
}

/** True when the `)` at `index` has no `(` before it. */
function closesNothing(tokens: readonly IToken[], index: number): boolean {
  return !tokens.slice(0, index).some((token, i) => token.tokenType === LeftParen && token.payload === index - i);
}
