import type { Key } from '../overlay.ts';
import type { RegionSet } from '../region.ts';
import type { ContactRing } from './contact-ring.ts';

/**
 * What tells one geometry from another: who owns a key, and whom a node has to know. Pure functions of the members in
 * a `ContactRing`, which are named by their indices; runs of indices may go on past the end of the ring.
 */
export interface Geometry {
  /** As many members of a slot are kept whatever the budget, if there are as many. */
  readonly slotMembersMin: number;
  /** Contacts fall into slots so that routes are short. The slot of any id but this node's is an integer below `slots`. */
  slotOf(id: Key): number;

  /** Members that must be watched over for this node's region and replicas to be right. */
  leaves(): number[];
  /** Whether a newcomer would be one of them. */
  wouldBeLeaf(id: Key): boolean;
  /** Whether leaves and regions stay as they are when a member that is no leaf comes or goes. */
  readonly isDecidedByLeaves: boolean;
  /** Up to `n` members around a position, nearest first. */
  around(key: Key, n: number): number[];
  /** Members by whom a node at `id` finds its place, nearest first: its region would come out wrong without them. */
  bearings(id: Key): number[];

  /** The `n` members that keep copies of `key`, the owner first. */
  nearest(key: Key, n: number): number[];
  /** Members that keep copies of any of the keys, each once, those near to one another side by side. */
  keepers(keys: RegionSet, n: number): number[];
  /** Keys that the members from `first` to before `end` own. */
  cells(first: number, end: number): RegionSet;
  /** Keys for which a member is among the `n` that keep copies. */
  replicaRegion(index: number, n: number): RegionSet;

  /** How many of two or more members in ring order, not all and not none, make up the first part of a run cut in two. */
  parting(members: readonly number[]): number;
  /** Whether a member knows most of those ahead of it, and not as many on either side. */
  readonly looksAhead: boolean;

  /** How far from the key a member stands, as hops go: each makes it less, but for one to who is taken for the owner. */
  distance(key: Key, id: Key): bigint;
  /**
   * Members by whom `key` comes nearer, best first, at most `n`; this node is not the owner.
   * @param isAllKnown whether this node keeps every member of a slot that it hears of
   */
  nextHops(key: Key, n: number, isAllKnown: (slot: number) => boolean): number[];
}

export interface GeometryOptions {
  /** Nearest members watched over. */
  readonly leafSetSize: number;
}

export interface GeometryConstructor {
  /** How many slots there are. */
  readonly slots: number;
  new (ring: ContactRing, options: GeometryOptions): Geometry;
}
