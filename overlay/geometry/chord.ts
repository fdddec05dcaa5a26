import { clockwise, clockwiseHeads, headOf, keyBeside, pointOf } from '../keys.ts';
import type { Key } from '../overlay.ts';
import { RegionSet, wholeRing } from '../region.ts';
import { ArcGeometry } from './arcs.ts';
import type { Geometry } from './geometry.ts';

/**
 * How much farther a member past the key counts than one as far before it. Those before it have fingers near the key, those
 * past it have to go back: so few of the ring count as past it that routes which begin there are as short as any.
 */
const pastWeight = 256;

/**
 * Chord: a key belongs to the first member at or after it, its successor, and the next ones keep copies. A slot holds
 * members from 2^i to 2^(i+1) steps ahead of this node, of which any may be the i-th finger.
 *
 * A hop goes to the last member known before the key, since the fingers of whoever stands past the key lead all around the
 * ring. The exception is the first member known at or after it. That is the owner, if the key is within the
 * leaf set, or where this node keeps every member that it hears of. Elsewhere it may be, if it is only a few members away
 * from the key, and otherwise its leaf set shows who is: no more hops than by a member before the key.
 *
 * But for the hop to whom this node takes for the owner, every one makes `distance` less, by an order that is the same
 * for all members. So a route can visit somebody twice only where a node is wrong about the owner by more than half a
 * leaf set of members, of none of whom it has heard.
 *
 * @see Stoica et al., "Chord", ToN 2003; Gummadi et al., "The Impact of DHT Routing Geometry", SIGCOMM 2003 (choice of
 *   fingers by proximity)
 */
export class Chord extends ArcGeometry implements Geometry {
  static readonly slots = 53;
  readonly slotMembersMin = 1;
  readonly looksAhead = true;

  slotOf(id: Key): number {
    const steps = clockwiseHeads(headOf(this.ring.self.id), headOf(id));
    return steps === 0 ? 0 : Math.floor(Math.log2(steps));
  }

  nearest(key: Key, n: number): number[] {
    const { size } = this.ring;
    const first = this.ring.indexFrom(key);
    return Array.from({ length: Math.min(n, size) }, (_, i) => (first + i) % size);
  }

  replicaRegion(index: number, n: number): RegionSet {
    if (this.ring.size <= n) return new RegionSet([wholeRing]);
    return new RegionSet([{ from: this.start(index - n + 1), to: this.start(index + 1) }]);
  }

  /** Steps from the member to the key, or back to it from one that stands a little past it, which count for more. */
  distance(key: Key, id: Key): bigint {
    const before = clockwise(pointOf(id), pointOf(key));
    const past = BigInt(pastWeight) * clockwise(pointOf(key), pointOf(id));
    return before <= past ? before : past;
  }

  nextHops(key: Key, n: number, isAllKnown: (slot: number) => boolean): number[] {
    const { self, size, selfIndex } = this.ring;
    const first = this.ring.indexFrom(key) % size;
    const ahead = (first - selfIndex + size) % size;
    const own = this.distance(key, self.id);
    const isNearer = (index: number): boolean => this.distance(key, this.ring.id(index)) < own;
    const preceding = Array.from({ length: Math.min(n, ahead - 1) }, (_, i) => (first - 1 - i + size) % size);
    const hops = preceding.filter(isNearer);
    if (this.#isOwnerInSight(key, first, isAllKnown)) hops.unshift(first);
    else if (isNearer(first)) hops.splice(this.isBeside(key, first) ? 0 : hops.length, 0, first);
    return hops.slice(0, n);
  }

  /** Whether nobody unknown should stand between the key and the first known member past it. */
  #isOwnerInSight(key: Key, first: number, isAllKnown: (slot: number) => boolean): boolean {
    if (this.isAmongLeaves(key)) return true;
    return isAllKnown(this.slotOf(key)) && isAllKnown(this.slotOf(this.ring.id(first)));
  }

  protected start(index: number): Key {
    return keyBeside(this.ring.id(index - 1), 1n);
  }
}
