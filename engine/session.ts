import type { Batch, Schema } from '../columnar/index.ts';
import type { Contact, Region } from '../overlay/index.ts';

/** What an answer covers. Shown at every door. */
export interface Coverage {
  /** True only if every region was served exactly once, nothing was lost and no known member was missing. */
  readonly complete: boolean;
  /** Nodes whose own rows are in the answer. */
  readonly nodesAnswered: number;
  /** Nodes that the query was sent to. */
  readonly nodesReached: number;
  /** Members seen recently and unreachable now. */
  readonly missing: readonly Contact[];
  /** Parts of the key space that nobody served, or of which rows are gone with all their copies. */
  readonly regionsLost: readonly Region[];
  /** Batches that were sent between nodes and never acknowledged. */
  readonly batchesLost: number;
  /** One clause a cause, for people; empty when complete. */
  readonly reasons: readonly string[];
}

/** The outcome of one statement. */
export type StatementResult =
  /** SELECT, EXPLAIN, SHOW, DESCRIBE, VALUES. */
  | {
      readonly kind: 'rows';
      readonly queryId: string | null;
      readonly schema: Schema;
      /** Arrives as it is computed; iterate once. Leaving the loop early cancels the query. */
      readonly batches: AsyncIterable<Batch>;
      /** Known once `batches` has ended; `null` for statements that ask no fleet (EXPLAIN, DESCRIBE, SHOW). */
      readonly coverage: () => Coverage | null;
    }
  /** SUBSCRIBE. */
  | {
      readonly kind: 'epochs';
      readonly queryId: string;
      readonly schema: Schema;
      /** One answer an epoch; leaving the loop cancels the subscription. */
      readonly epochs: AsyncIterable<EpochAnswer>;
    }
  | {
      readonly kind: 'command';
      /** As in PostgreSQL: `CREATE TABLE`, `INSERT 0 3`, `SET`. */
      readonly tag: string;
      readonly rowsAffected: number | null;
      /** Of the query whose rows an INSERT wrote; `null` for commands that ask no fleet. */
      readonly coverage: Coverage | null;
    };

export interface EpochAnswer {
  readonly epoch: number;
  /** When the epoch ended, milliseconds since 1970 by the proxy's clock. */
  readonly atMs: number;
  readonly batch: Batch;
  readonly coverage: Coverage;
}

/**
 * A client's conversation with the node it is connected to: what every door (shell, Postgres, HTTP,
 * library) speaks. One statement runs at a time.
 */
export interface Session {
  /**
   * Runs every statement of `sql` in order and yields each one's outcome; consume a result before asking
   * for the next. Stops at the first failure.
   * @throws QueryError, with the position in `sql` where one is known
   */
  execute(sql: string): AsyncIterable<StatementResult>;
  /**
   * Cancels the statement that is running, which then fails with `cancelled`. What an INSERT has written by then
   * stays written; its error says how much.
   */
  cancel(): void;
  /** Ends the session and whatever it runs. */
  close(): void;
}

/** Opens sessions; a running node is one, and so is a client's connection to a remote node. */
export interface SessionFactory {
  openSession(): Session;
}
