/** The engines whose records a file may single out with `onlyif` and `skipif`. */
export type EngineName = 'postgres' | 'wharf';

/** What an answer looks like in a golden file. */
export interface Answer {
  /** One letter a column, see `typeLetters`. */
  readonly types: string;
  /** One line a row, cells separated by tabs. */
  readonly rows: readonly string[];
}

interface Common {
  readonly sql: string;
  /** Of the record's first line, from 1. */
  readonly line: number;
  readonly engines: readonly EngineName[];
}

export type StatementRecord = Common & {
  readonly kind: 'statement';
  /** Found in `SQLSTATE: message`; `null` when the statement must succeed. */
  readonly error: RegExp | null;
  /** Rows that it writes, where the file says so. */
  readonly count: number | null;
};

export type QueryRecord = Common & {
  readonly kind: 'query';
  readonly sorted: boolean;
  /** Queries of one label must have one answer. */
  readonly label: string | null;
  readonly expected: Answer;
};

export type SltRecord = StatementRecord | QueryRecord;

/** A golden file: its records, and its lines, so that it can be written back with other answers. */
export interface SltFile {
  readonly records: readonly SltRecord[];
  readonly blocks: readonly Block[];
}

/** What stands between two empty lines. */
interface Block {
  readonly lines: readonly string[];
  readonly record: SltRecord | null;
}

const allEngines: readonly EngineName[] = ['postgres', 'wharf'];
const separator = '----';

/**
 * Reads sqllogictest's format (https://sqlite.org/sqllogictest/doc/trunk/about.wiki) with one row a line. Records are
 * separated by empty lines and may begin with comments (`#`), `onlyif engine` and `skipif engine`:
 *
 *     statement ok
 *     statement count <rows written>
 *     statement error <regular expression>
 *     query <types> [nosort | rowsort] [label]
 *
 * @throws Error with the line of what is not a record
 */
export function parseSlt(text: string): SltFile {
  const blocks: Block[] = [];
  let lines: string[] = [];
  const end = (line: number): void => {
    if (lines.length > 0) blocks.push({ lines, record: parseRecord(lines, line - lines.length) });
    lines = [];
  };
  const all = text.split('\n');
  for (const [i, line] of all.entries()) {
    if (line === '') end(i + 1);
    else lines.push(line);
  }
  end(all.length + 1);
  return { blocks, records: blocks.flatMap(({ record }) => (record === null ? [] : [record])) };
}

function parseRecord(lines: readonly string[], line: number): SltRecord | null {
  let engines = allEngines;
  for (const [i, text] of lines.entries()) {
    if (text.startsWith('#')) continue;
    const [word = '', ...rest] = text.split(' ');
    if (word === 'onlyif') engines = engines.filter((name) => name === rest[0]);
    else if (word === 'skipif') engines = engines.filter((name) => name !== rest[0]);
    else if (word === 'statement') return parseStatement(rest, lines.slice(i + 1), { line: line + i, engines });
    else if (word === 'query') return parseQuery(rest, lines.slice(i + 1), { line: line + i, engines });
    else throw new Error(`line ${line + i}: not a record: ${text}`);
  }
  return null;
}

type Head = Pick<Common, 'line' | 'engines'>;

function parseStatement([outcome, ...rest]: readonly string[], body: readonly string[], head: Head): StatementRecord {
  if (outcome !== 'ok' && outcome !== 'count' && outcome !== 'error') {
    throw new Error(`line ${head.line}: statement ok, statement count or statement error`);
  }
  const error = outcome === 'error' ? new RegExp(rest.join(' ')) : null;
  const count = outcome === 'count' ? Number(rest[0]) : null;
  return { kind: 'statement', sql: body.join('\n'), error, count, ...head };
}

function parseQuery([types, sort, label]: readonly string[], body: readonly string[], head: Head): QueryRecord {
  if (types === undefined) throw new Error(`line ${head.line}: query needs types`);
  if (sort !== undefined && sort !== 'nosort' && sort !== 'rowsort') {
    throw new Error(`line ${head.line}: sort mode ${sort}`);
  }
  const at = body.indexOf(separator);
  const sql = (at < 0 ? body : body.slice(0, at)).join('\n');
  const expected = { types, rows: at < 0 ? [] : body.slice(at + 1) };
  return { kind: 'query', sql, sorted: sort === 'rowsort', label: label ?? null, expected, ...head };
}

/** The file's text, with other answers for some of its queries. */
export function printSlt(file: SltFile, answers: ReadonlyMap<QueryRecord, Answer>): string {
  const texts = file.blocks.map(({ lines, record }) => {
    const answer = record?.kind === 'query' ? answers.get(record) : undefined;
    if (answer === undefined) return lines.join('\n');
    const at = lines.indexOf(separator);
    const asked = (at < 0 ? lines : lines.slice(0, at)).map((line) => {
      return line.replace(/^query \S+/, `query ${answer.types}`);
    });
    return [...asked, separator, ...answer.rows].join('\n');
  });
  return `${texts.join('\n\n')}\n`;
}
