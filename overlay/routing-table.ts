import type { Contact, Key } from './overlay.ts';
import type { RegionSet } from './region.ts';
import type { Address } from './runtime.ts';

/**
 * What a node knows of the ring, and what follows from it: owners, replicas, next hops, regions. Pure and
 * synchronous: it is told what was heard and what failed; others send the messages and keep the clocks.
 * `geometry/` has one implementation for all geometries. Sets of regions that it returns are not to be changed.
 */
export interface RoutingTable {
  readonly self: Contact;
  /** Members known, this node included. */
  readonly size: number;

  /**
   * A member is alive. `rttMs` is a measured round trip, where there is one.
   * Returns `added` or `moved` (a known id at a new address) when the table changed, `known` when it did not,
   * `ignored` when the budget has no room for it. `letGo` is told of members that made room for it.
   */
  heard(contact: Contact, rttMs?: number, letGo?: (contact: Contact) => void): 'added' | 'moved' | 'known' | 'ignored';
  /** A member failed or left; returns it if it was known. */
  remove(id: Key): Contact | undefined;
  get(id: Key): Contact | undefined;
  /** Some other member that lives at this address. */
  at(address: Address): Contact | undefined;
  /** Whether `heard` would take this contact in without knowing its round trip. */
  wants(contact: Contact): boolean;

  /** Every member known, this node included, in ring order. The array is not changed later. */
  contacts(): readonly Contact[];
  /** Some member, perhaps this node; `random` is uniform in [0, 1). */
  sample(random: number): Contact;
  /** Members that must be watched over for this node's region and replicas to be right; ring order not promised. */
  leaves(): readonly Contact[];
  isLeaf(id: Key): boolean;
  /** Whether somebody standing there belongs to them, or would if it were known. */
  wouldBeLeaf(id: Key): boolean;
  /** Up to `n` members around a position, nearest first; a member standing exactly there is left out. */
  around(key: Key, n: number): readonly Contact[];
  /** The next member outside the leaf set whose health to check: the one heard of least recently. */
  nextToProbe(): Contact | undefined;
  /** Members by whom a newcomer at `id` finds its place, nearest first: its region would come out wrong without them. */
  bearingsFor(id: Key): readonly Contact[];
  /** The same for this node, which has only heard of `contacts`. */
  bearingsAmong(contacts: Iterable<Contact>): readonly Contact[];

  /** Keys that this node owns. */
  region(): RegionSet;
  /** Keys for which this node is among the `n` members that keep copies. */
  replicaRegion(n: number): RegionSet;
  /** The same for another member, as this table sees it. */
  replicaRegionOf(id: Key, n: number): RegionSet;
  owns(key: Key): boolean;
  owner(key: Key): Contact;
  /** The `n` members that keep copies of `key`, the owner first. */
  replicas(key: Key, n: number): readonly Contact[];
  /** Members that keep copies of any of the keys, when `n` do of each. */
  keepers(keys: RegionSet, n: number): readonly Contact[];
  /**
   * Members by whom `key` comes nearer than it is to this node, best first, at most `n`; none when this node is the
   * owner. The first of them again and again leads to the owner, nowhere twice, if all know their leaf sets.
   */
  nextHops(key: Key, n: number): readonly Contact[];
  /**
   * How far from the key a member stands, the same for all members: each hop of `nextHops` makes it less, but for at most
   * one of them, who is taken for the owner and stands past the key, as in Chord.
   */
  distance(key: Key, id: Key): bigint;
  /**
   * Parts of `keys`: `own` are this node's, the others tile the rest and go to at most `fanout` members, none of them
   * this node. Each part holds the id of the member it goes to, or else some of it belongs to that member.
   */
  split(keys: RegionSet, fanout: number): TableSplit;
  /**
   * Parts for what concerns members, not keys: whoever stands among `keys`, but for this node, belongs to one part, by its id,
   * though its own keys may belong to two. Each goes to a member of it, if this node knows any member among `keys`. Regions
   * in which nobody can stand are left out.
   */
  spread(keys: RegionSet, fanout: number): readonly TablePart[];

  /** @throws AssertionError when the structure is broken */
  checkInvariants(): void;
}

export interface TablePart {
  readonly to: Contact;
  readonly region: RegionSet;
}

export interface TableSplit {
  readonly own: RegionSet;
  readonly delegate: readonly TablePart[];
}
