import { strict as assert } from 'node:assert';
import { inRegion, keyBeside } from '../keys.ts';
import type { Contact, Key, Region } from '../overlay.ts';
import { RegionSet } from '../region.ts';
import type { RoutingTable, TablePart, TableSplit } from '../routing-table.ts';
import type { Address } from '../runtime.ts';
import { Bamboo } from './bamboo.ts';
import { Chord } from './chord.ts';
import { ContactRing } from './contact-ring.ts';
import type { Geometry, GeometryConstructor, GeometryOptions } from './geometry.ts';
import { Kademlia } from './kademlia.ts';

export const geometries = ['bamboo', 'chord', 'kademlia'] as const;
export type GeometryName = (typeof geometries)[number];

export interface ContactTableOptions extends GeometryOptions {
  readonly geometry: GeometryName;
  /** Contacts kept even if the geometry does not demand them; 0 keeps no more than it demands. */
  readonly contactsMax: number;
}

const constructors: Readonly<Record<GeometryName, GeometryConstructor>> = {
  bamboo: Bamboo,
  chord: Chord,
  kademlia: Kademlia,
};

/**
 * The routing table of every geometry: all members known in ring order, and a budget.
 *
 * When the budget is spent, the leaf set and a few members of every slot are kept all the same; otherwise the fullest
 * slot loses its slowest member, unmeasured ones first. Slots thus fill up evenly and with near members. A newcomer
 * that would only make the fullest slot fuller is turned away unless it is quicker than one of that slot: members that
 * have lived long tend to live on (Maymounkov and Mazieres, 2002), and all are asked in turn whether they still do.
 */
export class ContactTable implements RoutingTable {
  readonly self: Contact;
  readonly #options: ContactTableOptions;
  readonly #ring: ContactRing;
  readonly #geometry: Geometry;
  // Kept between changes.
  #leaves: readonly Contact[] | null = null;
  #leafIds: ReadonlySet<Key> | null = null;
  #region: RegionSet | null = null;
  #fullestSlot: number | null = null;

  constructor(self: Contact, options: ContactTableOptions) {
    this.self = self;
    this.#options = options;
    const geometry = constructors[options.geometry];
    this.#ring = new ContactRing(self, geometry.slots);
    this.#geometry = new geometry(this.#ring, options);
  }

  get size(): number {
    return this.#ring.size;
  }

  // ---- What is known

