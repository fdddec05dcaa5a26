import { clockwise, headOf, headsMax, keyAt, keyBeside, keyBits, midpoint, pointOf, sharedBits } from '../keys.ts';
import type { Key } from '../overlay.ts';
import { RegionSet, wholeRing } from '../region.ts';
import type { ContactRing } from './contact-ring.ts';
import type { Geometry, GeometryOptions } from './geometry.ts';
import { RegionWriter } from './region-writer.ts';

/** The ring is cut into 2^12 slices, the leaves of the trie in which members stand. */
const sliceBits = 12;
const slices = 2 ** sliceBits;
const headsPerSlice = headsMax / slices;
/** First key of each slice; after the last it is the ring's first again. */
const sliceKeys: readonly Key[] = Array.from({ length: slices + 1 }, (_, slice) =>
  keyAt(BigInt(slice) << BigInt(keyBits - sliceBits)),
);

/** Members of each bucket by whom a newcomer finds its place: some may have died. */
const bearingsPerBucket = 4;

/**
 * Kademlia: a key belongs to the member nearest to it by exclusive or. A slot is a k-bucket: members that share so many
 * leading bits with this node and differ in the next.
 *
 * Members in ring order are the leaves of a binary trie, in order, so that a subtree is a run of indices and all
 * questions are walks down the trie: towards a key, to the side where its bit leads, unless nobody is there. A member
 * thus owns the keys that agree with it wherever its path branches, whatever their other bits: several regions,
 * twice as many with each level that does not branch. Exclusive or is therefore taken of slices, of which
 * there are 2^12; the few members of one slice are told apart by plain distance. Without that, two ids that
 * differ in nothing but their last bits would own more regions than anybody could list.
 *
 * @see Maymounkov and Mazieres, "Kademlia", IPTPS 2002
 */
export class Kademlia implements Geometry {
  static readonly slots = keyBits;
  /** The k of a k-bucket. */
  readonly slotMembersMin = 20;
  readonly looksAhead = false;
  /** A bucket that grows need not be watched any more. */
  readonly isDecidedByLeaves = false;
  readonly #ring: ContactRing;
  /** As many copies of a key can be kept as this: half a leaf set. */
  readonly #side: number;

  constructor(ring: ContactRing, options: GeometryOptions) {
    this.#ring = ring;
    this.#side = options.leafSetSize / 2;
  }

