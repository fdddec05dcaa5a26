import { strict as assert } from 'node:assert';
import { zeroKey } from './keys.ts';
import type { Key, Region } from './overlay.ts';

/** The whole ring, as one region. */
export const wholeRing: Region = { from: zeroKey, to: zeroKey };

/** A set that somebody else may change, and nobody who is given it. */
export type ReadonlyRegionSet = Omit<RegionSet, 'add' | 'remove' | 'addAll' | 'removeAll'>;

/**
 * A set of keys as disjoint regions; mutable.
 *
 * Kept as the sorted keys at which one enters or leaves the set when walking the ring upwards, and whether
 * the walk begins inside, which is to say whether the highest key belongs to the set. Every set has exactly
 * one such form, the empty set and the whole ring need no special case, and wrap-around none either.
 */
export class RegionSet implements Iterable<Region> {
  /** Sorted, distinct, even in number. */
  #edges: Key[];
  #insideAtEnd: boolean;

  constructor(regions: Iterable<Region> = []) {
    this.#edges = [];
    this.#insideAtEnd = false;
    for (const region of regions) this.add(region);
  }

  static whole(): RegionSet {
    return new RegionSet([wholeRing]);
  }

  /** Inverse of `edges` and `insideAtEnd`. @throws RangeError when these are not the form of a set */
  static fromEdges(edges: readonly Key[], insideAtEnd: boolean): RegionSet {
    if (edges.length % 2 !== 0) throw new RangeError('a region set has an even number of edges');
    for (let i = 1; i < edges.length; i++) {
      if ((edges[i - 1] as Key) >= (edges[i] as Key)) throw new RangeError('the edges of a region set ascend');
    }
    const set = new RegionSet();
    set.#edges = [...edges];
    set.#insideAtEnd = insideAtEnd;
    return set;
  }

  /** Keys at which membership changes, ascending. */
  get edges(): readonly Key[] {
    return this.#edges;
  }

  /** Whether the highest key of the ring belongs to the set. */
  get insideAtEnd(): boolean {
    return this.#insideAtEnd;
  }

  get isEmpty(): boolean {
    return this.#edges.length === 0 && !this.#insideAtEnd;
  }

  get isWhole(): boolean {
    return this.#edges.length === 0 && this.#insideAtEnd;
  }

  clone(): RegionSet {
    const copy = new RegionSet();
    copy.#edges = this.#edges.slice();
    copy.#insideAtEnd = this.#insideAtEnd;
    return copy;
  }

  /** The fewest regions that make up the set, in ring order; a region that wraps around comes last. */
  regions(): Region[] {
    const edges = this.#edges;
    if (edges.length === 0) return this.#insideAtEnd ? [wholeRing] : [];
    const regions: Region[] = [];
    const first = this.#insideAtEnd ? 1 : 0;
    for (let i = first; i < edges.length; i += 2) {
      regions.push({ from: edges[i] as Key, to: edges[(i + 1) % edges.length] as Key });
    }
    return regions;
  }

  [Symbol.iterator](): Iterator<Region> {
    return this.regions()[Symbol.iterator]();
  }

  has(key: Key): boolean {
    return this.#insideAfter(this.#countUpTo(key));
  }

  /** Adds a region; returns whether any of it was in the set already. */
  add(region: Region): boolean {
    const { from, to } = region;
    const edges = this.#edges;
    if (from === to) {
      const overlapped = !this.isEmpty;
      this.#edges = [];
      this.#insideAtEnd = true;
      return overlapped;
    }
    const start = this.#countBefore(from);
    const end = this.#countUpTo(to);
    const entering = this.#insideAfter(start) ? [] : [from];
    const leaving = this.#insideAfter(end) ? [] : [to];
    const overlapped = this.overlaps(region);
    if (from < to) edges.splice(start, end - start, ...entering, ...leaving);
    else {
      this.#edges = [...leaving, ...edges.slice(end, start), ...entering];
      this.#insideAtEnd = true;
    }
    return overlapped;
  }

  remove(region: Region): void {
    this.#insideAtEnd = !this.#insideAtEnd;
    this.add(region);
    this.#insideAtEnd = !this.#insideAtEnd;
  }

