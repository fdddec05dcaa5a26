import assert from 'node:assert/strict';
import type { Column, SqlType } from '../../columnar/index.ts';
import { Count } from './count.ts';
import type { AggregateState } from './state.ts';
import { type Sum, sumFor } from './sum.ts';

/** avg(x) travels as sum and count, and is divided once, at the end. */
export class Average implements AggregateState {
  readonly columnCount = 2;
  readonly #sum: Sum;
  readonly #count = new Count();
  readonly #sumType: SqlType;
  readonly #type: SqlType;

  constructor(argument: SqlType, sumType: SqlType, type: SqlType) {
    this.#sum = sumFor(argument);
    this.#sumType = sumType;
    this.#type = type;
  }

  get bytes(): number {
    return this.#sum.bytes + this.#count.bytes;
  }

  reserve(groupCount: number): void {
    this.#sum.reserve(groupCount);
    this.#count.reserve(groupCount);
  }

  update(groups: Int32Array, argument: Column | null): void {
    assert(argument !== null);
    this.#sum.add(groups, argument);
    this.#count.update(groups, argument);
  }

  merge(groups: Int32Array, [sums, counts]: readonly Column[]): void {
    assert(sums !== undefined && counts !== undefined);
    this.#sum.add(groups, sums);
    this.#count.merge(groups, [counts]);
  }

  states(groupCount: number): Column[] {
    return [this.#sum.column(groupCount, this.#sumType), ...this.#count.states(groupCount)];
  }

  results(groupCount: number): Column {
    return this.#sum.averages(groupCount, this.#type, (group) => this.#count.countOf(group));
  }
}
