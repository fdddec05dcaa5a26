import { strict as assert } from 'node:assert';
import { clockwise, inRegion, keyAt, midpoint, pointOf, sharedDigits } from './keys.ts';
import type { Contact, Key, Region } from './overlay.ts';
import { RegionSet, wholeRing } from './region.ts';
import type { RoutingTable, TableSplit } from './routing-table.ts';

/** A member with what the table remembers of it. */
interface Entry {
  contact: Contact;
  readonly point: bigint;
  rttMs: number;
  /** Number of the prefix-table slot that it falls in, as seen from this node. */
  readonly slot: number;
}

export interface BambooOptions {
  readonly contactsMax: number;
  readonly leafSetSize: number;
}

/**
 * Pastry's geometry as Bamboo runs it: prefix routing with 16 ways a digit, and a leaf set of nearest members.
 *
 * All members known stand in one array in ring order. A slot of Pastry's prefix table (members that share
 * `row` digits with this node and differ in the next) is a run of that array, the leaf set the
 * entries around this node, so neither needs a structure of its own; going to the known member nearest to
 * the key resolves at least one digit a hop. The geometry decides what is kept when the budget is full: the leaf
 * set always, otherwise the fullest slot loses its slowest member, so every slot keeps its nearest ones.
 *
 * @see Rowstron and Druschel, "Pastry", 2001; Rhea et al., "Handling Churn in a DHT", USENIX 2004
 */
export class BambooTable implements RoutingTable {
  readonly self: Contact;
  readonly #contactsMax: number;
  readonly #side: number;
  readonly #ring: Entry[];
  readonly #byId = new Map<Key, Entry>();
  readonly #slotSizes = new Map<number, number>();
  #selfIndex = 0;
  // Kept between changes.
  #contacts: readonly Contact[] | null = null;
  #leaves: readonly Contact[] | null = null;
  #region: Region | null = null;
  #evictable: Entry | null = null;
  #lastProbed: Key;

  constructor(self: Contact, options: BambooOptions) {
    this.self = self;
    assert(options.contactsMax > options.leafSetSize, 'the budget has room for the leaf set');
    this.#contactsMax = options.contactsMax;
    this.#side = options.leafSetSize / 2;
    const entry: Entry = { contact: self, point: pointOf(self.id), rttMs: 0, slot: -1 };
    this.#ring = [entry];
    this.#byId.set(self.id, entry);
    this.#lastProbed = self.id;
  }

  get size(): number {
    return this.#ring.length;
  }

  // ---- What is known