  heard(
    contact: Contact,
    rttMs?: number,
    letGo: (contact: Contact) => void = () => {},
  ): 'added' | 'moved' | 'known' | 'ignored' {
    const index = this.#ring.indexOf(contact.id);
    if (index >= 0) {
      if (contact.id === this.self.id) return 'known';
      if (rttMs !== undefined) this.#ring.measure(index, rttMs);
      this.#ring.visit(index);
      if (this.#ring.at(index).address === contact.address) return 'known';
      this.#ring.replace(index, contact);
      this.#leaves = null;
      return 'moved';
    }
    const slot = this.#geometry.slotOf(contact.id);
    if (!this.#hasRoomFor(contact.id, slot)) {
      const rival = this.#slowestOf(slot);
      if (rttMs === undefined || rival < 0 || rttMs >= this.#ring.rttMs(rival)) return 'ignored';
      letGo(this.#removeAt(rival));
    }
    const isLeaf = this.#geometry.wouldBeLeaf(contact.id);
    this.#ring.insert(contact, slot, rttMs ?? Number.POSITIVE_INFINITY);
    this.#changed(isLeaf);
    this.#trim(letGo);
    return 'added';
  }

  remove(id: Key): Contact | undefined {
    const index = this.#ring.indexOf(id);
    return index < 0 || id === this.self.id ? undefined : this.#removeAt(index);
  }

  get(id: Key): Contact | undefined {
    const index = this.#ring.indexOf(id);
    return index < 0 ? undefined : this.#ring.at(index);
  }

  at(address: Address): Contact | undefined {
    const index = this.#ring.indexAt(address);
    return index < 0 || index === this.#ring.selfIndex ? undefined : this.#ring.at(index);
  }

  wants({ id }: Contact): boolean {
    return this.#ring.indexOf(id) < 0 && this.#hasRoomFor(id, this.#geometry.slotOf(id));
  }

  contacts(): readonly Contact[] {
    return this.#ring.contacts();
  }

  sample(random: number): Contact {
    return this.#ring.at(Math.floor(random * this.size));
  }

  leaves(): readonly Contact[] {
    this.#leaves ??= this.#named(this.#geometry.leaves());
    return this.#leaves;
  }

  isLeaf(id: Key): boolean {
    this.#leafIds ??= new Set(this.leaves().map((leaf) => leaf.id));
    return this.#leafIds.has(id);
  }

  wouldBeLeaf(id: Key): boolean {
    return this.#ring.indexOf(id) < 0 ? this.#geometry.wouldBeLeaf(id) : this.isLeaf(id);
  }

  around(key: Key, n: number): readonly Contact[] {
    return this.#named(this.#geometry.around(key, n + 1))
      .filter(({ id }) => id !== key)
      .slice(0, n);
  }

  nextToProbe(): Contact | undefined {
    const index = this.#ring.leastRecent((i) => i !== this.#ring.selfIndex && !this.isLeaf(this.#ring.id(i)));
    if (index < 0) return undefined;
    this.#ring.visit(index);
    return this.#ring.at(index);
  }

  bearingsFor(id: Key): readonly Contact[] {
    return this.#named(this.#geometry.bearings(id)).filter((contact) => contact.id !== id);
  }

  bearingsAmong(contacts: Iterable<Contact>): readonly Contact[] {
    const rumoured = new ContactTable(this.self, { ...this.#options, contactsMax: Number.POSITIVE_INFINITY });
    for (const contact of contacts) rumoured.heard(contact);
    return rumoured.bearingsFor(this.self.id);
  }

  // ---- What follows

  region(): RegionSet {
    const { selfIndex } = this.#ring;
    this.#region ??= this.#geometry.cells(selfIndex, selfIndex + 1);
    return this.#region;
  }

  replicaRegion(n: number): RegionSet {
    return this.#geometry.replicaRegion(this.#ring.selfIndex, n);
  }

  replicaRegionOf(id: Key, n: number): RegionSet {
    const index = this.#ring.indexOf(id);
    assert(index >= 0, 'the member is known');
    return this.#geometry.replicaRegion(index, n);
  }

  owns(key: Key): boolean {
    return this.region().has(key);
  }

  owner(key: Key): Contact {
    return this.replicas(key, 1)[0] as Contact;
  }

  replicas(key: Key, n: number): readonly Contact[] {
    return this.#named(this.#geometry.nearest(key, n));
  }

  keepers(keys: RegionSet, n: number): readonly Contact[] {
    return this.#named(this.#geometry.keepers(keys, n));
  }

  nextHops(key: Key, n: number): readonly Contact[] {
    if (this.owns(key)) return [];
    return this.#named(this.#geometry.nextHops(key, n, (slot) => this.#hasRoomIn(slot)));
  }

  distance(key: Key, id: Key): bigint {
    return this.#geometry.distance(key, id);
  }

  split(keys: RegionSet, fanout: number): TableSplit {
    const own = keys.intersect(this.region());
    const rest = own.missingFrom(keys);
    return { own, delegate: this.#shareOut(rest, this.#othersWithin(rest).map(alone), fanout) };
  }

  spread(keys: RegionSet, fanout: number): readonly TablePart[] {
    const others = this.region().missingFrom(keys).regions();
    const rest = new RegionSet(others.filter((region) => !this.#isDeserted(region)));
    const owners = this.#othersWithin(rest);
    const families = this.#familiesWithin(rest, owners);
    if (families.length === 0) return this.#shareOut(rest, owners.map(alone), fanout);
    if (!this.#geometry.looksAhead) return this.#shareOut(rest, families, fanout);
    return this.#shareOutAhead(rest, families.map(headOfFamily), fanout);
  }

  checkInvariants(): void {
    this.#ring.checkInvariants();
    for (const [i, contact] of this.contacts().entries()) {
      if (contact !== this.self)
        assert(this.#ring.slot(i) === this.#geometry.slotOf(contact.id), 'slots belong to ids');
    }
    assert(this.region().has(this.self.id), 'a node owns its own id');
    assert.deepEqual(this.leaves(), this.#named(this.#geometry.leaves()), 'leaves are up to date');
    const { selfIndex } = this.#ring;
    assert(this.region().equals(this.#geometry.cells(selfIndex, selfIndex + 1)), 'so is the region');
    const { leafSetSize, contactsMax } = this.#options;
    const leaves = new Set(this.leaves());
    assert(leaves.size >= Math.min(this.size - 1, leafSetSize / 2), 'the leaf set is filled');
    if (this.size - 1 <= contactsMax) return;
    const slots = new Uint16Array(this.#ring.slots);
    for (const [i, contact] of this.contacts().entries()) {
      if (contact === this.self || leaves.has(contact)) continue;
      const slot = this.#ring.slot(i);
      slots[slot] = (slots[slot] as number) + 1;
      assert((slots[slot] as number) <= this.#geometry.slotMembersMin, 'the budget is kept');
    }
  }

  // ---- The budget

  /** Whether the budget lets another member of a slot in. */
  #hasRoomIn(slot: number): boolean {
    const size = this.#ring.slotSize(slot);
    return (
      this.size - 1 < this.#options.contactsMax ||
      size < this.#geometry.slotMembersMin ||
      size + 1 < this.#ring.slotSize(this.#fullest())
    );
  }

  #hasRoomFor(id: Key, slot: number): boolean {
    return this.#hasRoomIn(slot) || this.#geometry.wouldBeLeaf(id);
  }

  /** Lets go of what exceeds the budget, as far as the geometry can do without it. */
  #trim(letGo: (contact: Contact) => void): void {
    while (this.size - 1 > this.#options.contactsMax) {
      const slot = this.#fullest();
      if (this.#ring.slotSize(slot) <= this.#geometry.slotMembersMin) return;
      const slowest = this.#slowestOf(slot);
      if (slowest < 0) return;
      letGo(this.#removeAt(slowest));
    }
  }

  /** The slot of most members among those that have any outside the leaf set. */
  #fullest(): number {
    this.#fullestSlot ??= this.#ring.fullestSlot((slot) => this.#hasExpendable(slot));
    return this.#fullestSlot;
  }

  /** Whether a slot has members outside the leaf set. */
  #hasExpendable(slot: number): boolean {
    const size = this.#ring.slotSize(slot);
    const leaves = this.leaves();
    if (size > leaves.length) return true;
    return size > leaves.filter(({ id }) => this.#ring.slot(this.#ring.indexOf(id)) === slot).length;
  }

  /** Index of the member of a slot, leaf set excepted, whose round trip is longest; -1 when there is none. */
  #slowestOf(slot: number): number {
    let slowest = -1;
    for (const i of this.#ring.membersOf(slot)) {
      if (slowest >= 0 && this.#ring.rttMs(i) <= this.#ring.rttMs(slowest)) continue;
      if (!this.isLeaf(this.#ring.id(i))) slowest = i;
    }
    return slowest;
  }

  // ---- Inside

  #removeAt(index: number): Contact {
    const wasLeaf = this.isLeaf(this.#ring.id(index));
    const contact = this.#ring.removeAt(index);
    this.#changed(wasLeaf);
    return contact;
  }

  #changed(isLeaf: boolean): void {
    this.#fullestSlot = null;
    if (!isLeaf && this.#geometry.isDecidedByLeaves) return;
    this.#leaves = null;
    this.#leafIds = null;
    this.#region = null;
  }

  /** Owners of any of the keys, but for this node. */
  #othersWithin(keys: RegionSet): number[] {
    if (keys.isEmpty) return [];
    return this.#geometry.keepers(keys, 1).filter((index) => index !== this.#ring.selfIndex);
  }

  /** Members that stand among the keys, each followed by those owners next to it that stand elsewhere. */
  #familiesWithin(keys: RegionSet, owners: readonly number[]): number[][] {
    const families: number[][] = [];
    const early: number[] = [];
    for (const index of owners) {
      if (keys.has(this.#ring.id(index))) families.push([index]);
      else (families.at(-1) ?? early).push(index);
    }
    families[0]?.push(...early);
    return families;
  }

  /** Whether nobody stands there: this node knows of nobody, and it would. */
  #isDeserted({ from, to }: Region): boolean {
    if (inRegion(this.#ring.id(this.#ring.indexFrom(from)), { from, to })) return false;
    // It lies between two members, and what holds for both of its ends holds for all of it.
    return this.#geometry.wouldBeLeaf(from) && this.#geometry.wouldBeLeaf(keyBeside(to, -1n));
  }

  /** Deals out the keys that families own to at most `fanout` of their heads. */
  #shareOut(keys: RegionSet, families: readonly (readonly number[])[], fanout: number): TablePart[] {
    assert(fanout >= 1, 'somebody may be given the rest');
    const heads = families.map(headOfFamily);
    return this.#runs(heads, fanout).map(([start, end]) => {
      const region = keys.intersect(this.#cellsOf(families.slice(start, end).flat()));
      // Whoever knows most of the run.
      const best = this.#geometry.looksAhead ? start : (start + end) >>> 1;
      const guide = [best, best + 1, best - 1].find(
        (i) => i >= start && i < end && region.has(this.#ring.id(heads[i] as number)),
      );
      return { to: this.#ring.at(heads[guide ?? best] as number), region };
    });
  }

  /**
   * Deals out keys to at most `fanout` of the members that stand among them, each of whom knows most of those ahead of it
   * and few behind: what a member is given begins where it stands.
   *
   * @see El-Ansary et al., "Efficient Broadcast in Structured P2P Networks", IPTPS 2003
   */
  #shareOutAhead(keys: RegionSet, members: readonly number[], fanout: number): TablePart[] {
    assert(fanout >= 1, 'somebody may be given the rest');
    const { selfIndex, size } = this.#ring;
    const ahead = (index: number): number => (index - selfIndex + size) % size;
    const ordered = members.toSorted((a, b) => ahead(a) - ahead(b));
    const starts = this.#runs(ordered, fanout).map(([start]) => ordered[start] as number);
    return starts.map((index, i) => {
      const from = i === 0 ? this.self.id : this.#ring.id(index);
      const to = i + 1 < starts.length ? this.#ring.id(starts[i + 1] as number) : this.self.id;
      return { to: this.#ring.at(index), region: keys.intersect({ from, to }) };
    });
  }

  /** Cuts members in ring order into at most `n` runs, `[start, end)` each, the longest one again and again. */
  #runs(members: readonly number[], n: number): [number, number][] {
    const runs: [number, number][] = members.length > 0 ? [[0, members.length]] : [];
    while (runs.length < Math.min(n, members.length)) {
      const lengths = runs.map(([start, end]) => end - start);
      const longest = lengths.indexOf(Math.max(...lengths));
      const [start, end] = runs[longest] as [number, number];
      const middle = start + this.#geometry.parting(members.slice(start, end));
      runs.splice(longest, 1, [start, middle], [middle, end]);
    }
    return runs;
  }

  #named(indices: readonly number[]): Contact[] {
    return indices.map((index) => this.#ring.at(index));
  }

  #cellsOf(members: readonly number[]): RegionSet {
    const cells = new RegionSet();
    for (let start = 0, end = 1; end <= members.length; end++) {
      if (members[end] === (members[end - 1] as number) + 1) continue;
      cells.addAll(this.#geometry.cells(members[start] as number, (members[end - 1] as number) + 1));
      start = end;
    }
    return cells;
  }
}

function alone(index: number): number[] {
  return [index];
}

function headOfFamily([head]: readonly number[]): number {
  return head as number;
}
