import type { Batch, Schema } from '../columnar/index.ts';
import type { Expression } from '../planner/index.ts';
import { compileProjection, type Projection } from './expression/compile.ts';
import type { Operator, Output } from './operator.ts';

/** Computes each output column from the input's; mere columns are passed on without a copy. */
export class Project implements Operator {
  readonly #projection: Projection;
  readonly #schema: Schema;
  readonly #output: Output;

  constructor(expressions: readonly Expression[], schema: Schema, output: Output) {
    this.#projection = compileProjection(expressions);
    this.#schema = schema;
    this.#output = output;
  }

  push(batch: Batch): void {
    if (batch.numRows === 0) return;
    this.#output.push({ schema: this.#schema, numRows: batch.numRows, columns: this.#projection(batch) });
  }

  complete(): void {
    this.#output.complete();
  }
}
