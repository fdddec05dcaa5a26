import {
  EarlyExitException,
  EmbeddedActionsParser,
  type IRecognitionException,
  type IToken,
  NoViableAltException,
  type TokenType,
  tokenMatcher,
} from 'chevrotain';
import type { Name, Span } from './ast.ts';
import { ParseError } from './error.ts';
import { categories, QuotedIdentifier, tokenTypes } from './tokens.ts';

/** Deepest nesting of expressions, queries and joins, so that the parser's recursion fits its stack. */
export const nestingMax = 150;

/**
 * What the grammar's files share. The grammar looks one token ahead; where that does not tell, a `GATE` looks further.
 * Chevrotain runs every rule once on made-up tokens to learn the grammar, so what reads the results of other rules
 * stands in `ACTION`.
 */
export abstract class Rules extends EmbeddedActionsParser {
  #sql = '';
  #nesting = 0;

  constructor() {
    super([...tokenTypes, ...categories], { maxLookahead: 1, recoveryEnabled: false });
  }

  /** Takes the next statement, whose tokens stand in `sql`. */
  protected load(sql: string, tokens: readonly IToken[]): void {
    this.#sql = sql;
    this.#nesting = 0;
    this.input = [...tokens];
  }

  // Chevrotain's own versions work out all alternatives for a message that we do not show: most of an error's cost.

  protected raiseNoAltException(): never {
    this.raise(new NoViableAltException('no alternative', this.LA(1), this.LA(0)));
  }

  protected raiseEarlyExitException(): never {
    this.raise(new EarlyExitException('too few', this.LA(1), this.LA(0)));
  }

  private raise(error: IRecognitionException): never {
    this.errors = [error];
    throw error;
  }

  protected enter(): void {
    this.#nesting += 1;
    if (this.#nesting > nestingMax) {
      this.refuse(this.LA(1), `nested more than ${nestingMax} levels deep`, 'limit', 'Split the statement.');
    }
  }

  protected leave(): void {
    this.#nesting -= 1;
  }

  protected refuse(
    token: IToken,
    message: string,
    code: 'syntax' | 'limit' | 'unsupported',
    hint: string | null = null,
  ): never {
    throw new ParseError(message, this.#sql, tokenSpan(token), { code, hint });
  }

  /** From `first` to the token consumed last. */
  protected spanFrom(first: IToken): Span {
    return this.ACTION(() => ({ start: first.startOffset, end: tokenSpan(this.LA(0)).end }));
  }

  /** True when the `k`th token from here is of this type or class. */
  protected ahead(k: number, type: TokenType): boolean {
    return tokenMatcher(this.LA(k), type);
  }

  /** True when the `k`th token from here is this word, unquoted; for words that are no keywords. */
  protected wordAhead(k: number, word: string): boolean {
    const token = this.LA(k);
    return token.image.length === word.length && token.image.toLowerCase() === word;
  }
}

/** What a token stands for, once it is consumed. */
export function meaning<T>(_consumed: IToken, value: T): T {
  return value;
}

export function tokenSpan(token: IToken): Span {
  return { start: token.startOffset, end: token.startOffset + token.image.length };
}

/** The name that a word stands for: folded to lower case unless quoted, and only in ASCII, as PostgreSQL does. */
export function nameText(token: IToken): string {
  if (token.tokenType === QuotedIdentifier) return String(token.payload);
  return token.image.replace(/[A-Z]+/g, (capitals) => capitals.toLowerCase());
}

export function nameOf(token: IToken): Name {
  return { text: nameText(token), span: tokenSpan(token) };
}
