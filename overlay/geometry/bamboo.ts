import { clockwise, keyDigits, midpoint, pointOf, sharedDigits } from '../keys.ts';
import type { Key } from '../overlay.ts';
import { RegionSet, wholeRing } from '../region.ts';
import { ArcGeometry } from './arcs.ts';
import type { Geometry } from './geometry.ts';

/**
 * Pastry's geometry as Bamboo runs it: a key belongs to the numerically nearest member, the clockwise one of two
 * equally near. Prefix routing with 16 ways a digit: a slot holds members that share `row` digits with this node and
 * differ in the next.
 *
 * Every hop leads nearer to the key on the ring, by an order that is the same for all members. So no route visits anybody
 * twice, whatever each of them knows, and it ends at one that knows nobody nearer: the owner, if leaf sets are right.
 * Which of the nearer members comes next is for speed only. It is the one nearest to the key if that is likely to be
 * the owner or to know it as a leaf. Otherwise it is the one that shares most digits with the key: the nearest one shares
 * few when the key is just beyond a boundary of digits, and its table leads on in small steps.
 *
 * @see Rowstron and Druschel, "Pastry", 2001; Rhea et al., "Handling Churn in a DHT", USENIX 2004
 */
export class Bamboo extends ArcGeometry implements Geometry {
  static readonly slots = 16 * keyDigits;
  readonly slotMembersMin = 1;
  readonly looksAhead = false;

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

  nextHops(key: Key, n: number, isAllKnown: (slot: number) => boolean): number[] {
    const nearest = this.nearest(key, n + 1);
    const isNearestBest = this.#isOwnerInSight(key, isAllKnown) || this.isBeside(key, nearest[0] as number);
    if (!isNearestBest) return this.#byDigits(key, n);
    const end = nearest.indexOf(this.ring.selfIndex);
    return nearest.slice(0, end === -1 ? n : end);
  }

  /** Whether nobody unknown should stand between the two known members on either side of the key. */
  #isOwnerInSight(key: Key, isAllKnown: (slot: number) => boolean): boolean {
    if (this.isAmongLeaves(key)) return true;
    const after = this.ring.indexFrom(key);
    const around = [key, this.ring.id(after - 1), this.ring.id(after)];
    return around.every((id) => isAllKnown(this.slotOf(id)));
  }

  /** Members nearer to the key than this node, those that share most digits with it first, then the nearest. */
  #byDigits(key: Key, n: number): number[] {
    const { self, size } = this.ring;
    const own = this.distance(key, self.id);
    const after = this.ring.indexFrom(key);
    const nearer: { index: number; digits: number; distance: bigint }[] = [];
    // On either side they share ever fewer digits, the farther they stand; this node ends one side, if not both.
    for (const [start, step] of [
      [after, 1],
      [after - 1, -1],
    ] as const) {
      for (let i = 0; i < n; i++) {
        const index = (start + step * i + size) % size;
        const id = this.ring.id(index);
        const distance = this.distance(key, id);
        if (distance >= own) break;
        nearer.push({ index, digits: sharedDigits(key, id), distance });
      }
    }
    nearer.sort((a, b) => b.digits - a.digits || (a.distance < b.distance ? -1 : 1));
    return nearer.slice(0, n).map(({ index }) => index);
  }

  protected start(index: number): Key {
    return midpoint(this.ring.id(index - 1), this.ring.id(index));
  }
}