  heard(contact: Contact, rttMs?: number): 'added' | 'moved' | 'known' | 'ignored' {
    const known = this.#byId.get(contact.id);
    if (known) {
      if (rttMs !== undefined) known.rttMs = rttMs;
      if (contact.id === this.self.id || known.contact.address === contact.address) return 'known';
      known.contact = contact;
      this.#changed();
      return 'moved';
    }
    if (rttMs === undefined && !this.wants(contact)) return 'ignored';
    this.#insert({
      contact,
      point: pointOf(contact.id),
      rttMs: rttMs ?? Number.POSITIVE_INFINITY,
      slot: this.#slotOf(contact.id),
    });
    if (this.#ring.length > this.#contactsMax) {
      const evicted = this.#leastUseful();
      this.remove(evicted.contact.id);
      if (evicted.contact === contact) return 'ignored';
    }
    return 'added';
  }

  remove(id: Key): Contact | undefined {
    const entry = this.#byId.get(id);
    if (!entry || id === this.self.id) return undefined;
    const index = this.#indexFrom(id);
    this.#ring.splice(index, 1);
    if (index < this.#selfIndex) this.#selfIndex -= 1;
    this.#byId.delete(id);
    this.#slotSizes.set(entry.slot, this.#slotSize(entry.slot) - 1);
    this.#changed();
    return entry.contact;
  }

  get(id: Key): Contact | undefined {
    return this.#byId.get(id)?.contact;
  }

  wants(contact: Contact): boolean {
    if (this.#byId.has(contact.id)) return false;
    if (this.#ring.length < this.#contactsMax || this.#wouldBeLeaf(contact.id)) return true;
    return this.#slotSize(this.#slotOf(contact.id)) + 1 < this.#slotSize(this.#leastUseful().slot);
  }

  contacts(): readonly Contact[] {
    this.#contacts ??= this.#ring.map((entry) => entry.contact);
    return this.#contacts;
  }

  leaves(): readonly Contact[] {
    this.#leaves ??= this.#computeLeaves();
    return this.#leaves;
  }

  isLeaf(id: Key): boolean {
    if (id === this.self.id || !this.#byId.has(id)) return false;
    const size = this.#ring.length;
    const steps = (this.#indexFrom(id) - this.#selfIndex + size) % size;
    return Math.min(steps, size - steps) <= this.#side;
  }

  around(key: Key, n: number): readonly Contact[] {
    return this.#nearest(key, n, key);
  }

  nextToProbe(): Contact | undefined {
    const size = this.#ring.length;
    let index = this.#indexAfter(this.#lastProbed);
    for (let tried = 0; tried < size; tried++, index++) {
      const candidate = (this.#ring[index % size] as Entry).contact;
      if (candidate.id === this.self.id || this.isLeaf(candidate.id)) continue;
      this.#lastProbed = candidate.id;
      return candidate;
    }
    return undefined;
  }

  // ---- What follows

  region(): Region {
    this.#region ??= this.replicaRegion(1);
    return this.#region;
  }

  replicaRegion(n: number): Region {
    return this.#replicaRegionAt(this.#selfIndex, n);
  }

  replicaRegionOf(id: Key, n: number): Region {
    assert(this.#byId.has(id), 'the member is known');
    return this.#replicaRegionAt(this.#indexFrom(id), n);
  }

  owns(key: Key): boolean {
    return inRegion(key, this.region());
  }

  owner(key: Key): Contact {
    return this.replicas(key, 1)[0] as Contact;
  }

  replicas(key: Key, n: number): readonly Contact[] {
    return this.#nearest(key, n, null);
  }

  nextHops(key: Key, n: number): readonly Contact[] {
    const nearest = this.#nearest(key, n + 1, null);
    const end = nearest.findIndex((contact) => contact.id === this.self.id);
    return nearest.slice(0, end === -1 ? n : Math.min(end, n));
  }

  split(region: Region, fanout: number): TableSplit {
    assert(fanout >= 2, 'a region may leave two parts around this node');
    const mine = this.region();
    const own = new RegionSet([region]).intersect(mine);
    const rest = own.missingFrom(region).regions();
    const arcs = rest.map((arc) => this.#membersOf(arc));
    const members = arcs.reduce((sum, arc) => sum + arc.count, 0);
    const delegate: { to: Contact; region: Region }[] = [];
    let partsLeft = fanout;
    let membersLeft = members;
    for (const [i, arc] of arcs.entries()) {
      const arcsAfter = arcs.length - i - 1;
      const fair = Math.round((partsLeft * arc.count) / membersLeft);
      const parts = Math.max(1, Math.min(fair, arc.count, partsLeft - arcsAfter));
      delegate.push(...this.#cut(arc, parts));
      partsLeft -= parts;
      membersLeft -= arc.count;
    }
    return { own: own.regions(), delegate };
  }

  checkInvariants(): void {
    for (let i = 1; i < this.#ring.length; i++) {
      assert((this.#ring[i - 1] as Entry).point < (this.#ring[i] as Entry).point, 'members stand in ring order');
    }
    assert(this.#ring[this.#selfIndex]?.contact === this.self, 'this node stands where it thinks');
    assert(this.#byId.size === this.#ring.length, 'ids and ring agree');
    const slots = new Map<number, number>();
    for (const entry of this.#ring) {
      assert(this.#byId.get(entry.contact.id) === entry, 'ids and ring agree');
      if (entry.slot >= 0) slots.set(entry.slot, (slots.get(entry.slot) ?? 0) + 1);
    }
    for (const [slot, size] of this.#slotSizes) assert(size === (slots.get(slot) ?? 0), 'slots are counted');
    assert(this.#ring.length <= this.#contactsMax, 'the budget is kept');
    assert(inRegion(this.self.id, this.region()), 'a node owns its own id');
  }

  // ---- The ring

  #changed(): void {
    this.#contacts = null;
    this.#leaves = null;
    this.#region = null;
    this.#evictable = null;
  }

  #computeLeaves(): readonly Contact[] {
    const size = this.#ring.length;
    if (size - 1 <= 2 * this.#side) return this.contacts().filter((contact) => contact !== this.self);
    const leaves: Contact[] = [];
    for (let step = 1; step <= this.#side; step++) leaves.push(this.#fromSelf(step), this.#fromSelf(-step));
    return leaves;
  }

  #insert(entry: Entry): void {
    const index = this.#indexFrom(entry.contact.id);
    this.#ring.splice(index, 0, entry);
    if (index <= this.#selfIndex) this.#selfIndex += 1;
    this.#byId.set(entry.contact.id, entry);
    this.#slotSizes.set(entry.slot, this.#slotSize(entry.slot) + 1);
    this.#changed();
  }

  /** Index of the first member at or after `key`; the ring's size when there is none. */
  #indexFrom(key: Key): number {
    let low = 0;
    let high = this.#ring.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ring[middle] as Entry).contact.id < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #indexAfter(key: Key): number {
    const index = this.#indexFrom(key);
    return this.#ring[index]?.contact.id === key ? index + 1 : index;
  }

  /** The entry at an index that may lie up to one turn outside the array. */
  #entry(index: number): Entry {
    const size = this.#ring.length;
    return this.#ring[((index % size) + size) % size] as Entry;
  }

  #fromSelf(steps: number): Contact {
    return this.#entry(this.#selfIndex + steps).contact;
  }

  /** Walks outwards from `key` in both directions, always taking the nearer member; of equals the clockwise one. */
  #nearest(key: Key, n: number, except: Key | null): readonly Contact[] {
    const point = pointOf(key);
    const size = this.#ring.length;
    const nearest: Contact[] = [];
    let after = this.#indexFrom(key);
    let before = after - 1;
    while (nearest.length < n && after - before <= size) {
      const next = this.#entry(after);
      const previous = this.#entry(before);
      const nextIsNearer = clockwise(point, next.point) <= clockwise(previous.point, point);
      const { contact } = nextIsNearer ? next : previous;
      if (nextIsNearer) after += 1;
      else before -= 1;
      if (contact.id !== except) nearest.push(contact);
    }
    return nearest;
  }

  #replicaRegionAt(index: number, n: number): Region {
    if (this.#ring.length <= n) return wholeRing;
    const { id } = this.#entry(index).contact;
    return {
      from: midpoint(this.#entry(index - n).contact.id, id),
      to: midpoint(id, this.#entry(index + n).contact.id),
    };
  }

  // ---- Splitting

  /** The members that own keys of an arc of which this node owns none: a run of the ring. */
  #membersOf(arc: Region): Arc {
    const size = this.#ring.length;
    const first = this.#ownerIndex(arc.from);
    const last = this.#ownerIndex(keyAt(pointOf(arc.to) - 1n));
    return { region: arc, first, count: ((last - first + size) % size) + 1 };
  }

  #ownerIndex(key: Key): number {
    const size = this.#ring.length;
    const point = pointOf(key);
    const after = this.#indexFrom(key);
    const toNext = clockwise(point, this.#entry(after).point);
    const toPrevious = clockwise(this.#entry(after - 1).point, point);
    return (toNext <= toPrevious ? after : after - 1 + size) % size;
  }

  /** Divides an arc into parts of equally many members, each for the member nearest its middle. */
  #cut(arc: Arc, parts: number): { to: Contact; region: Region }[] {
    const id = (i: number): Key => this.#entry(arc.first + i).contact.id;
    const boundary = (i: number): Key => midpoint(id(i - 1), id(i));
    const cut: { to: Contact; region: Region }[] = [];
    for (let part = 0; part < parts; part++) {
      const start = Math.floor((part * arc.count) / parts);
      const end = Math.floor(((part + 1) * arc.count) / parts);
      const region = {
        from: part === 0 ? arc.region.from : boundary(start),
        to: part === parts - 1 ? arc.region.to : boundary(end),
      };
      const middle = (start + end) >>> 1;
      // Only the outermost members of an arc can stand outside it.
      const choice = [middle, middle + 1, middle - 1].find((i) => i >= start && i < end && inRegion(id(i), region));
      cut.push({ to: this.#entry(arc.first + (choice ?? middle)).contact, region });
    }
    return cut;
  }

  // ---- The budget

  /** Row and digit of Pastry's table in one number. */
  #slotOf(id: Key): number {
    const row = sharedDigits(this.self.id, id);
    return 16 * row + Number.parseInt(id.charAt(row), 16);
  }

  #wouldBeLeaf(id: Key): boolean {
    const size = this.#ring.length;
    const after = (this.#indexFrom(id) - this.#selfIndex + size) % size || size;
    return Math.min(after, size + 1 - after) <= this.#side;
  }

  /** The slowest member of the fullest slot, leaf set excepted; unmeasured is slowest. */
  #leastUseful(): Entry {
    this.#evictable ??= this.#findLeastUseful();
    return this.#evictable;
  }

  #findLeastUseful(): Entry {
    const size = this.#ring.length;
    let worst: Entry | null = null;
    // From the far edge of the leaf set clockwise to the near one.
    for (let step = this.#side + 1; step < size - this.#side; step++) {
      const entry = this.#entry(this.#selfIndex + step);
      const fuller = worst ? this.#slotSize(entry.slot) - this.#slotSize(worst.slot) : 1;
      if (fuller > 0 || (fuller === 0 && worst && entry.rttMs >= worst.rttMs)) worst = entry;
    }
    assert(worst, 'the budget has room for the leaf set');
    return worst;
  }

  #slotSize(slot: number): number {
    return this.#slotSizes.get(slot) ?? 0;
  }
}

/** A run of the ring, and the keys that its members are to divide among themselves. */
interface Arc {
  readonly region: Region;
  readonly first: number;
  readonly count: number;
}
