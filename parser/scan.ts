import { excerpt, ParseError } from './error.ts';

/** What a scanner matched: the text as written, and as `payload` what it means. */
export type Scan = [written: string] & { payload: string };

function scanned(sql: string, start: number, end: number, meaning: string): Scan {
  return Object.assign([sql.slice(start, end)] as [string], { payload: meaning });
}

function unterminated(what: string, sql: string, start: number, hint: string): ParseError {
  const span = { start, end: sql.length };
  return new ParseError(`unterminated ${what} at or near "${excerpt(sql.slice(start))}"`, sql, span, { hint });
}

// ---- Strings

/**
 * A string in any of PostgreSQL's spellings: `'…'`, `E'…'`, `N'…'`, `$$…$$`, `$tag$…$tag$`.
 *
 * @returns `null` when none starts at `start`
 * @throws ParseError when it does not end, holds a malformed escape, or is a bit string or `U&'…'`
 */
export function scanString(sql: string, start: number): Scan | null {
  if (sql[start] === "'") return scanQuoted(sql, start, start, false);
  if (sql[start] === '$') return scanDollarQuoted(sql, start);
  const prefix = /(?:[enbx]|u&)(?=')|u&(?=")/iy;
  prefix.lastIndex = start;
  const found = prefix.exec(sql)?.[0];
  if (found === undefined) return null;
  const quote = start + found.length;
  if (/^e$/i.test(found)) return scanQuoted(sql, start, quote, true);
  if (/^n$/i.test(found)) return scanQuoted(sql, start, quote, false);
  const written = `${found}${sql[quote]}…${sql[quote]}`;
  throw new ParseError(`${written} is not supported yet`, sql, { start, end: quote + 1 }, { code: 'unsupported' });
}

/** Strings that only white space with a line break keeps apart are one string. */
const continuation = /[ \t\f\v]*[\n\r][ \t\f\v\n\r]*'/y;

/** @param quote offset of the opening quote; `start` lies before it when there is a prefix */
function scanQuoted(sql: string, start: number, quote: number, escapes: boolean): Scan {
  let meaning = '';
  let from = quote + 1;
  for (;;) {
    const close = closingQuote(sql, from, escapes);
    if (close < 0) {
      throw unterminated('quoted string', sql, start, "Close the string with '; write '' for a quote inside it.");
    }
    const body = sql.slice(from, close);
    meaning += escapes ? decodeEscapes(body, sql, from) : body.replaceAll("''", "'");
    continuation.lastIndex = close + 1;
    const more = continuation.exec(sql);
    if (more === null) return scanned(sql, start, close + 1, meaning);
    from = close + 1 + more[0].length;
  }
}

/** @returns the offset of the quote that ends a string, -1 if none does */
function closingQuote(sql: string, from: number, escapes: boolean): number {
  for (let i = from; i < sql.length; i += 1) {
    const c = sql[i];
    if (c === '\\' && escapes) i += 1;
    else if (c === "'" && sql[i + 1] === "'") i += 1;
    else if (c === "'") return i;
  }
  return -1;
}

const letters: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };

/** Bytes (`\x41`, `\101`; neighbours together make one UTF-8 text), code points (`\u0041`), letters (`\n`). */
const escapeSequence = /((?:\\x[0-9A-Fa-f]{1,2}|\\[0-7]{1,3})+)|\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})|\\([\s\S])|''/g;

function decodeEscapes(body: string, sql: string, bodyStart: number): string {
  const fail = (message: string, index: number, written: string): never => {
    const span = { start: bodyStart + index, end: bodyStart + index + written.length };
    throw new ParseError(`${message} at or near "${excerpt(written)}"`, sql, span);
  };
  const text = body.replace(escapeSequence, (written, bytes, short, long, letter, index: number) => {
    if (bytes !== undefined)
      return decodeBytes(bytes) ?? fail('invalid byte sequence for encoding "UTF8"', index, written);
    const digits = short ?? long;
    if (digits !== undefined) {
      const codePoint = Number.parseInt(digits, 16);
      if (codePoint === 0 || codePoint > 0x10ffff) return fail('invalid Unicode escape value', index, written);
      return String.fromCodePoint(codePoint);
    }
    if (letter === undefined) return "'";
    if (letter === 'u' || letter === 'U') return fail('invalid Unicode escape', index, written);
    return letters[letter] ?? letter;
  });
  if (/\p{Surrogate}/u.test(text) && !/\p{Surrogate}/u.test(body)) fail('invalid Unicode surrogate pair', 0, body);
  return text;
}

