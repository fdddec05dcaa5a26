import type { Batch, Schema } from '../columnar/index.ts';

/**
 * A local table: this node's own rows. The relation of that name is the union over all nodes.
 * What a node exposes is decided on that node alone, never by a query.
 */
export interface TableSource {
  readonly name: string;
  readonly schema: Schema;
  /** A snapshot of the rows as of now, in batches of at most `batchRowsMax` rows; may be called again and again. */
  scan(request: ScanRequest): AsyncIterable<Batch>;
}

export interface ScanRequest {
  /** Positions of the wanted columns, in the order wanted; possibly none, then only `numRows` counts. */
  readonly columns: readonly number[];
  /** The query was cancelled: stop reading and close files. */
  readonly signal: AbortSignal;
}

/** Rows in a batch from a source: large enough to amortise a push, small enough to stay in cache. */
export const batchRowsMax = 16_384;
