import { clockwise, clockwiseHeads, headOf, keyBeside, pointOf } from '../keys.ts';
import type { Key, Region } from '../overlay.ts';
import { RegionSet, wholeRing } from '../region.ts';
import type { ContactRing } from './contact-ring.ts';
import type { Geometry, GeometryOptions } from './geometry.ts';

/** A key is beside a member that is no farther away from it than so much of a leaf set, if members are as dense there. */
const besideShare = 1 / 4;

/**
 * What Bamboo and Chord share: each member owns one arc of the ring, between its neighbours' arcs, and has a leaf set
 * of the nearest members on either side.
 */
export abstract class ArcGeometry implements Partial<Geometry> {
  readonly isDecidedByLeaves = true;
  protected readonly ring: ContactRing;
  protected readonly side: number;

  constructor(ring: ContactRing, options: GeometryOptions) {
    this.ring = ring;
    this.side = options.leafSetSize / 2;
  }

  abstract nearest(key: Key, n: number): number[];
  /** First key that a member owns; not asked of one that is alone. */
  protected abstract start(index: number): Key;

  leaves(): number[] {
    const { size, selfIndex } = this.ring;
    const next = Math.min(this.side, size - 1);
    const leaves = Array.from({ length: next }, (_, i) => (selfIndex + 1 + i) % size);
    for (let step = Math.min(this.side, size - 1 - next); step > 0; step--)
      leaves.push((selfIndex - step + size) % size);
    return leaves;
  }

  wouldBeLeaf(id: Key): boolean {
    const { size, selfIndex } = this.ring;
    const after = (this.ring.indexFrom(id) - selfIndex + size) % size || size;
    return Math.min(after, size + 1 - after) <= this.side;
  }

  /** Walks outwards in both directions, always taking the nearer member; of equals the clockwise one. */
  around(key: Key, n: number): number[] {
    const { size } = this.ring;
    const around: number[] = [];
    let after = this.ring.indexFrom(key);
    let before = after - 1;
    while (around.length < n && after - before <= size) {
      const isNextNearer = this.#isNextNearer(key, before, after);
      around.push(((isNextNearer ? after : before) + size) % size);
      if (isNextNearer) after += 1;
      else before -= 1;
    }
    return around;
  }

  /** The leaf set of whoever stands there, both sides of it: with one side short, everybody would seem to belong there. */
  bearings(id: Key): number[] {
    const { size } = this.ring;
    const bearings: number[] = [];
    let after = this.ring.indexFrom(id);
    let before = after - 1;
    if (this.ring.id(after) === id) after += 1;
    const [afterMax, beforeMin] = [after + this.side, before - this.side];
    while (after - before <= size && (after < afterMax || before > beforeMin)) {
      const isNext = before === beforeMin || (after < afterMax && this.#isNextNearer(id, before, after));
      bearings.push(((isNext ? after : before) + size) % size);
      if (isNext) after += 1;
      else before -= 1;
    }
    return bearings;
  }

  keepers(keys: RegionSet, n: number): number[] {
    const { size } = this.ring;
    const keepers = new Set<number>();
    for (const { from, to } of fromWidestGap(keys.regions())) {
      const ofFirst = this.nearest(from, n);
      const ofLast = this.nearest(keyBeside(to, -1n), n);
      const first = ofFirst[0] as number;
      const last = ofLast[0] as number;
      // A region that begins and ends in one arc goes once round the ring unless it lies within that arc.
      const isRound = first === last && !this.cells(first, first + 1).covers({ from, to });
      const length = isRound ? size : ((last - first + size) % size) + 1;
      const before = run(ofFirst, first, -1, size);
      const count = Math.min(size, before + length + run(ofLast, last, 1, size));
      for (let i = 0; i < count; i++) keepers.add((first - before + i + size) % size);
    }
    return [...keepers];
  }

  cells(first: number, end: number): RegionSet {
    if (end - first >= this.ring.size) return new RegionSet([wholeRing]);
    return new RegionSet([{ from: this.start(first), to: this.start(end) }]);
  }

  parting(members: readonly number[]): number {
    return members.length >>> 1;
  }

  /** Whether a key of others lies within the leaf set, so that the members on either side of it are surely known. */
  protected isAmongLeaves(key: Key): boolean {
    const { size, selfIndex } = this.ring;
    const ahead = (this.ring.indexFrom(key) - selfIndex + size) % size;
    return Math.min(ahead, size - ahead + 1) <= this.side;
  }

  /** Whether a member is so near to a key that is not among this node's leaves that it should own it or have it among its. */
  protected isBeside(key: Key, index: number): boolean {
    const { selfIndex } = this.ring;
    const leafSet = clockwiseHeads(this.ring.head(selfIndex - this.side), this.ring.head(selfIndex + this.side));
    const [head, at] = [headOf(key), this.ring.head(index)];
    return Math.min(clockwiseHeads(head, at), clockwiseHeads(at, head)) <= besideShare * leafSet;
  }

  #isNextNearer(key: Key, before: number, after: number): boolean {
    const head = headOf(key);
    const ahead = clockwiseHeads(head, this.ring.head(after));
    const behind = clockwiseHeads(this.ring.head(before), head);
    if (Math.abs(ahead - behind) >= 2) return ahead < behind;
    const point = pointOf(key);
    return clockwise(point, pointOf(this.ring.id(after))) <= clockwise(pointOf(this.ring.id(before)), point);
  }
}

/** How many of some members follow one of them without a gap, in one direction. */
function run(members: readonly number[], start: number, step: 1 | -1, size: number): number {
  let count = 0;
  while (count + 1 < members.length && members.includes((start + step * (count + 1) + size) % size)) count += 1;
  return count;
}

/** The regions clockwise from behind the widest gap between two of them, so that those near to one another stay together. */
function fromWidestGap(regions: readonly Region[]): readonly Region[] {
  if (regions.length < 2) return regions;
  const gaps = regions.map(({ from }, i) => clockwiseHeads(headOf(regions.at(i - 1)?.to as Key), headOf(from)));
  const first = gaps.indexOf(Math.max(...gaps));
  return [...regions.slice(first), ...regions.slice(0, first)];
}
