import { type Batch, takeRows } from '../columnar/index.ts';
import type { Expression } from '../planner/index.ts';
import { compilePredicate, type Predicate } from './expression/compile.ts';
import type { Operator, Output } from './operator.ts';

/** Passes the rows for which the predicate is true (not false, not NULL). */
export class Filter implements Operator {
  readonly #predicate: Predicate;
  readonly #output: Output;

  constructor(predicate: Expression, output: Output) {
    this.#predicate = compilePredicate(predicate);
    this.#output = output;
  }

  push(batch: Batch): void {
    const rows = this.#predicate(batch);
    if (rows.length === 0) return;
    this.#output.push(rows.length === batch.numRows ? batch : takeRows(batch, rows));
  }

  complete(): void {
    this.#output.complete();
  }
}
