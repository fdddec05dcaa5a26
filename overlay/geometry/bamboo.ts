import { clockwise, keyDigits, midpoint, pointOf, sharedDigits } from '../keys.ts';
import type { Key } from '../overlay.ts';
import { RegionSet, wholeRing } from '../region.ts';
import { ArcGeometry } from './arcs.ts';
import type { Geometry } from './geometry.ts';

/**
 * Pastry's geometry as Bamboo runs it: a key belongs to the numerically nearest member, the clockwise one of two
 * equally near. Prefix routing with 16 ways a digit: a slot holds members that share `row` digits with this node and
 * differ in the next. Going to the known member nearest to the key resolves at least one digit a hop.
 *
 * @see Rowstron and Druschel, "Pastry", 2001; Rhea et al., "Handling Churn in a DHT", USENIX 2004
 */
export class Bamboo extends ArcGeometry implements Geometry {
  static readonly slots = 16 * keyDigits;
  readonly slotMembersMin = 1;

  slotOf(id: Key): number {
    const row = sharedDigits(this.ring.self.id, id);
    return 16 * row + Number.parseInt(id.charAt(row), 16);
  }

  nearest(key: Key, n: number): number[] {
    return this.around(key, n);
  }

  replicaRegion(index: number, n: number): RegionSet {
    if (this.ring.size <= n) return new RegionSet([wholeRing]);
    const id = this.ring.id(index);
    return new RegionSet([{ from: midpoint(this.ring.id(index - n), id), to: midpoint(id, this.ring.id(index + n)) }]);
  }

  /** Of two members equally far the clockwise one counts as nearer. */
  distance(key: Key, id: Key): bigint {
    const ahead = clockwise(pointOf(key), pointOf(id));
    const behind = clockwise(pointOf(id), pointOf(key));
    return ahead <= behind ? 2n * ahead : 2n * behind + 1n;
  }

  nextHops(key: Key, n: number): number[] {
    const nearest = this.nearest(key, n + 1);
    const end = nearest.indexOf(this.ring.selfIndex);
    return nearest.slice(0, end === -1 ? n : end);
  }

  protected start(index: number): Key {
    return midpoint(this.ring.id(index - 1), this.ring.id(index));
  }
}
