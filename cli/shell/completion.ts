import { type Batch, batchToRows } from '../../columnar/index.ts';
import type { Session } from '../../engine/index.ts';

const keywords = [
  'SELECT',
  'FROM',
  'WHERE',
  'GROUP BY',
  'HAVING',
  'ORDER BY',
  'LIMIT',
  'OFFSET',
  'DISTINCT',
  'JOIN',
  'LEFT JOIN',
  'ON',
  'USING',
  'UNION ALL',
  'AS',
  'AND',
  'OR',
  'NOT',
  'IN',
  'LIKE',
  'BETWEEN',
  'IS NULL',
  'IS NOT NULL',
  'CASE',
  'WHEN',
  'THEN',
  'ELSE',
  'END',
  'CAST',
  'ASC',
  'DESC',
  'TRUE',
  'FALSE',
  'NULL',
  'CREATE TABLE',
  'PRIMARY KEY',
  'PARTITION BY',
  'DROP TABLE',
  'INSERT INTO',
  'VALUES',
  'EXPLAIN',
  'SHOW TABLES',
  'DESCRIBE',
  'SUBSCRIBE',
  'EVERY',
  'FOR',
  'SET',
  'COUNT(',
  'SUM(',
  'AVG(',
  'MIN(',
  'MAX(',
];
const commands = ['\\?', '\\q', '\\d', '\\timing', '\\format'];
const systemTables = ['sys.nodes', 'sys.tables', 'sys.queries'];
/** A fleet does not gain tables every second, and Tab should answer at once. */
const refreshedAfterMs = 10_000;

/** Candidates and the part of the line that they replace, as readline wants them. */
export type Completions = [candidates: string[], replaced: string];

/** Completes keywords, tables and columns. Names are asked of the fleet, in a session of their own. */
export class Completion {
  readonly #session: Session;
  #tables: readonly string[] = systemTables;
  readonly #columns = new Map<string, readonly string[]>();
  #refreshedAtMs = Number.NEGATIVE_INFINITY;

  constructor(session: Session) {
    this.#session = session;
  }

  /** Forgets what it knows of tables, as after CREATE TABLE. */
  forget(): void {
    this.#refreshedAtMs = Number.NEGATIVE_INFINITY;
  }

  close(): void {
    this.#session.close();
  }

  /** @param statement the lines of the statement before this one */
  async complete(statement: string, line: string): Promise<Completions> {
    if (line.startsWith('\\') && !line.includes(' ')) {
      return [commands.filter((command) => command.startsWith(line)), line];
    }
    const word = /[\w.]*$/.exec(line)?.[0] ?? '';
    const names = await this.#names(`${statement} ${line}`).catch(() => systemTables);
    const lower = word.toLowerCase();
    const matching = names.filter((name) => name.toLowerCase().startsWith(lower));
    // At the empty word the keywords would drown the names.
    const starting = word === '' ? [] : keywords.filter((keyword) => keyword.toLowerCase().startsWith(lower));
    const shown = starting.map((keyword) => (word === lower ? keyword.toLowerCase() : keyword));
    return [[...matching, ...shown], word];
  }

  /** Tables, and the columns of those that the statement mentions. */
  async #names(text: string): Promise<readonly string[]> {
    if (performance.now() - this.#refreshedAtMs > refreshedAfterMs) await this.#refresh();
    const mentioned = this.#tables.filter((table) =>
      new RegExp(`(?<![\\w.])${table.replace('.', '\\.')}(?!\\w)`, 'i').test(text),
    );
    const names = new Set<string>();
    // One after the other: a session runs one statement at a time.
    for (const table of mentioned) for (const column of await this.#columnsOf(table)) names.add(column);
    return [...names, ...this.#tables];
  }

  async #refresh(): Promise<void> {
    const tables = await firstColumn(this.#session, 'SHOW TABLES');
    this.#tables = [...new Set([...tables, ...systemTables])];
    this.#columns.clear();
    this.#refreshedAtMs = performance.now();
  }

  async #columnsOf(table: string): Promise<readonly string[]> {
    const known = this.#columns.get(table);
    if (known !== undefined) return known;
    const columns = await firstColumn(this.#session, `DESCRIBE ${table}`);
    this.#columns.set(table, columns);
    return columns;
  }
}

async function firstColumn(session: Session, sql: string): Promise<string[]> {
  const batches: Batch[] = [];
  for await (const result of session.execute(sql)) {
    if (result.kind === 'rows') for await (const batch of result.batches) batches.push(batch);
  }
  return batches.flatMap(batchToRows).map(([name]) => String(name));
}
