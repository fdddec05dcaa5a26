/** Widest excerpt of a line that an error shows, in characters. */
const excerptCharactersMax = 76;

/** Line and column of an offset, both from 1; the column counts Unicode characters. */
export function lineAndColumn(sql: string, position: number): { readonly line: number; readonly column: number } {
  const before = sql.slice(0, position).split(/\r\n|\n|\r/);
  return { line: before.length, column: [...(before.at(-1) ?? '')].length + 1 };
}

/**
 * The line of `sql` that holds `position`, and a caret under the place:
 *
 *     LINE 2: FORM flights
 *             ^
 *
 * Tabs are shown as one blank; a long line is cut to its part around the place.
 *
 * @param position zero-based offset into `sql`; beyond the end means the end
 * @returns two lines without a line break at the end
 */
export function renderErrorAt(sql: string, position: number): string {
  const offset = Math.max(0, Math.min(position, sql.length));
  const { line, column } = lineAndColumn(sql, offset);
  const text = sql.split(/\r\n|\n|\r/)[line - 1] ?? '';
  // Control characters would break the alignment, or the terminal.
  const characters = [...text].map((c) => (c < ' ' || c === '\x7f' ? ' ' : c));

  const from = windowStart(characters.length, column - 1);
  const shown = characters.slice(from, from + excerptCharactersMax).join('');
  const head = from > 0 ? '…' : '';
  const tail = from + excerptCharactersMax < characters.length ? '…' : '';
  const label = `LINE ${line}: `;
  return `${label}${head}${shown}${tail}\n${' '.repeat(label.length + head.length + column - 1 - from)}^`;
}

/** Where the shown part of a line begins, so that two thirds of it stand before the place. */
function windowStart(length: number, at: number): number {
  if (length <= excerptCharactersMax) return 0;
  const start = at - Math.floor((excerptCharactersMax * 2) / 3);
  return Math.max(0, Math.min(start, length - excerptCharactersMax));
}
