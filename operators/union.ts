import assert from 'node:assert/strict';
import type { Batch, Schema } from '../columnar/index.ts';
import type { Operator, Output } from './operator.ts';

/** All rows of all inputs, in arrival order. Completes when the last input does. */
export class Union {
  readonly inputs: readonly Operator[];
  readonly #schema: Schema;
  readonly #output: Output;
  #open: number;

  constructor(inputCount: number, schema: Schema, output: Output) {
    this.#schema = schema;
    this.#output = output;
    this.#open = inputCount;
    this.inputs = Array.from({ length: inputCount }, () => this.#input());
  }

  #input(): Operator {
    return {
      // Inputs may name their columns differently; the union's names are the plan's.
      push: (batch: Batch) => this.#output.push({ ...batch, schema: this.#schema }),
      complete: () => {
        assert(this.#open > 0, 'a union input completed twice');
        this.#open -= 1;
        if (this.#open > 0) return;
        this.#open = this.inputs.length;
        this.#output.complete();
      },
    };
  }
}
