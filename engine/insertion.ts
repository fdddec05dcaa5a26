import { type Batch, concatBatches, QueryError, type Schema } from '../columnar/index.ts';
import type { Runtime } from '../overlay/index.ts';
import type { TableDefinition } from '../planner/index.ts';
import type { DistributedTables, InsertProgress } from './distributed-tables.ts';
import type { QueryRun } from './query/query-run.ts';

/** Rows are written this many at a time: a write is a round trip to every owner, however few its rows. */
const insertRowsMin = 16_384;

export interface InsertionOptions {
  readonly runtime: Runtime;
  readonly tables: DistributedTables;
  readonly target: TableDefinition;
  /** The query whose rows are written; it may be over long before the last of them is. */
  readonly run: QueryRun;
  /** For the whole of it, writes included. */
  readonly deadlineMs: number;
}

/**
 * One INSERT, from the first row of its query to the acknowledgement of its last write. Statements are no
 * transactions: one that ends early leaves what it has written, and says how much that is.
 */
export class Insertion {
  readonly #options: InsertionOptions;
  readonly #stop = new AbortController();
  readonly #progress: InsertProgress = { rowsStored: 0, rowsUnderWay: 0 };

  constructor(options: InsertionOptions) {
    this.#options = options;
  }

  cancel(): void {
    this.failed(new QueryError('cancelled', 'the INSERT was cancelled'));
  }

  failed(error: QueryError): void {
    this.#options.run.failed(error);
    this.#stop.abort(error);
  }

  /**
   * Writes all rows of `batches`.
   * @returns how many
   * @throws QueryError of the query, of the writes, or given to `failed`; with the number of rows stored in its text
   */
  async write(batches: AsyncIterable<Batch>): Promise<number> {
    const { runtime, tables, target, deadlineMs } = this.#options;
    const deadline = runtime.after(deadlineMs, () => {
      this.failed(new QueryError('deadline', `the INSERT did not end within its deadline of ${deadlineMs} ms`));
    });
    try {
      for await (const batch of gathered(target.schema, batches, insertRowsMin)) {
        await tables.insert(target, batch, this.#progress, this.#stop.signal);
      }
      return this.#progress.rowsStored;
    } catch (error) {
      throw error instanceof QueryError ? told(error, this.#progress) : error;
    } finally {
      deadline.cancel();
    }
  }
}

/** The same error, with what is in the table in spite of it. */
function told(error: QueryError, { rowsStored, rowsUnderWay }: InsertProgress): QueryError {
  if (rowsStored + rowsUnderWay === 0) return error;
  const maybe = rowsUnderWay === 0 ? '' : `, and up to ${rowsUnderWay} more may have been`;
  const { code, message, position, hint } = error;
  return new QueryError(code, `${message}; ${rowsStored} rows had been stored${maybe}`, {
    ...(position === null ? {} : { position }),
    ...(hint === null ? {} : { hint }),
    cause: error,
  });
}

/** Joins small batches until they have `rowsMin` rows or the source ends. */
async function* gathered(schema: Schema, source: AsyncIterable<Batch>, rowsMin: number): AsyncGenerator<Batch> {
  let waiting: Batch[] = [];
  let rows = 0;
  for await (const batch of source) {
    waiting.push(batch);
    rows += batch.numRows;
    if (rows < rowsMin) continue;
    yield concatBatches(schema, waiting);
    waiting = [];
    rows = 0;
  }
  if (rows > 0) yield concatBatches(schema, waiting);
}
