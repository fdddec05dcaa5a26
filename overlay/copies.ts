import { strict as assert } from 'node:assert';
import type { Advert } from './advert.ts';
import { Losses } from './losses.ts';
import type { Contact, Key, Loss, Region } from './overlay.ts';
import { type ReadonlyRegionSet, RegionSet } from './region.ts';
import type { RoutingTable } from './routing-table.ts';

/** What a neighbour last said of its copies. */
interface Neighbour {
  readonly contact: Contact;
  readonly advert: Advert;
  readonly atMs: number;
}

/** What the owner of some keys says of them. */
export interface Kept {
  /** What it keeps and holds, and would still have after a crash. */
  readonly held: RegionSet;
  /** Of that, what may lack something. */
  readonly lossy: RegionSet;
  /** What all who must keep it hold, as far as the owner knows. */
  readonly everywhere: RegionSet;
}

export interface Source {
  readonly contact: Contact;
  readonly region: Region;
}

/**
 * Which regions this node keeps, has and lacks, and who else has them. Decides only: `Replication` moves the data.
 *
 * - *kept*: what the table says it must keep a copy of;
 * - *held*: kept, complete, and reached by every write since. Only this may be served as an owner;
 * - *spare*: held once, not kept any more, and nobody else is known to hold it: the last complete copy. No
 *   owner accepts writes that it lacks, so it is served when an owner delegates to it;
 * - *retired*: like spare, but one who must keep it holds it by now and may have newer items. Dropped once
 *   all who must keep it hold it; until then a source of last resort, should that one be lost;
 * - *doubtful*: put together here from what members had on disk, and not known to be all: see `Gathering`;
 * - *stale*: retired, but from an earlier life of this node: read from its disk. It may be older than other copies, or all
 *   that is left. Not dropped before one who holds it has taken over what it lacked.
 *
 * What is held or spare is whole, or *lossy* where all copies had been lost: see `Losses`.
 */
export class Copies {
  readonly #table: RoutingTable;
  readonly #replicas: number;
  readonly #neighbours = new Map<Key, Neighbour>();
  #kept = new RegionSet();
  readonly #held = new RegionSet();
  readonly #spare = new RegionSet();
  readonly #retired = new RegionSet();
  readonly #losses = new Losses();
  readonly #stale = new RegionSet();
  readonly #doubtful = new RegionSet();
  #isLeaving = false;
  #isVolatile = false;
  #version = 0;
  /** Of neighbours outside the leaf set none was last heard before. */
  #saidSinceMs = Number.POSITIVE_INFINITY;

  constructor(table: RoutingTable, replicas: number) {
    this.#table = table;
    this.#replicas = replicas;
  }

  /** Another one after every change to what this node has or must keep, times of losses aside, or to what others say. */
  get version(): number {
    return this.#version;
  }

  /** Whether everything is for others to keep by now, as they know or will soon. */
  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  /** Whether the disk has failed: what is here would not survive a crash. */
  get isVolatile(): boolean {
    return this.#isVolatile;
  }

  get held(): ReadonlyRegionSet {
    return this.#held;
  }

  get spare(): ReadonlyRegionSet {
    return this.#spare;
  }

  get retired(): ReadonlyRegionSet {
    return this.#retired;
  }

  get stale(): ReadonlyRegionSet {
    return this.#stale;
  }

