import { QueryError } from '../../columnar/index.ts';

const identifierBytesMax = 63; // PostgreSQL's NAMEDATALEN - 1

/**
 * Names of a file's columns as SQL can write them without quotes: lower case, every run of characters other
 * than letters, digits and `_` becomes one `_` (none at the ends), a leading digit gets a `_` before it, an
 * empty name becomes `column_<position>`, and a name that occurs again gets `_2`, `_3`, …
 */
export function columnNames(header: readonly string[]): string[] {
  const taken = new Set<string>();
  return header.map((raw, index) => {
    const name = identifier(raw) || `column_${index + 1}`;
    let unique = name;
    for (let n = 2; taken.has(unique); n++) unique = `${name}_${n}`;
    taken.add(unique);
    return unique;
  });
}

/** A table's name as the command line gives it. @throws QueryError `configuration` when SQL could not write it plainly */
export function checkTableName(name: string): string {
  if (/^[\p{Ll}\p{Lo}_][\p{Ll}\p{Lo}\p{N}_]*$/u.test(name) && Buffer.byteLength(name) <= identifierBytesMax)
    return name;
  throw new QueryError('configuration', `"${name}" is not a table name`, {
    hint: `Use up to ${identifierBytesMax} bytes of lower-case letters, digits and _, not starting with a digit.`,
  });
}

/** `raw` turned into an identifier; empty when nothing of it can stay. */
export function identifier(raw: string): string {
  const name = raw
    .toLowerCase()
    .replace(/^[^\p{L}\p{M}\p{N}_]+|[^\p{L}\p{M}\p{N}_]+$/gu, '')
    .replace(/[^\p{L}\p{M}\p{N}_]+/gu, '_');
  return /^\p{N}/u.test(name) ? `_${name}` : name;
}
