import type { Span } from './ast.ts';
import { lineAndColumn } from './render.ts';

/**
 * `syntax`: not SQL as we know it. `unsupported`: PostgreSQL knows it, we do not yet. `limit`: too long or too
 * deep.
 */
type ParseErrorCode = 'syntax' | 'unsupported' | 'limit';

interface ParseErrorDetail {
  readonly code?: ParseErrorCode;
  readonly expected?: readonly string[];
  readonly hint?: string | null;
}

/** Why a text is not a statement, and where. */
export class ParseError extends Error {
  override readonly name = 'ParseError';
  readonly code: ParseErrorCode;
  readonly span: Span;
  /** Zero-based offset into the SQL text: where `span` starts. */
  readonly position: number;
  /** From 1. */
  readonly line: number;
  /** From 1, in Unicode characters. */
  readonly column: number;
  /** The text at `span`; empty at the end of the input. */
  readonly found: string;
  /** What could have stood there: keywords in capitals, symbols in quotes, classes such as `an expression`. */
  readonly expected: readonly string[];
  /** What to do about it, a sentence. */
  readonly hint: string | null;

  constructor(message: string, sql: string, span: Span, detail: ParseErrorDetail = {}) {
    super(message);
    const { line, column } = lineAndColumn(sql, span.start);
    this.code = detail.code ?? 'syntax';
    this.span = span;
    this.position = span.start;
    this.line = line;
    this.column = column;
    this.found = sql.slice(span.start, span.end);
    this.expected = detail.expected ?? [];
    this.hint = detail.hint ?? null;
  }
}

/** Longest piece of the statement that a message repeats, in characters. */
const quotedCharactersMax = 40;

/** `found` for a message: cut when long. */
export function excerpt(found: string): string {
  const characters = [...found];
  return characters.length <= quotedCharactersMax ? found : `${characters.slice(0, quotedCharactersMax).join('')}…`;
}