  slotOf(id: Key): number {
    return sharedBits(this.#ring.self.id, id);
  }

  // ---- Neighbours

  /**
   * Whole buckets, nearest first, until they make up half of a leaf set; any other bucket as small as that, since
   * how many it has decides which keys have a copy here; and half a leaf set on either side within this node's slice,
   * where plain distance decides.
   */
  leaves(): number[] {
    const { self, selfIndex } = this.#ring;
    const leaves: number[] = [];
    let low = selfIndex;
    let high = selfIndex + 1;
    for (let bucket = Kademlia.slots - 1; bucket >= 0; bucket--) {
      const count = this.#ring.slotSize(bucket);
      const first = bitOf(self.id, bucket) === 1 ? low - count : high;
      const isWatched = this.#isWatched(count, high - low - 1);
      for (let i = first; i < first + count; i++) {
        if (isWatched || (bucket >= sliceBits && Math.abs(i - selfIndex) <= this.#side)) leaves.push(i);
      }
      low = Math.min(low, first);
      high = Math.max(high, first + count);
    }
    return leaves;
  }

  wouldBeLeaf(id: Key): boolean {
    const bucket = this.slotOf(id);
    if (bucket >= sliceBits && this.#between(id) < this.#side) return true;
    let nearer = 0;
    for (let i = bucket + 1; i < Kademlia.slots; i++) nearer += this.#ring.slotSize(i);
    return this.#isWatched(this.#ring.slotSize(bucket) + 1, nearer);
  }

  around(key: Key, n: number): number[] {
    return this.nearest(key, n);
  }

  bearings(id: Key): number[] {
    const bearings = new Set(this.nearest(id, 2 * this.#side + 1));
    const slice = sliceOf(headOf(id));
    let low = 0;
    let high = this.#ring.size;
    for (let depth = 0; depth < sliceBits && low < high; depth++) {
      const middle = this.#middle(low, high, depth);
      const isHigh = bitAt(slice, depth) === 1;
      const [first, end] = isHigh ? [low, middle] : [middle, high];
      for (let i = first; i < Math.min(end, first + bearingsPerBucket); i++) bearings.add(i);
      if (isHigh) low = middle;
      else high = middle;
    }
    return [...bearings];
  }

  // ---- Owners

  nearest(key: Key, n: number): number[] {
    const nearest: number[] = [];
    this.#collect(0, this.#ring.size, 0, key, sliceOf(headOf(key)), n, nearest);
    return nearest;
  }

  /** Exclusive or of the slices, then plain distance; of two members equally far the higher one counts as nearer. */
  distance(key: Key, id: Key): bigint {
    const slices = BigInt(sliceOf(headOf(key)) ^ sliceOf(headOf(id)));
    const ahead = pointOf(id) - pointOf(key);
    return (slices << 162n) + (ahead >= 0n ? 2n * ahead : -2n * ahead + 1n);
  }

  nextHops(key: Key, n: number): number[] {
    const nearest = this.nearest(key, n + 1);
    const end = nearest.indexOf(this.#ring.selfIndex);
    return nearest.slice(0, end === -1 ? n : end);
  }

  keepers(keys: RegionSet, n: number): number[] {
    const keepers = new Set<number>();
    this.#gather({ low: 0, high: this.#ring.size, depth: 0, block: 0 }, keys, n, keepers);
    return [...keepers].sort((a, b) => a - b);
  }

  cells(first: number, end: number): RegionSet {
    const { size } = this.#ring;
    if (end - first >= size) return new RegionSet([wholeRing]);
    if (end > size) {
      const cells = this.cells(first, size);
      cells.addAll(this.cells(0, end - size));
      return cells;
    }
    const regions = new RegionWriter();
    this.#carve({ low: 0, high: size, depth: 0, block: 0 }, first, end, regions);
    return regions.finish();
  }

  /**
   * Nearer to a key than a member are those on the key's side of every branching where the two part. The keys to keep
   * are therefore those that part from the member only where few stand on the other side.
   */
  replicaRegion(index: number, n: number): RegionSet {
    const slice = this.#slice(index);
    const others: number[] = [];
    let low = 0;
    let high = this.#ring.size;
    for (let depth = 0; depth < sliceBits; depth++) {
      const middle = this.#middle(low, high, depth);
      const isHigh = bitAt(slice, depth) === 1;
      others.push(isHigh ? middle - low : high - middle);
      if (isHigh) low = middle;
      else high = middle;
    }
    const regions = new RegionWriter();
    const last = others.findLastIndex((count) => count > 0);
    const visit = (depth: number, block: number, nearer: number): void => {
      if (nearer >= n) return;
      if (depth > last) {
        this.#keep({ low, high, depth, block }, index, n - nearer, regions);
        return;
      }
      for (const bit of [0, 1]) {
        const away = bit === bitAt(slice, depth) ? 0 : (others[depth] as number);
        visit(depth + 1, block + bit * blockSize(depth + 1), nearer + away);
      }
    };
    visit(0, 0, 0);
    return regions.finish();
  }

  // ---- Runs of members

  /**
   * At a branching of the trie: whoever stands in a subtree knows somebody in each of its branches, but of a run that
   * ends within a branch it may know nobody. Members of one slice part in the middle.
   */
  parting(members: readonly number[]): number {
    const slices = members.map((index) => this.#slice(index));
    const [first, last] = [slices[0] as number, slices.at(-1) as number];
    if (first === last) return members.length >>> 1;
    const depth = Math.clz32(first ^ last) - (32 - sliceBits);
    return slices.findIndex((slice) => bitAt(slice, depth) === 1);
  }

  // ---- Walks down the trie

  #collect(low: number, high: number, depth: number, key: Key, slice: number, n: number, nearest: number[]): void {
    if (low === high || nearest.length >= n) return;
    if (high - low === 1) nearest.push(low);
    else if (depth === sliceBits) this.#collectMates(low, high, key, n, nearest);
    else {
      const middle = this.#middle(low, high, depth);
      const isHigh = bitAt(slice, depth) === 1;
      this.#collect(isHigh ? middle : low, isHigh ? high : middle, depth + 1, key, slice, n, nearest);
      this.#collect(isHigh ? low : middle, isHigh ? middle : high, depth + 1, key, slice, n, nearest);
    }
  }

  /** Members of one slice, by plain distance; of equals the higher one. */
  #collectMates(low: number, high: number, key: Key, n: number, nearest: number[]): void {
    const point = pointOf(key);
    let after = Math.min(high, Math.max(low, this.#ring.indexFrom(key)));
    let before = after - 1;
    while (nearest.length < n && after - before <= high - low) {
      const isAfterNearer =
        before < low ||
        (after < high &&
          clockwise(point, pointOf(this.#ring.id(after))) <= clockwise(pointOf(this.#ring.id(before)), point));
      nearest.push(isAfterNearer ? after : before);
      if (isAfterNearer) after += 1;
      else before -= 1;
    }
  }

  /** Adds whoever is among the `n` nearest of the subtree to one of the keys that lie in the block. */
  #gather(walk: Walk, keys: RegionSet, n: number, keepers: Set<number>): void {
    const { low, high, depth, block } = walk;
    if (low === high || n <= 0 || !keys.overlaps(regionOf(walk))) return;
    // Every member of a subtree owns some of the keys of its block.
    const isOwn = blockOf(this.#slice(low), depth) === block;
    if (high - low <= n || (isOwn && keys.covers(regionOf(walk)))) {
      for (let i = low; i < high; i++) keepers.add(i);
      return;
    }
    if (depth === sliceBits) {
      const { from, to } = regionOf(walk);
      for (const part of keys.intersect({ from, to })) {
        const ends = [part.from, keyBeside(part.to, -1n)].flatMap((key) => {
          const nearest: number[] = [];
          this.#collectMates(low, high, key, n, nearest);
          return nearest;
        });
        for (let i = Math.min(...ends); i <= Math.max(...ends); i++) keepers.add(i);
      }
      return;
    }
    const middle = this.#middle(low, high, depth);
    for (const bit of [0, 1]) {
      const half = block + bit * blockSize(depth + 1);
      const [near, nearEnd, far, farEnd] = bit === 0 ? [low, middle, middle, high] : [middle, high, low, middle];
      this.#gather({ low: near, high: nearEnd, depth: depth + 1, block: half }, keys, n, keepers);
      const left = n - (nearEnd - near);
      this.#gather({ low: far, high: farEnd, depth: depth + 1, block: half }, keys, left, keepers);
    }
  }

  /** Writes down the part of the block that belongs to members from `first` to before `end`. */
  #carve(walk: Walk, first: number, end: number, regions: RegionWriter): void {
    const { low, high, depth, block } = walk;
    if (high <= first || low >= end) return;
    const { from, to } = regionOf(walk);
    if (low >= first && high <= end) {
      regions.add(from, to);
      return;
    }
    if (depth === sliceBits) {
      const slice = this.#slice(low);
      if (block === slice) {
        regions.add(
          low >= first ? from : midpoint(this.#ring.id(first - 1), this.#ring.id(first)),
          high <= end ? to : midpoint(this.#ring.id(end - 1), this.#ring.id(end)),
        );
      } else {
        const owner = block < slice ? low : high - 1;
        if (owner >= first && owner < end) regions.add(from, to);
      }
      return;
    }
    const middle = this.#middle(low, high, depth);
    const isBranching = low < middle && middle < high;
    this.#carve({ low, high: isBranching ? middle : high, depth: depth + 1, block }, first, end, regions);
    const upper = block + blockSize(depth + 1);
    this.#carve({ low: isBranching ? middle : low, high, depth: depth + 1, block: upper }, first, end, regions);
  }

  /** Writes down the keys of a block for which a member is among the `n` nearest of its slice, `low` to `high`. */
  #keep(walk: Walk, index: number, n: number, regions: RegionWriter): void {
    const { low, high, depth, block } = walk;
    const slice = this.#slice(index);
    const end = block + blockSize(depth);
    // Whoever is nearer stands between the member and the key, and for keys outside the slice on that side of it.
    const isBelow = index - low < n;
    const isAbove = high - 1 - index < n;
    if (slice >= block && slice < end) {
      const id = this.#ring.id(index);
      regions.add(
        isBelow ? keyOfSlice(block) : midpoint(this.#ring.id(index - n), id),
        isAbove ? keyOfSlice(end) : midpoint(id, this.#ring.id(index + n)),
      );
    } else if (block < slice ? isBelow : isAbove) {
      regions.add(keyOfSlice(block), keyOfSlice(end));
    }
  }

  /** First of some members, who share `depth` bits, whose next bit is set. */
  #middle(low: number, high: number, depth: number): number {
    if (low === high || bitAt(this.#slice(low), depth) === 1) return low;
    if (bitAt(this.#slice(high - 1), depth) === 0) return high;
    let before = low;
    let after = high - 1;
    while (after - before > 1) {
      const middle = (before + after) >>> 1;
      if (bitAt(this.#slice(middle), depth) === 1) after = middle;
      else before = middle;
    }
    return after;
  }

  #slice(index: number): number {
    return sliceOf(this.#ring.head(index));
  }

  /** How many members stand between this node and a newcomer of its slice. */
  #between(id: Key): number {
    const { selfIndex } = this.#ring;
    const index = this.#ring.indexFrom(id);
    return index > selfIndex ? index - selfIndex - 1 : selfIndex - index;
  }

  /** @param nearer members of the buckets nearer to this node */
  #isWatched(count: number, nearer: number): boolean {
    return nearer < this.#side || count <= this.#side;
  }
}

/**
 * Members `low` to before `high`, of one subtree, to whom the keys of a block belong: `2^(12 - depth)` slices from
 * `block` on, which is where the subtree stands unless nobody stands there.
 */
interface Walk {
  readonly low: number;
  readonly high: number;
  readonly depth: number;
  readonly block: number;
}

function regionOf({ depth, block }: Walk): { from: Key; to: Key } {
  return { from: keyOfSlice(block), to: keyOfSlice(block + blockSize(depth)) };
}

/** Slices of a block at some depth. */
function blockSize(depth: number): number {
  return 2 ** (sliceBits - depth);
}

function blockOf(slice: number, depth: number): number {
  return slice - (slice % blockSize(depth));
}

function sliceOf(head: number): number {
  return Math.floor(head / headsPerSlice);
}

function keyOfSlice(slice: number): Key {
  return sliceKeys[slice] as Key;
}

function bitAt(slice: number, depth: number): number {
  return (slice >>> (sliceBits - 1 - depth)) & 1;
}

function bitOf(id: Key, bit: number): number {
  return (Number.parseInt(id.charAt(bit >>> 2), 16) >>> (3 - (bit & 3))) & 1;
}
