import { strict as assert } from 'node:assert';
import { decode, encode } from './codec.ts';
import { batchesOf, Comparison, type ComparisonOptions } from './comparison.ts';
import { Copies, type Source } from './copies.ts';
import type { Log } from './defaults.ts';
import { DiskRegions } from './disk-regions.ts';
import { type ExportOptions, Exports } from './exports.ts';
import { Gathering } from './gathering.ts';
import type { Journal } from './journal.ts';
import { between } from './keys.ts';
import type { Advert } from './messages.ts';
import { Orphans } from './orphans.ts';
import {
  type Contact,
  type Delegation,
  type Key,
  type Loss,
  OverlayError,
  type Region,
  type Replicated,
  type Split,
} from './overlay.ts';
import { RegionSet } from './region.ts';
import { type Ask, type ReaderCounters, RegionReader, type RegionReading, told } from './region-reader.ts';
import {
  compareReply,
  nextReply,
  openReply,
  type ReplicationRequest,
  regionsMax,
  replicationRequest,
  syncReply,
  vouchReply,
} from './replication-messages.ts';
import type { RoutingTable } from './routing-table.ts';
import type { Runtime, Timer } from './runtime.ts';

export interface ReplicationOptions extends ExportOptions, ComparisonOptions {
  readonly replicas: number;
  readonly repairEveryMs: number;
  readonly antiEntropyEveryMs: number;
  readonly adoptAfterMs: number;
  readonly forgetAfterMs: number;
}

export interface ReplicationOutput {
  readonly ask: Ask;
  ping(to: Contact): void;
  /** The advert changed: neighbours should hear of it soon. */
  advertise(): void;
  /** Whether all around this node know each other and it: before, an owner could take writes that pass this node by. */
  hasEntered(): boolean;
  /** Members that have failed lately and may come back. */
  missing(): readonly Contact[];
  /** Members of this node's earlier life that are not back are missing, too. */
  expectMembers(): void;
}

interface OwnCounters {
  regionsPulled: number;
  /** Times that this node found its copy to differ from another's and had both made equal. */
  reconciliations: number;
  /** Bytes of chunks read to make copies equal; part of `chunkBytesIn`. */
  repairBytesIn: number;
  regionsAdopted: number;
}

export type ReplicationCounters = OwnCounters & ReaderCounters;

/** Changes of the table that come together are answered together. */
const repairDelayMs = 20;
/** Members with data to take over that are reminded at once. */
const remindersMax = 32;

/**
 * Keeps the copies that this node must keep: reads what it lacks from those who have it, lets others read,
 * compares copies from time to time, and forgets what others keep by now. What it may answer for is `split`.
 */
export class Replication {
  readonly #counters: OwnCounters = { regionsPulled: 0, reconciliations: 0, repairBytesIn: 0, regionsAdopted: 0 };
  readonly #runtime: Runtime;
  readonly #options: ReplicationOptions;
  readonly #table: RoutingTable;
  readonly #output: ReplicationOutput;
  readonly #log: Log;
  readonly #copies: Copies;
  readonly #kinds = new Map<number, Replicated>();
  readonly #exports: Exports;
  readonly #comparison: Comparison;
  readonly #reader: RegionReader;
  readonly #disk: DiskRegions;
  readonly #orphans = new Orphans();
  readonly #gathering: Gathering;
  /** Sources that failed a while ago, and until when they are not asked again. */
  readonly #avoided = new Map<Key, number>();
  #settled: (() => void)[] = [];
  #isRunning = false;
  #isPulling = false;
  #isReturning = false;
  #comparedAtMs = 0;
  #rounds = 0;
  #ticker: Timer | null = null;
  #soon: Timer | null = null;

  constructor(
    runtime: Runtime,
    options: ReplicationOptions,
    table: RoutingTable,
    output: ReplicationOutput,
    journal: Journal,
    log: Log,
  ) {
    this.#runtime = runtime;
    this.#options = options;
    this.#table = table;
    this.#output = output;
    this.#log = log;
    this.#copies = new Copies(table, options.replicas);
    this.#exports = new Exports(options);
    this.#comparison = new Comparison(options, this.#kinds, () => runtime.now());
    this.#reader = new RegionReader(runtime, this.#kinds, this.#comparison, output.ask);
    this.#disk = new DiskRegions(journal, this.#copies);
    this.#gathering = this.#buildGathering(journal);
  }

