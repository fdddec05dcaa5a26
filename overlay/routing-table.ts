import type { Contact, Key, Region } from './overlay.ts';

/**
 * What a node knows of the ring, and what follows from it: owners, replicas, next hops, regions. Pure and
 * synchronous: it is told what was heard and what failed; others send the messages and keep the clocks.
 * A geometry (Bamboo, Chord, Kademlia) is one implementation.
 */
export interface RoutingTable {
  readonly self: Contact;
  /** Members known, this node included. */
  readonly size: number;

  /**
   * A member is alive. `rttMs` is a measured round trip, where there is one.
   * Returns `added` or `moved` (a known id at a new address) when the table changed, `known` when it did not,
   * `ignored` when the budget has no room for it.
   */
  heard(contact: Contact, rttMs?: number): 'added' | 'moved' | 'known' | 'ignored';
  /** A member failed or left; returns it if it was known. */
  remove(id: Key): Contact | undefined;
  get(id: Key): Contact | undefined;
  /** Whether `heard` would take this contact in. */
  wants(contact: Contact): boolean;

  /** Every member known, this node included, in ring order. The array is not changed later. */
  contacts(): readonly Contact[];
  /** Members that must be watched over for this node's region and replicas to be right; ring order not promised. */
  leaves(): readonly Contact[];
  isLeaf(id: Key): boolean;
  /** Up to `n` members around a position, nearest first; a member standing exactly there is left out. */
  around(key: Key, n: number): readonly Contact[];
  /** The next member outside the leaf set whose health to check, each in its turn. */
  nextToProbe(): Contact | undefined;

  /** Keys that this node owns. */
  region(): Region;
  /** Keys for which this node is among the `n` members that keep copies. */
  replicaRegion(n: number): Region;
  /** The same for another member, as this table sees it. */
  replicaRegionOf(id: Key, n: number): Region;
  owns(key: Key): boolean;
  owner(key: Key): Contact;
  /** The `n` members that keep copies of `key`, the owner first. */
  replicas(key: Key, n: number): readonly Contact[];
  /**
   * Members nearer to `key` than this node, best first, at most `n`; none when this node is the owner.
   * Each hop along them comes strictly nearer, so routing ends.
   */
  nextHops(key: Key, n: number): readonly Contact[];
  /**
   * Parts of `region`: `own` are this node's, the others tile the rest and go to at most `fanout` members
   * (at least 2), none of them this node. Each part holds the id of the member it goes to, or else belongs to it.
   */
  split(region: Region, fanout: number): TableSplit;

  /** @throws AssertionError when the structure is broken */
  checkInvariants(): void;
}

export interface TableSplit {
  readonly own: readonly Region[];
  readonly delegate: readonly { readonly to: Contact; readonly region: Region }[];
}
