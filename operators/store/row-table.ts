import type { Batch, Schema, SqlType } from '../../columnar/index.ts';
import { LeastRecentlyUsed } from '../least-recently-used.ts';
import { ColumnStore } from './column-store.ts';
import { equalityHelperNames, equalityHelpers, keyEquality } from './key-equality.ts';
import { grownInts } from './tables.ts';

/** Pairs of a stored row and a row of a batch whose keys are equal. */
export interface Pairs {
  readonly stored: Int32Array;
  readonly rows: Int32Array;
}

/** Where a probe that filled its buffers goes on: the row, and the entry + 1 of its chain (-1: from the chain's head). */
interface Position {
  row: number;
  entry: number;
}

type Probe = (
  position: Position,
  hashes: Int32Array,
  heads: Int32Array,
  mask: number,
  next: Int32Array,
  storedHashes: Int32Array,
  stored: Batch['columns'],
  columns: Batch['columns'],
  outStored: Int32Array,
  outRows: Int32Array,
) => number;

const headsMin = 32;
/** Small batches get small buffers. */
const pairsAtOnceMin = 1_024;

/**
 * Rows kept as columns, found by the hash of their keys: chains of row numbers, newest first. Keys are
 * never NULL here. Without keys every row is in one chain, which makes the cross product.
 */
export class RowTable {
  readonly #schema: Schema;
  readonly #keys: readonly number[];
  readonly #stores: readonly ColumnStore[];
  /** Row + 1 by bucket; 0 is empty. */
  #heads = new Int32Array(headsMin);
  /** Row + 1 of the next row in a chain. */
  #next = new Int32Array(headsMin);
  #hashes = new Int32Array(headsMin);
  #numRows = 0;

  constructor(schema: Schema, keys: readonly number[]) {
    this.#schema = schema;
    this.#keys = keys;
    this.#stores = schema.fields.map(({ type }) => new ColumnStore(type));
  }

  get numRows(): number {
    return this.#numRows;
  }

  /** Bytes of memory held. */
  get bytes(): number {
    const index = this.#heads.byteLength + this.#next.byteLength + this.#hashes.byteLength;
    return this.#stores.reduce((sum, store) => sum + store.bytes, index);
  }

  /** The rows so far, in the order in which they came; shares memory with the table. */
  rows(): Batch {
    return { schema: this.#schema, numRows: this.#numRows, columns: this.#stores.map((store) => store.view()) };
  }

  /** @param hashes from `keyHashes` of the same rows */
  insert(batch: Batch, hashes: Int32Array): void {
    const first = this.#numRows;
    const end = first + batch.numRows;
    for (const [index, store] of this.#stores.entries()) {
      const column = batch.columns[index];
      if (column === undefined) continue;
      store.reserve(column, batch.numRows);
      store.appendColumn(column, batch.numRows);
    }
    this.#next = grownInts(this.#next, end);
    this.#hashes = grownInts(this.#hashes, end);
    this.#hashes.set(hashes, first);
    this.#numRows = end;
    if (end > this.#heads.length && this.#keys.length > 0) {
      this.#heads = new Int32Array(2 ** Math.ceil(Math.log2(2 * end)));
      this.#link(0);
    } else {
      this.#link(first);
    }
  }

  #link(first: number): void {
    const heads = this.#heads;
    const mask = heads.length - 1;
    for (let row = first; row < this.#numRows; row++) {
      const bucket = (this.#hashes[row] as number) & mask;
      this.#next[row] = heads[bucket] as number;
      heads[bucket] = row + 1;
    }
  }

  /**
   * Calls `found` with all pairs of a stored row and a row of `batch` with equal keys, at most `pairsMax` at a
   * time; the arrays are valid during the call.
   */
  probe(
    batch: Batch,
    keys: readonly number[],
    hashes: Int32Array,
    pairsMax: number,
    found: (pairs: Pairs) => void,
  ): void {
    if (this.#numRows === 0) return;
    const storedRows = this.rows();
    const stored = this.#keys.map((key) => storedRows.columns[key] as Batch['columns'][number]);
    const columns = keys.map((key) => batch.columns[key] as Batch['columns'][number]);
    const run = probeFor(columns.map((column) => column.type));
    const pairsAtOnce = Math.min(pairsMax, Math.max(pairsAtOnceMin, batch.numRows));
    const outStored = new Int32Array(pairsAtOnce);
    const outRows = new Int32Array(pairsAtOnce);
    const position: Position = { row: 0, entry: -1 };
    const mask = this.#heads.length - 1;
    while (position.row < batch.numRows) {
      const count = run(
        position,
        hashes,
        this.#heads,
        mask,
        this.#next,
        this.#hashes,
        stored,
        columns,
        outStored,
        outRows,
      );
      if (count > 0) found({ stored: outStored.subarray(0, count), rows: outRows.subarray(0, count) });
    }
  }
}

const cachedProbesMax = 256;
const probes = new LeastRecentlyUsed<Probe>(cachedProbesMax);

function probeFor(types: readonly SqlType[]): Probe {
  return probes.getOrAdd(types.map((type) => type.kind).join(), () => buildProbe(types));
}

function buildProbe(types: readonly SqlType[]): Probe {
  const { prelude, condition } = keyEquality(types, false);
  const text = `'use strict';
return (position, hashes, heads, mask, next, storedHashes, stored, columns, outStored, outRows) => {
  ${prelude}
  const max = outStored.length;
  let count = 0;
  let entry = position.entry;
  for (let i = position.row; i < hashes.length; i++) {
    const hash = hashes[i];
    if (entry < 0) entry = heads[hash & mask];
    while (entry > 0) {
      const g = entry - 1;
      entry = next[g];
      if (storedHashes[g] === hash && ${condition}) {
        outStored[count] = g;
        outRows[count] = i;
        if (++count === max) {
          position.row = i;
          position.entry = entry;
          return count;
        }
      }
    }
    entry = -1;
  }
  position.row = hashes.length;
  return count;
};`;
  return new Function(...equalityHelperNames, text)(...equalityHelpers) as Probe;
}