/** @returns `null` when the bytes are not UTF-8 or one of them is 0 */
function decodeBytes(written: string): string | null {
  const bytes = [...written.matchAll(/\\(?:x([0-9A-Fa-f]+)|([0-7]+))/g)].map(([, hexadecimal, octal]) =>
    hexadecimal === undefined ? Number.parseInt(octal ?? '', 8) & 0xff : Number.parseInt(hexadecimal, 16),
  );
  if (bytes.includes(0)) return null;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(new Uint8Array(bytes));
  } catch {
    return null;
  }
}

function scanDollarQuoted(sql: string, start: number): Scan | null {
  const opening = /\$(?:[a-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/iy;
  opening.lastIndex = start;
  const tag = opening.exec(sql)?.[0];
  if (tag === undefined) return null;
  const from = start + tag.length;
  const close = sql.indexOf(tag, from);
  if (close < 0) throw unterminated('dollar-quoted string', sql, start, `Close the string with ${tag}.`);
  return scanned(sql, start, close + tag.length, sql.slice(from, close));
}

// ---- Names

/** `"Name"`, with `""` for a quote inside. */
export function scanQuotedIdentifier(sql: string, start: number): Scan | null {
  if (sql[start] !== '"') return null;
  let close = sql.indexOf('"', start + 1);
  while (close >= 0 && sql[close + 1] === '"') close = sql.indexOf('"', close + 2);
  if (close < 0) throw unterminated('quoted identifier', sql, start, 'Close the name with ".');
  const name = sql.slice(start + 1, close).replaceAll('""', '"');
  if (name === '') {
    throw new ParseError('zero-length delimited identifier at or near """"', sql, { start, end: close + 1 });
  }
  return scanned(sql, start, close + 1, name);
}

// ---- Numbers

const based = /0(?:x(?:_?[0-9a-f])+|o(?:_?[0-7])+|b(?:_?[01])+)/iy;
const decimal = /(?:\d+(?:_\d+)*(?:\.(?:\d+(?:_\d+)*)?)?|\.\d+(?:_\d+)*)(?:e[+-]?\d+(?:_\d+)*)?/iy;
const junk = /[\w$\u0080-\uffff]+/y;

/** A number; its meaning is in decimal digits, without `_`. */
export function scanNumber(sql: string, start: number): Scan | null {
  based.lastIndex = start;
  decimal.lastIndex = start;
  const inBase = based.exec(sql)?.[0];
  const written = inBase ?? decimal.exec(sql)?.[0];
  if (written === undefined) return null;
  refuseJunk('numeric literal', sql, start, start + written.length);
  const digits = written.replaceAll('_', '');
  return scanned(
    sql,
    start,
    start + written.length,
    inBase === undefined ? digits : BigInt(digits.toLowerCase()).toString(),
  );
}

/** `$1`. */
export function scanParameter(sql: string, start: number): Scan | null {
  const parameter = /\$(\d+)/y;
  parameter.lastIndex = start;
  const found = parameter.exec(sql);
  if (found === null) return null;
  refuseJunk('parameter', sql, start, start + found[0].length);
  return scanned(sql, start, start + found[0].length, found[1] ?? '');
}

function refuseJunk(what: string, sql: string, start: number, end: number): void {
  junk.lastIndex = end;
  const found = junk.exec(sql)?.[0];
  // White space beyond ASCII belongs to no word: see `whiteSpace` in tokens.ts.
  if (found === undefined || /^\s/.test(found)) return;
  const span = { start, end: end + found.length };
  throw new ParseError(`trailing junk after ${what} at or near "${excerpt(sql.slice(start, span.end))}"`, sql, span);
}

// ---- Comments

/** A block comment; they nest. */
export function scanComment(sql: string, start: number): Scan | null {
  if (!sql.startsWith('/*', start)) return null;
  const mark = /\/\*|\*\//g;
  mark.lastIndex = start;
  let depth = 0;
  for (let found = mark.exec(sql); found !== null; found = mark.exec(sql)) {
    depth += found[0] === '/*' ? 1 : -1;
    if (depth === 0) return scanned(sql, start, mark.lastIndex, '');
  }
  throw unterminated('/* comment', sql, start, 'Close the comment with */; comments nest.');
}
