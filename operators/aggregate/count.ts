import assert from 'node:assert/strict';
import { type Column, types } from '../../columnar/index.ts';
import { grownFloats, wordsOf } from './arrays.ts';
import { rowLoop } from './row-loop.ts';
import type { AggregateState } from './state.ts';

const countRows = rowLoop('any', ['counts'], 'counts[g]++;');
const addCounts = rowLoop(
  'int8',
  ['words', 'counts'],
  'counts[g] += words[2 * i + 1] * 4294967296 + (words[2 * i] >>> 0);',
);

/** count(*) and count(x): rows, or rows whose argument is not NULL. State: one double a group, exact up to 2^53. */
export class Count implements AggregateState {
  readonly columnCount = 1;
  #counts: Float64Array = new Float64Array(0);

  get bytes(): number {
    return this.#counts.byteLength;
  }

  reserve(groupCount: number): void {
    this.#counts = grownFloats(this.#counts, groupCount);
  }

  update(groups: Int32Array, argument: Column | null): void {
    countRows(groups, argument?.validity ?? null, this.#counts);
  }

  merge(groups: Int32Array, [counts]: readonly Column[]): void {
    assert(counts !== undefined);
    addCounts(groups, counts.validity, wordsOf(counts.values), this.#counts);
  }

  countOf(group: number): number {
    return this.#counts[group] as number;
  }

  states(groupCount: number): Column[] {
    return [this.results(groupCount)];
  }

  results(groupCount: number): Column {
    const values = new BigInt64Array(groupCount);
    const words = wordsOf(values);
    for (let group = 0; group < groupCount; group++) {
      const count = this.#counts[group] as number;
      words[2 * group] = count | 0;
      words[2 * group + 1] = Math.floor(count / 2 ** 32);
    }
    return { type: types.int8, length: groupCount, validity: null, values, offsets: null };
  }
}
