/** Where the scanner stands at the end of a text: in the middle of what. */
export type ScanState = 'statement' | 'quoted' | 'identifier' | 'dollar' | 'comment';

export interface Split {
  /** Statements that ended in `;`, without it; empty ones are left out. */
  readonly statements: readonly string[];
  /** What follows the last `;`. */
  readonly rest: string;
  /** Why `rest` has not ended. */
  readonly state: ScanState;
}

const lineComment = /--[^\n]*/y;
const dollarTag = /\$(?:[A-Za-z_][A-Za-z_0-9]*)?\$/y;

/**
 * Cuts a text at the semicolons that end statements: not those in quotes, quoted identifiers, dollar quotes
 * and comments, which may nest.
 */
export function splitStatements(text: string): Split {
  const statements: string[] = [];
  let start = 0;
  let at = 0;
  while (at < text.length) {
    if (text[at] === ';') {
      const statement = text.slice(start, at).trim();
      if (statement !== '') statements.push(statement);
      at++;
      start = at;
      continue;
    }
    const skipped = skipToken(text, at);
    if (skipped.end === null) return { statements, rest: text.slice(start), state: skipped.state };
    at = skipped.end;
  }
  return { statements, rest: text.slice(start), state: 'statement' };
}

/** The end of what begins at `at`: a quoted thing, a comment or one character; `null` when it has no end yet. */
function skipToken(text: string, at: number): { readonly end: number | null; readonly state: ScanState } {
  switch (text[at]) {
    case "'": {
      const escapes = /(?:^|[^A-Za-z0-9_$])[eE]$/.test(text.slice(Math.max(0, at - 2), at));
      return { end: closingQuote(text, at, "'", escapes), state: 'quoted' };
    }
    case '"':
      return { end: closingQuote(text, at, '"', false), state: 'identifier' };
    case '-':
      return { end: matchEnd(lineComment, text, at) ?? at + 1, state: 'statement' };
    case '/':
      return text[at + 1] === '*'
        ? { end: closingComment(text, at), state: 'comment' }
        : { end: at + 1, state: 'statement' };
    case '$': {
      const tagEnd = matchEnd(dollarTag, text, at);
      if (tagEnd === null) return { end: at + 1, state: 'statement' };
      const tag = text.slice(at, tagEnd);
      const closing = text.indexOf(tag, tagEnd);
      return { end: closing < 0 ? null : closing + tag.length, state: 'dollar' };
    }
    default:
      return { end: at + 1, state: 'statement' };
  }
}

function matchEnd(pattern: RegExp, text: string, at: number): number | null {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : null;
}

/** A doubled quote stands for itself. Behind `E'` a backslash takes the next character with it. */
function closingQuote(text: string, at: number, quote: string, escapes: boolean): number | null {
  for (let i = at + 1; i < text.length; i++) {
    if (escapes && text[i] === '\\') i++;
    else if (text[i] === quote) {
      if (text[i + 1] !== quote) return i + 1;
      i++;
    }
  }
  return null;
}

function closingComment(text: string, at: number): number | null {
  let depth = 0;
  for (let i = at; i < text.length; i++) {
    const two = text.slice(i, i + 2);
    if (two === '/*') depth++;
    else if (two === '*/') depth--;
    else continue;
    i++;
    if (depth === 0) return i + 1;
  }
  return null;
}
