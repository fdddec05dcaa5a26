import assert from 'node:assert/strict';
import { type IToken, Lexer } from 'chevrotain';
import { ParseError } from './error.ts';
import { LeftParen, RightParen, Semicolon, tokenTypes } from './tokens.ts';

/** Longest text taken, in UTF-16 units. */
export const sqlLengthMax = 1_048_576;

let lexer: Lexer | null = null;

/** One statement's tokens, and where it ends: at its semicolon, or at the end of the text. */
interface StatementTokens {
  readonly tokens: readonly IToken[];
  /** The semicolon behind the statement. */
  readonly terminator: IToken | null;
}

/**
 * Cuts a text into tokens and these into statements, leaving empty ones out.
 *
 * @throws ParseError on text that is too long, and on tokens that do not end or are malformed
 */
export function tokenize(sql: string): StatementTokens[] {
  if (sql.length > sqlLengthMax) {
    const message = `the statement text is too long: ${sql.length} characters, at most ${sqlLengthMax} are taken`;
    throw new ParseError(message, sql, { start: sqlLengthMax, end: sqlLengthMax }, { code: 'limit' });
  }
  lexer ??= new Lexer([...tokenTypes], { positionTracking: 'onlyOffset', ensureOptimizations: true });
  const { tokens, errors } = lexer.tokenize(sql);
  assert(errors.length === 0, 'every character begins a token');
  linkParentheses(tokens);
  return splitStatements(tokens);
}

/**
 * Tells every `(` how many tokens further its `)` stands, so that the grammar can look behind a parenthesis in one
 * step. Without a `)` there is no payload.
 */
function linkParentheses(tokens: readonly IToken[]): void {
  const open: number[] = [];
  for (const [index, token] of tokens.entries()) {
    if (token.tokenType === LeftParen) open.push(index);
    else if (token.tokenType === Semicolon) open.length = 0;
    else if (token.tokenType === RightParen) {
      const start = open.pop();
      const opening = start === undefined ? undefined : tokens[start];
      if (opening !== undefined && start !== undefined) opening.payload = index - start;
    }
  }
}

function splitStatements(tokens: readonly IToken[]): StatementTokens[] {
  const statements: StatementTokens[] = [];
  let from = 0;
  for (let index = 0; index <= tokens.length; index += 1) {
    const terminator = tokens[index] ?? null;
    if (terminator !== null && terminator.tokenType !== Semicolon) continue;
    if (index > from) statements.push({ tokens: tokens.slice(from, index), terminator });
    from = index + 1;
  }
  return statements;
}
