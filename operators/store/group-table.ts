import type { Column, SqlType } from '../../columnar/index.ts';
import { LeastRecentlyUsed } from '../least-recently-used.ts';
import { ColumnStore } from './column-store.ts';
import { equalityHelperNames, equalityHelpers, inlineHash, keyEquality } from './key-equality.ts';
import { grownInts, keyHashes } from './tables.ts';

/** Finds or makes the group of each of `n` rows; `insert` makes one. */
type Lookup = (
  hashes: Int32Array | null,
  n: number,
  slots: Int32Array,
  mask: number,
  groupHashes: Int32Array,
  groups: Int32Array,
  stored: readonly Column[],
  columns: readonly Column[],
  insert: (row: number, hash: number, slot: number) => number,
) => void;

const slotsMin = 32;

/**
 * Numbers the distinct keys it is shown, from 0 in order of appearance. Open addressing with linear probing
 * over the keys' hashes, at most half full; keys are kept as columns. NULL is a key like any other.
 */
export class GroupTable {
  readonly #types: readonly SqlType[];
  readonly #stores: readonly ColumnStore[];
  /** Group number + 1 by slot; 0 is free. */
  #slots = new Int32Array(slotsMin);
  #groupHashes = new Int32Array(slotsMin / 2);
  #count = 0;

  constructor(types: readonly SqlType[]) {
    this.#types = types;
    this.#stores = types.map((type) => new ColumnStore(type));
  }

  /** Number of distinct keys. */
  get count(): number {
    return this.#count;
  }

  /** Bytes of memory held. */
  get bytes(): number {
    return this.#stores.reduce(
      (sum, store) => sum + store.bytes,
      this.#slots.byteLength + this.#groupHashes.byteLength,
    );
  }

  /** The keys by group number. */
  keys(): Column[] {
    return this.#stores.map((store) => store.view());
  }

  /** The group number of each row of key columns; keys not seen before get new ones. Without keys all are 0. */
  groupsOf(columns: readonly Column[], numRows: number): Int32Array {
    const groups = new Int32Array(numRows);
    if (columns.length === 0) {
      if (numRows > 0) this.#count = 1;
      return groups;
    }
    this.#reserve(columns, numRows);
    const stored = this.keys();
    const nullable = [...columns, ...stored].some((column) => column.validity !== null);
    const appenders = this.#stores.map((store, key) => store.cellAppender(columns[key] as Column));
    const insert = (row: number, hash: number, slot: number): number => {
      for (const append of appenders) append(row);
      const group = this.#count++;
      this.#groupHashes[group] = hash;
      this.#slots[slot] = group + 1;
      return group;
    };
    const { run, hashesInline } = lookupFor(this.#types, nullable);
    const hashes = hashesInline ? null : keyHashes({ schema: { fields: [] }, numRows, columns }, [...columns.keys()]);
    run(hashes, numRows, this.#slots, this.#slots.length - 1, this.#groupHashes, groups, stored, columns, insert);
    return groups;
  }

  /** Room for the case that every row is a new group, so that the loop's arrays stay the same. */
  #reserve(columns: readonly Column[], numRows: number): void {
    for (const [key, store] of this.#stores.entries()) store.reserve(columns[key] as Column, numRows);
    const groupsMax = this.#count + numRows;
    this.#groupHashes = grownInts(this.#groupHashes, groupsMax);
    let slots = this.#slots.length;
    while (slots < 2 * groupsMax) slots *= 2;
    if (slots === this.#slots.length) return;
    this.#slots = new Int32Array(slots);
    for (let group = 0; group < this.#count; group++) {
      let slot = (this.#groupHashes[group] as number) & (slots - 1);
      while (this.#slots[slot] !== 0) slot = (slot + 1) & (slots - 1);
      this.#slots[slot] = group + 1;
    }
  }
}

interface BuiltLookup {
  readonly run: Lookup;
  /** Then it takes no hashes. */
  readonly hashesInline: boolean;
}

const cachedLookupsMax = 256;
const lookups = new LeastRecentlyUsed<BuiltLookup>(cachedLookupsMax);

function lookupFor(types: readonly SqlType[], nullable: boolean): BuiltLookup {
  const name = `${nullable}:${types.map((type) => type.kind).join(',')}`;
  return lookups.getOrAdd(name, () => buildLookup(types, nullable));
}

function buildLookup(types: readonly SqlType[], nullable: boolean): BuiltLookup {
  const { prelude, condition } = keyEquality(types, nullable);
  const inline = inlineHash(types, nullable);
  // Keys that are cheap to hash are as cheap to compare: their hashes need not be looked at first.
  const equal = inline === null ? `groupHashes[g] === hash && ${condition}` : condition;
  const text = `'use strict';
return (hashes, n, slots, mask, groupHashes, groups, stored, columns, insert) => {
  ${prelude}
  for (let i = 0; i < n; i++) {
    ${inline ?? 'const hash = hashes[i];'}
    let slot = hash & mask;
    let g = slots[slot] - 1;
    while (g >= 0 && !(${equal})) {
      slot = (slot + 1) & mask;
      g = slots[slot] - 1;
    }
    groups[i] = g >= 0 ? g : insert(i, hash, slot);
  }
};`;
  const run = new Function(...equalityHelperNames, text)(...equalityHelpers) as Lookup;
  return { run, hashesInline: inline !== null };
}
