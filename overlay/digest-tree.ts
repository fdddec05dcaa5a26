import { strict as assert } from 'node:assert';
import { keyBytes } from './keys.ts';
import type { Digest, Region } from './overlay.ts';

/** Distinct keys of a leaf; a fuller one is split. */
const leafKeysMax = 32;
/** A subtree with so few items becomes a leaf again: well below a full one, lest it be split and joined in turns. */
const joinedItemsMax = leafKeysMax / 2;
const root = 0;

/**
 * A Merkle tree whose hash is a sum: number and sum of hashes (modulo 2^64) of the items of any region, in O(log n) steps,
 * kept up to date by every `add` and `remove` in as many. Since sums can be subtracted, the digest of a region is that of all
 * keys before its end less that of all keys before its start, wherever these lie: two copies need not agree on a shape.
 *
 * A binary trie over the bits of the keys with leaves of up to `leafKeysMax` keys; items of equal keys share an entry.
 * Nodes and entries live in typed arrays: about 50 bytes a key.
 * @see Merkle, "A Digital Signature Based on a Conventional Encryption Function", 1987; Bellare and Micciancio, "A New
 *   Paradigm for Collision-free Hashing", 1997, for sums as hashes. These guard against accident, not against forgery.
 */
export class DigestTree {
  // Of a node: the first of its two children, which stand side by side, or the complement of its block if it is a leaf.
  #children = new Int32Array(0);
  #sums = new Sums(0);
  readonly #freePairs: number[] = [];
  #nodes = 0;
  // Of a block: how many of its entries are used. Of an entry: its key and sums.
  #used = new Uint8Array(0);
  #keys = new Uint8Array(0);
  #entries = new Sums(0);
  readonly #freeBlocks: number[] = [];
  #blocks = 0;

  get items(): number {
    return this.#nodes === 0 ? 0 : this.#sums.count(root);
  }

