import type { Batch, Schema, SqlValue } from '../columnar/index.ts';
import { batchToRows, concatBatches } from '../columnar/index.ts';
import type { Output } from './operator.ts';

/** An output for tests: keeps what it is given, epoch by epoch. */
export class Recorder implements Output {
  /** Batches of the epoch under way. */
  batches: Batch[] = [];
  /** Batches of each completed epoch. */
  readonly epochs: Batch[][] = [];

  push(batch: Batch): void {
    this.batches.push(batch);
  }

  complete(): void {
    this.epochs.push(this.batches);
    this.batches = [];
  }

  /** Rows of one completed epoch, in the order in which they came. */
  rows(epoch = this.epochs.length - 1): (SqlValue | null)[][] {
    const batches = this.epochs[epoch];
    if (batches === undefined) throw new Error(`epoch ${epoch} has not completed`);
    return batches.flatMap((batch) => batchToRows(batch));
  }

  /** The same as one batch. */
  batch(schema: Schema, epoch = this.epochs.length - 1): Batch {
    const batches = this.epochs[epoch];
    if (batches === undefined) throw new Error(`epoch ${epoch} has not completed`);
    return concatBatches(schema, batches);
  }
}