  register(kind: number, replicated: Replicated): void {
    assert(!this.#isRunning, 'what is replicated is known before the node enters the ring');
    assert(!this.#kinds.has(kind), `kind ${kind} is taken`);
    this.#kinds.set(kind, replicated);
  }

  get counters(): ReplicationCounters {
    return { ...this.#counters, ...this.#reader.counters };
  }

  get copies(): Copies {
    return this.#copies;
  }

  // ---- Life

  /**
   * Takes up what an earlier life left on disk, as copies that may be out of date.
   * @throws StorageError
   */
  async recover(): Promise<void> {
    for (const replicated of this.#kinds.values()) await replicated.recover?.();
    await this.#disk.recover();
  }

  /**
   * The node has entered the ring.
   * @param complete of what its copies, empty as they are, are complete: of `nothing` in a ring that others began; of
   *   `everything` when it began the ring alone; of its `share` when it did so together with others
   */
  start(complete: 'everything' | 'share' | 'nothing'): void {
    this.#isRunning = true;
    // What an earlier life left may be less than its fleet had.
    if (complete === 'everything' && this.#copies.stale.isEmpty) this.#copies.holdAll();
    this.#disk.update();
    this.#comparedAtMs = this.#runtime.now();
    this.#ticker = this.#runtime.after(this.#options.repairEveryMs * this.#runtime.random(), () => this.#tick());
    this.tableChanged();
    if (complete === 'share') for (const region of this.#copies.wanted()) this.#copies.hold(region, []);
  }

  /** Resolves when this node holds everything that it must keep; at once when it does already. */
  whenSettled(): Promise<void> {
    if (this.isSettled) return Promise.resolve();
    return new Promise((resolve) => this.#settled.push(resolve));
  }

  get isSettled(): boolean {
    return this.#isRunning && this.#copies.wanted().isEmpty;
  }

  /** From now on this node keeps nothing, and what it has is for others to take over. */
  leave(): void {
    this.#copies.leave();
    this.#output.advertise();
  }

  /** True once others hold everything that this node left, false when `timeoutMs` ran out. */
  async handedOver(timeoutMs: number): Promise<boolean> {
    const deadlineMs = this.#runtime.now() + timeoutMs;
    for (;;) {
      const { waitingFor } = this.#copies.surplus();
      if (waitingFor.length === 0 || !this.#isRunning) return true;
      if (this.#runtime.now() >= deadlineMs) return false;
      for (const contact of waitingFor) this.#output.ping(contact);
      await new Promise<void>((resolve) => this.#runtime.after(this.#options.repairEveryMs / 4, resolve));
    }
  }

  close(): void {
    this.#isRunning = false;
    this.#ticker?.cancel();
    this.#soon?.cancel();
  }

  // ---- News from the node

  tableChanged(): void {
    if (!this.#isRunning) return;
    // At once, lest a region be served that has just gone to another.
    if (this.#copies.reconsider()) this.#output.advertise();
    this.#repairSoon();
  }

  advert(): Advert {
    const { held, spare, retired, lossy } = this.#copies;
    return { held, spare, retired, lossy };
  }

  advertised(from: Contact, advert: Advert): void {
    const before = this.#copies.heldBy(from.id);
    if (this.#copies.advertised(from, advert, this.#runtime.now())) this.#output.advertise();
    if (!this.isSettled || !this.#copies.lossy.isEmpty) this.#repairSoon();
    // It may have read them elsewhere, before this owner knew of it and sent it every write.
    const gained = before.missingFrom(this.#copies.heldBy(from.id));
    if (this.#isRunning && this.#table.get(from.id)) void this.#compareWith(from, gained);
  }

  /** Whatever the node said before holds no longer: it is dead, or lives anew. */
  forget(id: Key): void {
    this.#copies.forget(id);
  }

  // ---- What this node may answer for

  holds(first: Key, last: Key): boolean {
    return this.#copies.servable().covers(between(first, last));
  }

  /** @see OverlayNode.copiers */
  copiers(first: Key, last: Key): Contact[] {
    const { replicas } = this.#options;
    const region = between(first, last);
    const keepers =
      first === last ? this.#table.replicas(first, replicas) : this.#table.keepers(new RegionSet([region]), replicas);
    const others = this.#copies.claimants(region).filter(({ id }) => !keepers.some((keeper) => keeper.id === id));
    return [...keepers, ...others].filter(({ id }) => id !== this.#table.self.id);
  }

  /** A member that holds a key which this node owns but does not hold; undefined when none is known. */
  holderOf(key: Key): Contact | undefined {
    return this.#copies.holdersOf(new RegionSet([between(key, key)])).sources[0]?.contact;
  }

  /** @see Overlay.losses */
  losses(keys: RegionSet): readonly Loss[] {
    return this.#copies.lossesIn(keys);
  }

  /** @see Overlay.split */
  split(region: RegionSet, fanout: number, asHolder: boolean): Split {
    const servable = this.#copies.servable();
    if (asHolder) return { serve: servable.intersect(region), delegate: [], lost: servable.missingFrom(region) };
    const own = region.intersect(this.#table.region());
    const rest = own.missingFrom(region);
    const lost = servable.missingFrom(own);
    const delegate: Delegation[] = [];
    if (!lost.isEmpty) {
      const holdersMax = rest.isEmpty ? fanout : fanout - 1;
      for (const [to, part] of byContact(this.#copies.holdersOf(lost).sources).slice(0, holdersMax)) {
        delegate.push({ to, region: part, asHolder: true });
        lost.removeAll(part);
      }
    }
    if (!rest.isEmpty) {
      const split = this.#table.split(rest, fanout - delegate.length);
      delegate.push(...split.delegate.map(({ to, region: part }) => ({ to, region: part, asHolder: false })));
    }
    return { serve: servable.intersect(own), delegate, lost };
  }

  // ---- Requests of others

  async answer(from: Contact, payload: Uint8Array): Promise<Uint8Array> {
    const request: ReplicationRequest = decode(replicationRequest, payload);
    const nowMs = this.#runtime.now();
    switch (request.type) {
      case 'compare': {
        const available = told(this.#available(request.regions, request.anything), nowMs);
        const reply = { ...this.#comparison.answer(request), ...available };
        return encode(compareReply, reply, 32 * reply.digests.length + 128);
      }
      case 'open': {
        const { regions, anything } = request;
        const reading = this.#available(regions, anything);
        const isAll = regions.every((region) => reading.available.covers(region));
        // Also where there are no items: tombstones end those of the reader.
        const number = isAll || anything ? this.#exports.open(from.id, this.#kinds, regions, nowMs) : 0;
        return encode(openReply, { ...told(reading, nowMs), export: number });
      }
      case 'next': {
        const part = this.#exports.next(from.id, request.export, request.index, nowMs);
        if (part === undefined) throw new OverlayError('refused', 'that export is not open any more');
        return encode(nextReply, part, part ? part.chunk.length + 16 : 16);
      }
      case 'sync':
        await this.#repairBy(() => this.#read(from, request.regions, true));
        return new Uint8Array(0);
      case 'vouch':
        return encode(vouchReply, this.#gathering.vouches());
    }
  }

  /** What may be read here. `anything`: retired copies too, which may lack whatever came since they retired. */
  #available(regions: readonly Region[], anything: boolean): RegionReading {
    const wanted = new RegionSet(regions);
    const servable = this.#copies.servable().intersect(wanted);
    const losses = this.#copies.lossesIn(servable);
    if (!anything) return { available: servable, losses, doubtful: new RegionSet() };
    const available = this.#copies.readable().intersect(wanted);
    const retired = servable.missingFrom(available);
    const doubtful = retired.intersect(this.#copies.stale);
    retired.removeAll(doubtful);
    return { available, losses: [...losses, ...this.#flaws(retired)], doubtful };
  }

  /** Of copies that may lack anything. */
  #flaws(regions: RegionSet): Loss[] {
    const atMs = this.#runtime.now();
    return regions.regions().map((region) => ({ region, atMs }));
  }

  // ---- Reading

  #repairSoon(): void {
    if (!this.#isRunning || this.#isPulling) return;
    this.#soon ??= this.#runtime.after(repairDelayMs, () => {
      this.#soon = null;
      this.#repair(false);
    });
  }

  /** Reads what differs in a region; returns what the source can give, which is all of it when the reading succeeded. */
  async #read(from: Contact, regions: readonly Region[], anything = false): Promise<RegionReading> {
    const reading = await this.#reader.read(from, regions, anything);
    // Nothing was read if not all of it could be.
    const isRead = anything || regions.every((region) => reading.available.covers(region));
    const losses = [...reading.losses, ...this.#flaws(reading.doubtful)];
    if (isRead && this.#copies.united(reading.available, losses)) this.#output.advertise();
    return reading;
  }

  /** One reading at a time. `mayGather`: put orphans together from what is left of them. */
  #repair(mayGather: boolean): void {
    if (!this.#isRunning || this.#isPulling) return;
    if (this.isSettled) {
      const settled = this.#settled;
      this.#settled = [];
      for (const resolve of settled) resolve();
    }
    if (!this.#output.hasEntered()) return;
    const nowMs = this.#runtime.now();
    const { sources, orphans, unheard } = this.#copies.plan();
    this.#adopt(orphans, nowMs);
    for (const contact of mayGather ? unheard : []) this.#output.ping(contact);
    const mayAsk = ({ contact }: Source): boolean => (this.#avoided.get(contact.id) ?? 0) <= nowMs;
    const reading = this.#nextReading(sources, mayGather ? orphans : null, mayAsk);
    if (!reading) return;
    this.#isPulling = true;
    void reading.finally(() => {
      this.#isPulling = false;
      this.#repair(false);
    });
  }

  #nextReading(
    sources: readonly Source[],
    orphans: RegionSet | null,
    mayAsk: (source: Source) => boolean,
  ): Promise<void> | null {
    const source = sources.find(mayAsk);
    // A member may have many pieces: one question for all of them.
    if (source) {
      const ofSame = sources.filter(({ contact }) => contact.id === source.contact.id).slice(0, regionsMax);
      return this.#pull(source.contact, new RegionSet(ofSame.map(({ region }) => region)));
    }
    const orphan = orphans?.regions().find((region) => this.#gathering.mayGather(region));
    if (orphan) return this.#gathering.gather(orphan);
    const healer = this.#copies.healers().find(mayAsk);
    return healer ? this.#heal(healer) : null;
  }

  async #pull(contact: Contact, wanted: RegionSet): Promise<void> {
    try {
      await this.#giveBack(contact, this.#copies.stale.intersect(wanted).regions());
      const { available, losses } = await this.#read(contact, wanted.regions());
      if (available.equals(wanted)) await this.#pulled(contact, wanted, losses);
      else {
        for (const part of available) {
          const again = await this.#read(contact, [part]);
          if (again.available.covers(part)) await this.#pulled(contact, new RegionSet([part]), again.losses);
        }
        // Its advert promised more than it has.
        if (available.isEmpty) this.#avoid(contact);
      }
    } catch (error) {
      this.#log('info', 'cannot read a region', { from: contact.address, reason: String(error) });
      this.#avoid(contact);
    }
  }

  /** Adds a whole copy to a lossy one. */
  async #heal({ contact, region }: Source): Promise<void> {
    try {
      await this.#read(contact, [region]);
      this.#disk.update();
      if (!this.#copies.lossy.overlaps(region)) this.#log('info', 'region healed', { from: contact.address, region });
      // Its advert promised more than it has.
      else this.#avoid(contact);
    } catch (error) {
      this.#log('info', 'cannot heal a region', { from: contact.address, reason: String(error) });
      this.#avoid(contact);
    }
  }

  async #pulled(from: Contact, keys: RegionSet, losses: readonly Loss[]): Promise<void> {
    await this.#disk.secure(keys, losses);
    for (const region of keys) {
      this.#counters.regionsPulled += 1;
      this.#log('debug', 'region read', { from: from.address, region });
      this.#copies.hold(region, losses);
    }
    this.#disk.update();
    this.#output.advertise();
  }

  /** Has another read what an earlier life of this node left, for it may lack some of it. */
  async #giveBack(to: Contact, stale: readonly Region[]): Promise<void> {
    for (const regions of batchesOf(stale, regionsMax))
      await this.#reader.ask(to, { type: 'sync', regions }, syncReply);
    for (const region of stale) this.#copies.returned(region);
  }

  /** Stale data that is for others to keep: once they have it, it can be dropped. */
  async #returnStale(): Promise<void> {
    const { sources, unheard } = this.#copies.takersOfStale();
    for (const contact of unheard.slice(0, remindersMax)) this.#output.ping(contact);
    const [source] = sources;
    if (!source || this.#isReturning) return;
    this.#isReturning = true;
    try {
      await this.#giveBack(source.contact, [source.region]);
    } catch (error) {
      this.#log('info', 'cannot give data back', { to: source.contact.address, reason: String(error) });
    } finally {
      this.#isReturning = false;
    }
  }

  #avoid(contact: Contact): void {
    this.#avoided.set(contact.id, this.#runtime.now() + this.#options.repairEveryMs);
  }

  /** Takes as empty what nobody has had for long enough: from then on it is lossy, for all who read it from here too. */
  #adopt(orphans: RegionSet, nowMs: number): void {
    for (const region of this.#orphans.update(orphans, this.#options.adoptAfterMs, nowMs)) {
      this.#counters.regionsAdopted += 1;
      this.#log('warn', 'no copy of a region is left: taken as empty', { region });
      // Until now another side of a partition may have taken writes, and then have died.
      this.#copies.hold(region, [{ region, atMs: nowMs }]);
      this.#output.advertise();
    }
    this.#disk.update();
  }

  // ---- Duties

  #tick(): void {
    const { repairEveryMs, antiEntropyEveryMs, forgetAfterMs } = this.#options;
    this.#ticker = this.#runtime.after(repairEveryMs, () => this.#tick());
    const nowMs = this.#runtime.now();
    this.#copies.forgetSilent(nowMs - forgetAfterMs);
    for (const [id, untilMs] of this.#avoided) if (untilMs <= nowMs) this.#avoided.delete(id);
    this.#repair(true);
    this.#tidy();
    void this.#gathering.resolve();
    void this.#returnStale();
    if (nowMs - this.#comparedAtMs >= antiEntropyEveryMs) {
      this.#comparedAtMs = nowMs;
      this.#dropStrays();
      void this.#compareCopies();
    }
  }

  #tidy(): void {
    const { disposable, waitingFor } = this.#copies.surplus();
    if (!disposable.isEmpty) {
      if (this.#copies.dispose(disposable)) this.#output.advertise();
      this.#disk.update();
      for (const region of disposable) for (const replicated of this.#kinds.values()) replicated.drop(region);
    }
    for (const contact of waitingFor.slice(0, remindersMax)) this.#output.ping(contact);
  }

  /** Writes that owners sent here by an outdated table. */
  #dropStrays(): void {
    for (const region of this.#copies.strays()) for (const replicated of this.#kinds.values()) replicated.drop(region);
  }

  /** Compares this node's own region with the copy of one of those who keep one, each in turn. */
  async #compareCopies(): Promise<void> {
    const partners = this.#copies.partners();
    const partner = partners[this.#rounds % Math.max(1, partners.length)];
    this.#rounds += 1;
    if (partner) await this.#compareWith(partner, this.#copies.heldBy(partner.id));
  }

  /** Makes copies of this node's own keys equal, as far as both nodes hold them. */
  async #compareWith(partner: Contact, keys: RegionSet): Promise<void> {
    const shared = this.#copies.held
      .intersect(this.#table.region())
      .intersect(this.#table.replicaRegionOf(partner.id, this.#options.replicas))
      .intersect(keys);
    if (shared.isEmpty) return;
    try {
      await this.#reconcile(partner, shared.regions());
    } catch (error) {
      this.#log('info', 'cannot compare copies', { with: partner.address, reason: String(error) });
    }
  }

  /** Has both sides read what differs between their copies. */
  async #reconcile(partner: Contact, shared: readonly Region[]): Promise<void> {
    const { differing, available, losses } = await this.#reader.differences(partner, shared, false);
    for (const regions of batchesOf(differing, regionsMax)) {
      this.#counters.reconciliations += 1;
      await this.#repairBy(() => this.#reader.readAll(partner, regions, true));
      await this.#reader.ask(partner, { type: 'sync', regions }, syncReply);
    }
    if (this.#copies.united(available, losses)) this.#output.advertise();
  }

  async #repairBy(read: () => Promise<unknown>): Promise<void> {
    const { chunkBytesIn } = this.#reader.counters;
    await read();
    this.#counters.repairBytesIn += this.#reader.counters.chunkBytesIn - chunkBytesIn;
  }

  #buildGathering(journal: Journal): Gathering {
    return new Gathering(this.#runtime, this.#options, this.#table, this.#copies, this.#disk, this.#orphans, {
      own: (region) => this.#available([region], true),
      read: (from, region) => this.#read(from, [region], true),
      vouches: (contact) => this.#reader.ask(contact, { type: 'vouch' }, vouchReply),
      isFaithful: () => journal.isDurable && !journal.failure,
      missing: () => this.#output.missing(),
      expectMembers: () => this.#output.expectMembers(),
      advertise: () => this.#output.advertise(),
      log: this.#log,
    });
  }
}

/** What each source is to give, together. */
function byContact(sources: readonly Source[]): (readonly [Contact, RegionSet])[] {
  const regions = new Map<Contact, RegionSet>();
  for (const { contact, region } of sources) {
    const ofContact = regions.get(contact) ?? new RegionSet();
    ofContact.add(region);
    regions.set(contact, ofContact);
  }
  return [...regions];
}