  /** Adds every region of `other`; returns whether the two sets had a key in common. */
  addAll(other: ReadonlyRegionSet): boolean {
    if (other.isEmpty) return false;
    const overlapped = !this.intersect(other).isEmpty;
    this.#become(RegionSet.#sweep(this, other, (mine, theirs) => mine || theirs));
    return overlapped;
  }

  removeAll(other: ReadonlyRegionSet): void {
    if (this.isEmpty || other.isEmpty) return;
    this.#become(RegionSet.#sweep(this, other, (mine, theirs) => mine && !theirs));
  }

  /** The keys that both have. */
  intersect(other: Region | ReadonlyRegionSet): RegionSet {
    if (this.isEmpty) return new RegionSet();
    return RegionSet.#sweep(this, setOf(other), (mine, theirs) => mine && theirs);
  }

  /** The keys of `wanted` that this set lacks. */
  missingFrom(wanted: Region | ReadonlyRegionSet): RegionSet {
    const all = setOf(wanted);
    if (all.isEmpty) return new RegionSet();
    return RegionSet.#sweep(this, all, (mine, theirs) => theirs && !mine);
  }

  covers(region: Region): boolean {
    if (region.from === region.to) return this.isWhole;
    const start = this.#countUpTo(region.from);
    if (!this.#insideAfter(start)) return false;
    const end = this.#countBefore(region.to);
    return region.from < region.to ? start === end : start === this.#edges.length && end === 0;
  }

  overlaps(region: Region): boolean {
    if (region.from === region.to) return !this.isEmpty;
    const start = this.#countUpTo(region.from);
    if (this.#insideAfter(start)) return true;
    const end = this.#countBefore(region.to);
    return region.from < region.to ? start !== end : start !== this.#edges.length || end !== 0;
  }

  equals(other: ReadonlyRegionSet): boolean {
    const { edges, insideAtEnd } = other;
    return (
      this.#insideAtEnd === insideAtEnd &&
      this.#edges.length === edges.length &&
      this.#edges.every((edge, i) => edge === edges[i])
    );
  }

  checkInvariants(): void {
    assert(this.#edges.length % 2 === 0, 'the ring closes');
    for (let i = 1; i < this.#edges.length; i++) {
      assert((this.#edges[i - 1] as Key) < (this.#edges[i] as Key), 'edges ascend');
    }
  }

  /** Walks the ring once along the edges of both sets, and keeps the keys for which `keep` says so. */
  static #sweep(a: ReadonlyRegionSet, b: ReadonlyRegionSet, keep: (inA: boolean, inB: boolean) => boolean): RegionSet {
    const result = new RegionSet();
    result.#insideAtEnd = keep(a.insideAtEnd, b.insideAtEnd);
    let inA = a.insideAtEnd;
    let inB = b.insideAtEnd;
    let inside = result.#insideAtEnd;
    let i = 0;
    let j = 0;
    while (i < a.edges.length || j < b.edges.length) {
      const fromA = a.edges[i];
      const fromB = b.edges[j];
      const edge = fromB === undefined || (fromA !== undefined && fromA < fromB) ? (fromA as Key) : fromB;
      if (fromA === edge) {
        inA = !inA;
        i += 1;
      }
      if (fromB === edge) {
        inB = !inB;
        j += 1;
      }
      if (keep(inA, inB) === inside) continue;
      inside = !inside;
      result.#edges.push(edge);
    }
    return result;
  }

  #become(other: RegionSet): void {
    this.#edges = other.#edges;
    this.#insideAtEnd = other.#insideAtEnd;
  }

  /** Whether one is inside the set after passing `edgesPassed` edges from the start of the ring. */
  #insideAfter(edgesPassed: number): boolean {
    return this.#insideAtEnd !== (edgesPassed % 2 === 1);
  }

  #countBefore(key: Key): number {
    let low = 0;
    let high = this.#edges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#edges[middle] as Key) < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #countUpTo(key: Key): number {
    const count = this.#countBefore(key);
    return this.#edges[count] === key ? count + 1 : count;
  }
}

function setOf(regions: Region | ReadonlyRegionSet): ReadonlyRegionSet {
  return 'from' in regions ? new RegionSet([regions]) : regions;
}
