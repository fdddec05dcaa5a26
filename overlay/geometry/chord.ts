import { clockwise, clockwiseHeads, headOf, keyBeside, pointOf } from '../keys.ts';
import type { Key } from '../overlay.ts';
import { RegionSet, wholeRing } from '../region.ts';
import { ArcGeometry } from './arcs.ts';
import type { Geometry } from './geometry.ts';

/**
 * Chord: a key belongs to the first member at or after it, its successor, and the next ones keep copies. A slot holds
 * members from 2^i to 2^(i+1) steps ahead of this node, of which any may be the i-th finger.
 *
 * A hop goes to the last member known before the key, and never past it, since the fingers of whoever stands behind the
 * key lead all around the ring. The exception is the owner, when this node knows it to be the owner: because the
 * key is within the leaf set, or where this node keeps every member that it hears of.
 *
 * @see Stoica et al., "Chord", ToN 2003; Gummadi et al., "The Impact of DHT Routing Geometry", SIGCOMM 2003 (choice of
 *   fingers by proximity)
 */
export class Chord extends ArcGeometry implements Geometry {
  static readonly slots = 53;
  readonly slotMembersMin = 1;

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

  /** Steps from the member to the key: an owner past it is farthest of all. */
  distance(key: Key, id: Key): bigint {
    return clockwise(pointOf(id), pointOf(key));
  }

  nextHops(key: Key, n: number, isAllKnown: (slot: number) => boolean): number[] {
    const { size, selfIndex } = this.ring;
    const owner = this.ring.indexFrom(key) % size;
    const ahead = (owner - selfIndex + size) % size;
    const preceding = Array.from({ length: Math.min(n, ahead - 1) }, (_, i) => (owner - 1 - i + size) % size);
    const isNear = Math.min(ahead, size - ahead + 1) <= this.side;
    const isSure = isNear || (isAllKnown(this.slotOf(key)) && isAllKnown(this.slotOf(this.ring.id(owner))));
    const hops = isSure ? [owner, ...preceding] : [...preceding, owner];
    return hops.slice(0, n);
  }

  protected start(index: number): Key {
    return keyBeside(this.ring.id(index - 1), 1n);
  }
}