  /** What may be served for an owner that delegates. */
  servable(): RegionSet {
    const servable = this.#held.clone();
    servable.addAll(this.#spare);
    return servable;
  }

  /** Whether a key is in there. */
  serves(key: Key): boolean {
    return this.#held.has(key) || this.#spare.has(key);
  }

  get lossy(): ReadonlyRegionSet {
    return this.#losses.keys();
  }

  lossesIn(keys: RegionSet): Loss[] {
    return this.#losses.within(keys);
  }

  /** What others may read when nobody has anything better. */
  readable(): RegionSet {
    const readable = this.servable();
    readable.addAll(this.#retired);
    return readable;
  }

  /** Of what this node should have nothing. */
  strays(): RegionSet {
    const expected = this.readable();
    expected.addAll(this.#kept);
    expected.addAll(this.#stale);
    return expected.missingFrom(RegionSet.whole());
  }

  wanted(): RegionSet {
    return this.#held.missingFrom(this.#kept);
  }

  /** Whether nothing is to be read, healed, given back or dropped: not before the version is another. */
  get isAtRest(): boolean {
    const isIdle = this.#spare.isEmpty && this.#retired.isEmpty && this.#stale.isEmpty;
    return isIdle && this.wanted().isEmpty && this.healers().length === 0;
  }

  /** The first node of a ring has everything there is, but for what it knows that it has lost. */
  holdAll(losses: readonly Loss[] = []): void {
    this.#losses.unite(this.servable(), RegionSet.whole(), losses);
    this.#held.addAll(RegionSet.whole());
    this.#changed();
  }

  /**
   * An earlier life of this node left data on disk.
   * @param regions of which it had a complete copy then
   * @param stale where it may have something
   */
  recover(regions: RegionSet, stale: RegionSet): void {
    this.#retired.addAll(regions);
    this.#stale.addAll(stale);
    this.#changed();
  }

  /** Others have what was stale in a region. */
  returned(region: Region): void {
    this.#stale.remove(region);
    this.#changed();
  }

  /** To whom stale data that need not be kept here can be given back, and who may become such. */
  takersOfStale(): { sources: Source[]; unheard: Contact[] } {
    const parts = this.#kept.missingFrom(this.#stale);
    if (parts.isEmpty) return { sources: [], unheard: [] };
    // It goes once it was taken: not by one that may lose it.
    const { sources, orphans } = this.holdersOf(parts, (advert) => !advert.isVolatile);
    return { sources, unheard: this.#table.keepers(orphans, 1).filter(({ id }) => id !== this.#table.self.id) };
  }

  /** A complete copy of a region has arrived, with its flaws, or it is taken as empty for want of one. */
  hold(region: Region, losses: readonly Loss[]): void {
    const parts = this.#kept.intersect(region);
    this.#losses.unite(this.servable(), parts, losses);
    this.#held.addAll(parts);
    this.#retired.removeAll(parts);
    this.#stale.removeAll(parts);
    this.#changed();
  }

  /** All that another copy has was added to this node's, where it has one. Returns whether the advert changed. */
  united(theirs: RegionSet, losses: readonly Loss[]): boolean {
    const lossy = this.lossy;
    const mine = this.servable();
    this.#losses.unite(mine, mine.intersect(theirs), losses);
    const isOther = !this.lossy.equals(lossy);
    if (isOther) this.#changed();
    return isOther;
  }

  /** What was put together here may lack what others had, who are not back; only this node will find out. */
  doubt(region: Region): void {
    this.#doubtful.add(region);
    this.#changed();
  }

  /** That is for others to find out now. */
  leaveDoubt(region: Region): void {
    this.#doubtful.remove(region);
    this.#changed();
  }

  /** It is all that there was, but for some losses. Returns whether the advert changed. */
  assure(region: Region, losses: readonly Loss[]): boolean {
    this.#doubtful.remove(region);
    return this.united(new RegionSet([region]), losses);
  }

  /** The disk has failed, for good. Returns whether that is news, and the advert another. */
  becomeVolatile(): boolean {
    if (this.#isVolatile) return false;
    this.#isVolatile = true;
    this.#changed();
    return true;
  }

  /** From now on everything is for others to keep. */
  leave(): void {
    this.#isLeaving = true;
    this.reconsider();
  }

  /** The table changed. Returns whether the advert did. */
  reconsider(): boolean {
    this.#kept = this.#isLeaving ? new RegionSet() : this.#table.replicaRegion(this.#replicas);
    const leaving = this.#kept.missingFrom(this.#held);
    this.#held.removeAll(leaving);
    this.#spare.addAll(leaving);
    const back = this.#spare.intersect(this.#kept);
    this.#spare.removeAll(back);
    this.#held.addAll(back);
    // Some may have left the leaf set.
    this.#saidSinceMs = Number.NEGATIVE_INFINITY;
    this.#changed();
    if (!this.#spare.isEmpty) for (const neighbour of this.#neighbours.values()) this.#retireFor(neighbour);
    return !leaving.isEmpty || !back.isEmpty;
  }

  // ---- Neighbours

  /** Returns whether the own advert changed. */
  advertised(contact: Contact, advert: Advert, nowMs: number): boolean {
    const neighbour = { contact, advert, atMs: nowMs };
    this.#neighbours.set(contact.id, neighbour);
    this.#saidSinceMs = Math.min(this.#saidSinceMs, nowMs);
    this.#changed();
    return this.#retireFor(neighbour);
  }

  forget(id: Key): void {
    if (this.#neighbours.delete(id)) this.#changed();
  }

  /** Forgets what was said long ago by nodes that do not say it regularly. */
  forgetSilent(beforeMs: number): void {
    if (beforeMs <= this.#saidSinceMs) return;
    this.#saidSinceMs = Number.POSITIVE_INFINITY;
    for (const [id, { atMs }] of this.#neighbours) {
      if (this.#table.isLeaf(id)) continue;
      if (atMs < beforeMs) this.forget(id);
      else this.#saidSinceMs = Math.min(this.#saidSinceMs, atMs);
    }
  }

  hasHeardOf(id: Key): boolean {
    return this.#neighbours.has(id);
  }

  heldBy(id: Key): ReadonlyRegionSet {
    return this.#neighbours.get(id)?.advert.held ?? new RegionSet();
  }

  /** Spreads parts over members known to have them, whole parts first; what nobody has is left over. */
  holdersOf(wanted: RegionSet, mayBe = (_advert: Advert) => true): { sources: Source[]; orphans: RegionSet } {
    const left = wanted.clone();
    const sources: Source[] = [];
    for (const pick of [(advert: Advert) => advert.held, (advert: Advert) => advert.spare]) {
      for (const { contact, advert } of this.#neighbours.values()) {
        if (left.isEmpty) return { sources, orphans: left };
        if (!mayBe(advert)) continue;
        for (const region of left.intersect(pick(advert))) {
          sources.push({ contact, region });
          left.remove(region);
        }
      }
    }
    return { sources, orphans: left };
  }

  /**
   * Members who say that they have a whole copy of some of a region, though others may have to keep it by now: until
   * they have noticed, writes must reach them, too.
   */
  claimants(region: Region): Contact[] {
    const claims = ({ contact, advert }: Neighbour): boolean =>
      (advert.held.overlaps(region) || advert.spare.overlaps(region)) && this.#table.get(contact.id) !== undefined;
    return [...this.#neighbours.values()].filter(claims).map(({ contact }) => contact);
  }

  /** Everybody who may have something of a region that nobody holds. */
  survivors(region: Region): Contact[] {
    const survivors = new Set(this.#table.leaves());
    for (const { contact, advert } of this.#neighbours.values()) {
      if (advert.retired.overlaps(region) && !this.#table.isLeaf(contact.id)) survivors.add(contact);
    }
    return [...survivors];
  }

  /** Those who keep copies of this node's own keys with it. */
  partners(): Contact[] {
    return this.#table
      .keepers(this.#table.region(), this.#replicas)
      .filter((contact) => contact.id !== this.#table.self.id);
  }

  // ---- What to read next, and from whom

  /**
   * Sources for what is wanted, and what of this node's own region nobody has.
   *
   * A region is read only once its owner is known to know this node, which an advert from it shows: from then on
   * the owner sends every write here too, and the copy is complete when the reading ends. If this node is itself the
   * owner, those who must keep copies with it have to know.
   */
  plan(): { sources: Source[]; orphans: RegionSet; unheard: Contact[] } {
    const sources: Source[] = [];
    const orphans = new RegionSet();
    const unheard: Contact[] = [];
    const { own, delegate } = this.#table.split(this.wanted(), this.#table.size);
    for (const { to: owner, region } of delegate) {
      if (!this.hasHeardOf(owner.id)) {
        unheard.push(owner);
        continue;
      }
      const ofOwner = this.heldBy(owner.id).intersect(region);
      const rest = ofOwner.missingFrom(region);
      for (const piece of ofOwner) sources.push({ contact: owner, region: piece });
      sources.push(...this.holdersOf(rest).sources);
      // Only to neighbours it says unasked what it has come to hold.
      if (!rest.isEmpty && !this.#table.isLeaf(owner.id)) unheard.push(owner);
    }
    if (own.isEmpty) return { sources, orphans, unheard };
    const silent = this.partners().filter((partner) => !this.hasHeardOf(partner.id));
    unheard.push(...silent);
    if (silent.length > 0) return { sources, orphans, unheard };
    const found = this.holdersOf(own);
    sources.push(...found.sources);
    orphans.addAll(found.orphans);
    return { sources, orphans, unheard };
  }

  /** Members whose copy is whole where the one held here is not. */
  healers(): Source[] {
    const lossy = this.lossy.intersect(this.#held);
    if (lossy.isEmpty) return [];
    return [...this.#neighbours.values()].flatMap(({ contact, advert }) => {
      const whole = advert.held.clone();
      whole.addAll(advert.spare);
      whole.removeAll(advert.lossy);
      return [...whole.intersect(lossy)].map((region) => ({ contact, region }));
    });
  }

  // ---- What to get rid of

  /** What need not be kept here and is complete, or was until another took it over. */
  expendable(): RegionSet {
    const expendable = this.#spare.clone();
    expendable.addAll(this.#retired);
    // It may have become a copy to keep again, waiting for what it missed.
    expendable.removeAll(this.#kept);
    expendable.removeAll(this.#stale);
    if (!this.#isLeaving) expendable.removeAll(this.#doubtful);
    return expendable;
  }

  /** Regions that need not be kept here and that all who must keep them hold, safely; and who does not hold them yet. */
  surplus(): { disposable: RegionSet; waitingFor: Contact[] } {
    const disposable = this.expendable();
    if (disposable.isEmpty) return { disposable, waitingFor: [] };
    const waitingFor: Contact[] = [];
    // A leaving node still stands in its own table, and its successor as a copy is one further.
    const copies = this.#isLeaving ? this.#replicas + 1 : this.#replicas;
    const matters = disposable.intersect(
      this.#isLeaving ? this.#table.replicaRegion(this.#replicas) : RegionSet.whole(),
    );
    for (const { contact, lacking, unsafe } of this.#lackedByKeepers(matters, copies)) {
      // A disk that has failed is not waited for.
      if (!lacking.isEmpty) waitingFor.push(contact);
      disposable.removeAll(unsafe);
    }
    return { disposable, waitingFor };
  }

  /**
   * Of some keys: what this node keeps, holds and would have after a crash, the flaws of that, and what all others who must
   * keep it hold as safely.
   */
  keptOf(keys: RegionSet): Kept {
    const held = this.#isVolatile ? new RegionSet() : this.#held.intersect(keys);
    const everywhere = held.clone();
    for (const { unsafe } of this.#lackedByKeepers(held, this.#replicas)) everywhere.removeAll(unsafe);
    return { held, lossy: this.lossy.intersect(held), everywhere };
  }

  /** What the owner of keys says of them, whether or not this table knows it. Returns what can be disposed of by now. */
  takenOver({ held, lossy, everywhere }: Kept): RegionSet {
    const taken = this.#spare.intersect(held);
    taken.removeAll(this.#betterThan(lossy));
    this.#retire(taken);
    return this.#spare.missingFrom(this.expendable()).intersect(everywhere);
  }

  /** Returns whether the advert changed. */
  dispose(disposable: RegionSet): boolean {
    const advertised = !this.#spare.intersect(disposable).isEmpty;
    this.#spare.removeAll(disposable);
    this.#retired.removeAll(disposable);
    this.#losses.retain(this.servable());
    this.#changed();
    return advertised;
  }

  checkInvariants(): void {
    assert(this.#held.intersect(this.#spare).isEmpty, 'nothing is both held and spare');
    assert(this.#kept.missingFrom(this.#held).isEmpty, 'whatever is held is kept');
    assert(this.#kept.intersect(this.#spare).isEmpty, 'nothing that is kept is spare');
    assert(this.#held.intersect(this.#stale).isEmpty, 'nothing that is held is stale');
    assert(this.servable().missingFrom(this.lossy).isEmpty, 'only what is held or spare has marks');
    this.#losses.checkInvariants();
  }

  #changed(): void {
    this.#version += 1;
  }

  /**
   * Members that must keep some of the keys, when so many do of each; what they lack of what they must, and of that and
   * all else what a crash of theirs would take.
   */
  #lackedByKeepers(keys: RegionSet, copies: number): { contact: Contact; lacking: RegionSet; unsafe: RegionSet }[] {
    const others = this.#table.keepers(keys, copies).filter(({ id }) => id !== this.#table.self.id);
    const lacks = others.map((contact) => {
      const theirs = keys.intersect(this.#table.replicaRegionOf(contact.id, copies));
      const lacking = this.heldBy(contact.id).missingFrom(theirs);
      lacking.addAll(this.#betterThan(this.#lossyAt(contact.id)).intersect(theirs));
      const isVolatile = this.#neighbours.get(contact.id)?.advert.isVolatile ?? false;
      return { contact, lacking, unsafe: isVolatile ? theirs : lacking };
    });
    return lacks.filter(({ unsafe }) => !unsafe.isEmpty);
  }

  /** Only in favour of one who must keep the region: another may just be about to retire its copy, too. */
  #retireFor({ contact, advert }: Neighbour): boolean {
    if (this.#spare.isEmpty || advert.isVolatile || !this.#table.get(contact.id)) return false;
    const taken = this.#spare.intersect(advert.held).intersect(this.#table.replicaRegionOf(contact.id, this.#replicas));
    taken.removeAll(this.#betterThan(this.#lossyAt(contact.id)));
    return this.#retire(taken);
  }

  /** Of what is spare, some is held elsewhere by now. Returns whether the advert changed. */
  #retire(taken: RegionSet): boolean {
    taken.removeAll(this.#doubtful);
    if (taken.isEmpty) return false;
    this.#spare.removeAll(taken);
    this.#retired.addAll(taken);
    this.#losses.retain(this.servable());
    this.#changed();
    return true;
  }

  #lossyAt(id: Key): ReadonlyRegionSet {
    return this.#neighbours.get(id)?.advert.lossy ?? new RegionSet();
  }

  /** Spare regions that are whole here and lossy in another copy: that one is to read them, before they are given up. */
  #betterThan(lossy: ReadonlyRegionSet): RegionSet {
    return this.lossy.missingFrom(this.#spare.intersect(lossy));
  }
}