  /** @param keys packed; the item's begins at byte `at` */
  add(keys: Uint8Array, at: number, low: number, high: number): void {
    if (this.#nodes === 0) this.#newLeaf(this.#newNodes(1));
    let node = root;
    for (let depth = 0; ; depth++) {
      this.#sums.add(node, 1, low, high);
      let child = this.#children[node] as number;
      if (child < 0) {
        if (this.#insert(~child, keys, at, low, high)) return;
        child = this.#split(node, depth);
        // The new item is in the children's sums only once it has got there.
      }
      node = child + bitOf(keys, at, depth);
    }
  }

  /** Inverse of an `add` with the same arguments; one that never was breaks the tree. */
  remove(keys: Uint8Array, at: number, low: number, high: number): void {
    assert(this.#nodes > 0, 'only what was added is removed');
    let sparse = -1;
    let node = root;
    for (let depth = 0; ; depth++) {
      this.#sums.subtract(node, 1, low, high);
      const child = this.#children[node] as number;
      if (child < 0) {
        this.#delete(~child, keys, at, low, high);
        break;
      }
      if (sparse < 0 && this.#sums.count(node) <= joinedItemsMax) sparse = node;
      node = child + bitOf(keys, at, depth);
    }
    if (sparse >= 0) this.#join(sparse);
  }

  digest(region: Region): Digest {
    if (this.#nodes === 0) return { items: 0, hash: 0n };
    if (region.from === region.to) return this.#sums.digest(root);
    const start = this.#before(region.from);
    const end = this.#before(region.to);
    const all = region.from < region.to ? { items: 0, hash: 0n } : this.#sums.digest(root);
    return {
      items: all.items + end.items - start.items,
      hash: BigInt.asUintN(64, all.hash + end.hash - start.hash),
    };
  }

  checkInvariants(): void {
    if (this.#nodes === 0) return;
    const seen = new Set<number>();
    const walk = (node: number): Digest => {
      const child = this.#children[node] as number;
      if (child >= 0) return plus(walk(child), walk(child + 1), node);
      const block = ~child;
      assert(!seen.has(block), 'a block belongs to one leaf');
      seen.add(block);
      let sum: Digest = { items: 0, hash: 0n };
      const start = block * leafKeysMax;
      for (let entry = start; entry < start + (this.#used[block] as number); entry++) {
        assert(this.#entries.count(entry) > 0, 'an entry has items');
        const { items, hash } = this.#entries.digest(entry);
        sum = { items: sum.items + items, hash: BigInt.asUintN(64, sum.hash + hash) };
      }
      assert.deepEqual(sum, this.#sums.digest(node), 'a leaf sums up its entries');
      return sum;
    };
    const plus = (a: Digest, b: Digest, node: number): Digest => {
      const sum = { items: a.items + b.items, hash: BigInt.asUintN(64, a.hash + b.hash) };
      assert.deepEqual(sum, this.#sums.digest(node), 'a node sums up its children');
      return sum;
    };
    walk(root);
    assert.equal(seen.size + this.#freeBlocks.length, this.#blocks, 'no block is lost');
  }

  /** Of all items whose keys are smaller than `bound`. */
  #before(bound: string): Digest {
    const bytes = Buffer.from(bound, 'hex');
    let items = 0;
    let hash = 0n;
    const take = (sums: Sums, index: number): void => {
      const part = sums.digest(index);
      items += part.items;
      hash += part.hash;
    };
    let node = root;
    for (let depth = 0; ; depth++) {
      const child = this.#children[node] as number;
      if (child < 0) {
        const start = ~child * leafKeysMax;
        for (let entry = start; entry < start + (this.#used[~child] as number); entry++) {
          if (this.#compare(entry, bytes, 0) < 0) take(this.#entries, entry);
        }
        return { items, hash };
      }
      const bit = bitOf(bytes, 0, depth);
      if (bit === 1) take(this.#sums, child);
      node = child + bit;
    }
  }

  // ---- Leaves

  /** False when the block is full. */
  #insert(block: number, keys: Uint8Array, at: number, low: number, high: number): boolean {
    const known = this.#find(block, keys, at);
    if (known >= 0) {
      this.#entries.add(known, 1, low, high);
      return true;
    }
    const used = this.#used[block] as number;
    if (used === leafKeysMax) return false;
    this.#put(block, keys, at, 1, low, high);
    return true;
  }

  #put(block: number, keys: Uint8Array, at: number, count: number, low: number, high: number): void {
    const used = this.#used[block] as number;
    const entry = block * leafKeysMax + used;
    for (let i = 0; i < keyBytes; i++) this.#keys[entry * keyBytes + i] = keys[at + i] as number;
    this.#entries.clear(entry);
    this.#entries.add(entry, count, low, high);
    this.#used[block] = used + 1;
  }

  #delete(block: number, keys: Uint8Array, at: number, low: number, high: number): void {
    const entry = this.#find(block, keys, at);
    assert(entry >= 0, 'only what was added is removed');
    this.#entries.subtract(entry, 1, low, high);
    if (this.#entries.count(entry) > 0) return;
    const used = (this.#used[block] as number) - 1;
    const last = block * leafKeysMax + used;
    this.#keys.copyWithin(entry * keyBytes, last * keyBytes, (last + 1) * keyBytes);
    this.#entries.copy(last, entry);
    this.#used[block] = used;
  }

  #find(block: number, keys: Uint8Array, at: number): number {
    const start = block * leafKeysMax;
    const end = start + (this.#used[block] as number);
    for (let entry = start; entry < end; entry++) if (this.#compare(entry, keys, at) === 0) return entry;
    return -1;
  }

  #compare(entry: number, keys: Uint8Array, at: number): number {
    const start = entry * keyBytes;
    for (let i = 0; i < keyBytes; i++) {
      const difference = (this.#keys[start + i] as number) - (keys[at + i] as number);
      if (difference !== 0) return difference;
    }
    return 0;
  }

  // ---- Shape

  /** Makes a leaf an inner node; returns its first child. Its own sums stay as they are. */
  #split(node: number, depth: number): number {
    const block = ~(this.#children[node] as number);
    const pair = this.#freePairs.pop() ?? this.#newNodes(2);
    this.#newLeaf(pair);
    this.#newLeaf(pair + 1);
    this.#children[node] = pair;
    const start = block * leafKeysMax;
    for (let entry = start; entry < start + (this.#used[block] as number); entry++) {
      const child = pair + bitOf(this.#keys, entry * keyBytes, depth);
      this.#moveEntry(entry, child);
    }
    this.#freeBlocks.push(block);
    return pair;
  }

  /** Makes an inner node with few items a leaf. */
  #join(node: number): void {
    const pair = this.#children[node] as number;
    this.#newLeaf(node, false);
    const drain = (from: number): void => {
      const child = this.#children[from] as number;
      if (child >= 0) {
        drain(child);
        drain(child + 1);
        this.#freePairs.push(child);
        return;
      }
      const start = ~child * leafKeysMax;
      const block = ~(this.#children[node] as number);
      for (let entry = start; entry < start + (this.#used[~child] as number); entry++) this.#copyEntry(entry, block);
      this.#freeBlocks.push(~child);
    };
    drain(pair);
    drain(pair + 1);
    this.#freePairs.push(pair);
  }

  #moveEntry(entry: number, leaf: number): void {
    this.#sums.addFrom(this.#entries, entry, leaf);
    this.#copyEntry(entry, ~(this.#children[leaf] as number));
  }

  #copyEntry(entry: number, block: number): void {
    const { low, high } = this.#entries.words(entry);
    this.#put(block, this.#keys, entry * keyBytes, this.#entries.count(entry), low, high);
  }

  #newLeaf(node: number, isEmpty = true): void {
    const block = this.#freeBlocks.pop() ?? this.#newBlock();
    this.#used[block] = 0;
    this.#children[node] = ~block;
    if (isEmpty) this.#sums.clear(node);
  }

  #newNodes(count: number): number {
    const first = this.#nodes;
    this.#nodes += count;
    if (this.#nodes > this.#children.length) {
      const capacity = Math.max(this.#nodes, 2 * this.#children.length);
      this.#children = grown(this.#children, new Int32Array(capacity));
      this.#sums = this.#sums.grown(capacity);
    }
    return first;
  }

  #newBlock(): number {
    const block = this.#blocks;
    this.#blocks += 1;
    if (this.#blocks > this.#used.length) {
      const capacity = Math.max(this.#blocks, Math.ceil(1.5 * this.#used.length));
      this.#used = grown(this.#used, new Uint8Array(capacity));
      this.#keys = grown(this.#keys, new Uint8Array(capacity * leafKeysMax * keyBytes));
      this.#entries = this.#entries.grown(capacity * leafKeysMax);
    }
    return block;
  }
}

/** Counts of items and sums of their hashes, as 32-bit words. */
class Sums {
  readonly #counts: Uint32Array;
  readonly #low: Uint32Array;
  readonly #high: Uint32Array;

  constructor(capacity: number) {
    this.#counts = new Uint32Array(capacity);
    this.#low = new Uint32Array(capacity);
    this.#high = new Uint32Array(capacity);
  }

  count(index: number): number {
    return this.#counts[index] as number;
  }

  words(index: number): { readonly low: number; readonly high: number } {
    return { low: this.#low[index] as number, high: this.#high[index] as number };
  }

  digest(index: number): Digest {
    const hash = (BigInt(this.#high[index] as number) << 32n) | BigInt(this.#low[index] as number);
    return { items: this.count(index), hash };
  }

  add(index: number, count: number, low: number, high: number): void {
    const sum = (this.#low[index] as number) + low;
    this.#low[index] = sum;
    this.#high[index] = (this.#high[index] as number) + high + (sum >= 2 ** 32 ? 1 : 0);
    this.#counts[index] = this.count(index) + count;
  }

  subtract(index: number, count: number, low: number, high: number): void {
    const difference = (this.#low[index] as number) - low;
    this.#low[index] = difference;
    this.#high[index] = (this.#high[index] as number) - high - (difference < 0 ? 1 : 0);
    this.#counts[index] = this.count(index) - count;
  }

  addFrom(other: Sums, from: number, to: number): void {
    const { low, high } = other.words(from);
    this.add(to, other.count(from), low, high);
  }

  copy(from: number, to: number): void {
    this.clear(to);
    this.addFrom(this, from, to);
  }

  clear(index: number): void {
    this.#counts[index] = 0;
    this.#low[index] = 0;
    this.#high[index] = 0;
  }

  grown(capacity: number): Sums {
    const larger = new Sums(capacity);
    larger.#counts.set(this.#counts);
    larger.#low.set(this.#low);
    larger.#high.set(this.#high);
    return larger;
  }
}

function grown<T extends Int32Array | Uint8Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

function bitOf(keys: Uint8Array, at: number, depth: number): number {
  return ((keys[at + (depth >>> 3)] as number) >>> (7 - (depth & 7))) & 1;
}
