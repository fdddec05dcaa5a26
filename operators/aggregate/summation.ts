import assert from 'node:assert/strict';
import type { Column, SqlType } from '../../columnar/index.ts';
import type { AggregateState } from './state.ts';
import { type Sum, sumFor } from './sum.ts';

/** sum(x): its state is its result. */
export class Summation implements AggregateState {
  readonly columnCount = 1;
  readonly #sum: Sum;
  readonly #type: SqlType;

  constructor(argument: SqlType, type: SqlType) {
    this.#sum = sumFor(argument);
    this.#type = type;
  }

  get bytes(): number {
    return this.#sum.bytes;
  }

  reserve(groupCount: number): void {
    this.#sum.reserve(groupCount);
  }

  update(groups: Int32Array, argument: Column | null): void {
    assert(argument !== null);
    this.#sum.add(groups, argument);
  }

  merge(groups: Int32Array, [sums]: readonly Column[]): void {
    this.update(groups, sums ?? null);
  }

  states(groupCount: number): Column[] {
    return [this.results(groupCount)];
  }

  results(groupCount: number): Column {
    return this.#sum.column(groupCount, this.#type);
  }
}
