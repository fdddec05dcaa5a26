import type { Batch, Schema } from '../columnar/index.ts';
import type { SourceNode } from '../planner/index.ts';

/**
 * A running operator. Rows are pushed in, results are pushed on, synchronously: when `push` returns, all
 * that follows from the batch has been handed to the outputs. Errors in the data (overflow, division
 * by zero, memory) are thrown as `QueryError` and end the query.
 *
 * Within an epoch: any number of `push`, then one `complete`. After `complete` an operator has passed on
 * everything, released its rows and is ready for the next epoch; a standing query runs many, a
 * one-shot query runs one.
 */
export interface Operator {
  /** Columns of the batches this operator is given. */
  push(batch: Batch): void;
  /** No more rows in this epoch on this input. Flushes, then completes the output. */
  complete(): void;
}

/** Where an operator's rows go: another operator, an exchange, the client. */
export type Output = Operator;

/**
 * Bytes that the operators of one query hold at one node. `reserve` throws a QueryError with code
 * `outOfMemory` that names the operator when the query's limit would be passed.
 */
export interface MemoryBudget {
  reserve(bytes: number, operator: string): void;
  release(bytes: number): void;
}

/** An opgraph wired and ready to run. */
export interface RunningOpGraph {
  /** Inputs to feed: one a `scan`, `values` or `receive` node of the plan, in the order of a depth-first walk. */
  readonly inputs: readonly {
    readonly node: SourceNode;
    readonly input: Operator;
  }[];
  readonly schema: Schema;
}
