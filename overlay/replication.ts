import { strict as assert } from 'node:assert';
import { CodecError, decode, encode } from './codec.ts';
import { Copies, type Source } from './copies.ts';
import type { Log } from './defaults.ts';
import { type ExportOptions, Exports } from './exports.ts';
import { keyAt, midpoint, pointOf } from './keys.ts';
import { Losses } from './losses.ts';
import type { Advert } from './messages.ts';
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
import {
  digestReply,
  type KindDigest,
  nextReply,
  openReply,
  type ReplicationRequest,
  replicationRequest,
} from './replication-messages.ts';
import type { RoutingTable } from './routing-table.ts';
import type { Runtime, Timer } from './runtime.ts';

export interface ReplicationOptions extends ExportOptions {
  readonly replicas: number;
  readonly repairEveryMs: number;
  readonly antiEntropyEveryMs: number;
  readonly adoptAfterMs: number;
  readonly exchangeItemsMax: number;
  readonly halvingsMax: number;
  readonly forgetAfterMs: number;
}

export interface ReplicationOutput {
  ask(to: Contact, request: Uint8Array): Promise<Uint8Array>;
  ping(to: Contact): void;
  /** The advert changed: neighbours should hear of it soon. */
  advertise(): void;
}

export interface ReplicationCounters {
  regionsPulled: number;
  chunksIn: number;
  chunkBytesIn: number;
  /** Times that two copies differed and were made equal. */
  reconciliations: number;
  regionsAdopted: number;
}

/** Part of this node's own region that no reachable member holds. */
interface Orphan {
  readonly region: Region;
  readonly sinceMs: number;
}

/** What reading a region gave: the part of it that is complete now, and its flaws. */
interface Reading {
  readonly available: RegionSet;
  readonly losses: readonly Loss[];
}

/** Changes of the table that come together are answered together. */
const repairDelayMs = 20;
/** Members with data to take over that are reminded at once. */
const remindersMax = 32;

/**
 * Keeps the copies that this node must keep: reads what it lacks from those who have it, lets others read,
 * compares copies from time to time, and forgets what others keep by now. What it may answer for is `split`.
 */
export class Replication {
  readonly counters: ReplicationCounters = {
    regionsPulled: 0,
    chunksIn: 0,
    chunkBytesIn: 0,
    reconciliations: 0,
    regionsAdopted: 0,
  };
  readonly #runtime: Runtime;
  readonly #options: ReplicationOptions;
  readonly #table: RoutingTable;
  readonly #output: ReplicationOutput;
  readonly #log: Log;
  readonly #copies: Copies;
  readonly #kinds = new Map<number, Replicated>();
  readonly #exports: Exports;
  #orphans: Orphan[] = [];
  /** Sources that failed a while ago, and until when they are not asked again. */
  readonly #avoided = new Map<Key, number>();
  #settled: (() => void)[] = [];
  #isRunning = false;
  #isPulling = false;
  #comparedAtMs = 0;
  #comparisons = 0;
  #ticker: Timer | null = null;
  #soon: Timer | null = null;

  constructor(runtime: Runtime, options: ReplicationOptions, table: RoutingTable, output: ReplicationOutput, log: Log) {
    this.#runtime = runtime;
    this.#options = options;
    this.#table = table;
    this.#output = output;
    this.#log = log;
    this.#copies = new Copies(table, options.replicas);
    this.#exports = new Exports(options);
  }

  register(kind: number, replicated: Replicated): void {
    assert(!this.#isRunning, 'what is replicated is known before the node enters the ring');
    assert(!this.#kinds.has(kind), `kind ${kind} is taken`);
    this.#kinds.set(kind, replicated);
  }

  get copies(): Copies {
    return this.#copies;
  }

  // ---- Life

  /** The node has entered the ring; `isFirst` when it began it. */
  start(isFirst: boolean): void {
    this.#isRunning = true;
    if (isFirst) this.#copies.holdAll();
    this.#comparedAtMs = this.#runtime.now();
    this.#ticker = this.#runtime.after(this.#options.repairEveryMs * this.#runtime.random(), () => this.#tick());
    this.tableChanged();
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
    if (this.#copies.advertised(from, advert, this.#runtime.now())) this.#output.advertise();
    if (!this.isSettled || !this.#copies.lossy.isEmpty) this.#repairSoon();
  }

  /** Whatever the node said before holds no longer: it is dead, or lives anew. */
  forget(id: Key): void {
    this.#copies.forget(id);
  }

  // ---- What this node may answer for

  holds(first: Key, last: Key): boolean {
    return this.#copies.servable().covers(between(first, last));
  }

  /** A member that holds a key which this node owns but does not hold; undefined when none is known. */
  holderOf(key: Key): Contact | undefined {
    return this.#copies.holdersOf(new RegionSet([between(key, key)])).sources[0]?.contact;
  }

  /** @see Overlay.losses */
  losses(regions: readonly Region[]): readonly Loss[] {
    return this.#copies.lossesIn(new RegionSet(regions));
  }

  /** @see Overlay.split */
  split(region: Region, fanout: number, asHolder: boolean): Split {
    const servable = this.#copies.servable();
    if (asHolder) {
      return {
        serve: servable.intersect(region).regions(),
        delegate: [],
        lost: servable.missingFrom(region).regions(),
      };
    }
    const own = new RegionSet([region]).intersect(this.#table.region());
    const rest = own.missingFrom(region);
    const lost = servable.missingFrom(own);
    const delegate: Delegation[] = [];
    if (!lost.isEmpty) {
      // The rest may take two, one on each side of this node.
      const holdersMax = rest.isEmpty ? fanout : fanout - 2;
      for (const { contact, region: part } of this.#copies.holdersOf(lost).sources.slice(0, Math.max(0, holdersMax))) {
        delegate.push({ to: contact, region: part, asHolder: true });
        lost.remove(part);
      }
    }
    if (!rest.isEmpty) {
      const split = this.#table.split(region, Math.max(2, fanout - delegate.length));
      delegate.push(...split.delegate.map(({ to, region: part }) => ({ to, region: part, asHolder: false })));
    }
    return { serve: servable.intersect(own).regions(), delegate, lost: lost.regions() };
  }

  // ---- Requests of others

  async answer(from: Contact, payload: Uint8Array): Promise<Uint8Array> {
    const request: ReplicationRequest = decode(replicationRequest, payload);
    const nowMs = this.#runtime.now();
    switch (request.type) {
      case 'digest':
        return encode(digestReply, this.#digests(request.region));
      case 'open': {
        const { available, losses } = this.#available(request.region, request.anything);
        const isAll = available.covers(request.region);
        const differing = this.#differing(request.region, request.digests);
        const mayRead = isAll || request.anything;
        const number =
          mayRead && differing.size > 0 ? this.#exports.open(from.id, differing, request.region, nowMs) : 0;
        const aged = losses.map(({ region, atMs }) => ({ region, ageMs: Math.max(0, nowMs - atMs) }));
        return encode(openReply, { available, losses: aged, export: number });
      }
      case 'next': {
        const part = this.#exports.next(from.id, request.export, request.index, nowMs);
        if (part === undefined) throw new OverlayError('refused', 'that export is not open any more');
        return encode(nextReply, part, part ? part.chunk.length + 16 : 16);
      }
      case 'sync':
        await this.#read(from, request.region);
        return new Uint8Array(0);
    }
  }

  /** What may be read here. `anything`: retired copies too, which may lack whatever came since they retired. */
  #available(region: Region, anything: boolean): Reading {
    const servable = this.#copies.servable().intersect(region);
    const losses = this.#copies.lossesIn(servable);
    if (!anything) return { available: servable, losses };
    const available = this.#copies.readable().intersect(region);
    const retired = servable.missingFrom(available).regions();
    const atMs = this.#runtime.now();
    return { available, losses: [...losses, ...retired.map((part) => ({ region: part, atMs }))] };
  }

  #digests(region: Region): KindDigest[] {
    return [...this.#kinds].map(([kind, replicated]) => ({ kind, ...replicated.digest(region) }));
  }

  #differing(region: Region, theirs: readonly KindDigest[]): Map<number, Replicated> {
    const differing = new Map(this.#kinds);
    for (const { kind, items, hash } of theirs) {
      const mine = this.#kinds.get(kind)?.digest(region);
      if (mine && mine.items === items && mine.hash === hash) differing.delete(kind);
    }
    return differing;
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
  async #read(from: Contact, region: Region, anything = false): Promise<Reading> {
    const reading = await this.#readAll(from, region, anything);
    // Nothing was read if not all of it could be.
    const isRead = anything || reading.available.covers(region);
    if (isRead && this.#copies.united(reading.available, reading.losses)) this.#output.advertise();
    return reading;
  }

  async #readAll(from: Contact, region: Region, anything: boolean): Promise<Reading> {
    const ask = (request: ReplicationRequest): Promise<Uint8Array> =>
      this.#output.ask(from, encode(replicationRequest, request));
    const opened = decode(openReply, await ask({ type: 'open', region, anything, digests: this.#digests(region) }));
    const nowMs = this.#runtime.now();
    const losses = opened.losses.map(({ region: part, ageMs }) => ({ region: part, atMs: Math.max(0, nowMs - ageMs) }));
    const reading = { available: opened.available.intersect(region), losses };
    if (opened.export === 0) return reading;
    for (let index = 0; ; index++) {
      const part = decode(nextReply, await ask({ type: 'next', export: opened.export, index }));
      if (!part) return reading;
      const replicated = this.#kinds.get(part.kind);
      if (!replicated) throw new CodecError(`unknown kind ${part.kind} of data`);
      this.counters.chunksIn += 1;
      this.counters.chunkBytesIn += part.chunk.length;
      replicated.import(part.chunk);
    }
  }

  /** One reading at a time. `mayGather`: put orphans together from what is left of them. */
  #repair(mayGather: boolean): void {
    if (!this.#isRunning || this.#isPulling) return;
    if (this.isSettled) {
      const settled = this.#settled;
      this.#settled = [];
      for (const resolve of settled) resolve();
    }
    const nowMs = this.#runtime.now();
    const { sources, orphans, unheard } = this.#copies.plan();
    this.#adopt(orphans, nowMs);
    for (const contact of mayGather ? unheard : []) this.#output.ping(contact);
    const mayAsk = ({ contact }: Source): boolean => (this.#avoided.get(contact.id) ?? 0) <= nowMs;
    const reading = this.#nextReading(sources.find(mayAsk), mayGather ? orphans : null, mayAsk);
    if (!reading) return;
    this.#isPulling = true;
    void reading.finally(() => {
      this.#isPulling = false;
      this.#repair(false);
    });
  }

  #nextReading(
    source: Source | undefined,
    orphans: RegionSet | null,
    mayAsk: (source: Source) => boolean,
  ): Promise<void> | null {
    if (source) return this.#pull(source);
    const orphan = orphans?.regions()[0];
    if (orphan) return this.#gather(orphan);
    const healer = this.#copies.healers().find(mayAsk);
    return healer ? this.#heal(healer) : null;
  }

  async #pull({ contact, region }: Source): Promise<void> {
    try {
      const { available, losses } = await this.#read(contact, region);
      if (available.covers(region)) this.#pulled(contact, region, losses);
      else {
        for (const part of available) {
          const again = await this.#read(contact, part);
          if (again.available.covers(part)) this.#pulled(contact, part, again.losses);
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
      await this.#read(contact, region);
      if (!this.#copies.lossy.overlaps(region)) this.#log('info', 'region healed', { from: contact.address, region });
      // Its advert promised more than it has.
      else this.#avoid(contact);
    } catch (error) {
      this.#log('info', 'cannot heal a region', { from: contact.address, reason: String(error) });
      this.#avoid(contact);
    }
  }

  #pulled(from: Contact, region: Region, losses: readonly Loss[]): void {
    this.counters.regionsPulled += 1;
    this.#log('debug', 'region read', { from: from.address, region });
    this.#copies.hold(region, losses);
    this.#output.advertise();
  }

  #avoid(contact: Contact): void {
    this.#avoided.set(contact.id, this.#runtime.now() + this.#options.repairEveryMs);
  }

  /**
   * Puts together a region that nobody holds: a copy that was retired in favour of a member now dead, and what
   * others were sent since. Held afterwards is what at least one of them had once been complete for, marked as lossy:
   * whether any of them was sent all that came since, nobody knows.
   */
  async #gather(region: Region): Promise<void> {
    const gathered = new RegionSet();
    const losses = new Losses();
    const add = (reading: Reading): void => {
      losses.unite(gathered, reading.available, reading.losses);
      gathered.addAll(reading.available);
    };
    try {
      for (const contact of this.#copies.survivors(region)) add(await this.#read(contact, region, true));
    } catch (error) {
      // Whoever did not answer may have the rest; it will, or be found dead.
      this.#log('info', 'cannot gather a region', { region, reason: String(error) });
      return;
    }
    add(this.#available(region, true));
    for (const part of gathered) {
      this.#log('info', 'region gathered', { region: part });
      this.#copies.hold(part, losses.within(new RegionSet([part])));
      this.#output.advertise();
    }
  }

  /** Takes as empty what nobody has had for long enough: from then on it is lossy, for all who read it from here too. */
  #adopt(orphans: RegionSet, nowMs: number): void {
    const known = new RegionSet();
    const still: Orphan[] = [];
    for (const { region, sinceMs } of this.#orphans) {
      for (const part of orphans.intersect(region)) {
        known.add(part);
        if (nowMs - sinceMs < this.#options.adoptAfterMs) still.push({ region: part, sinceMs });
        else {
          this.counters.regionsAdopted += 1;
          this.#log('warn', 'no copy of a region is left: taken as empty', { region: part });
          // Until now another side of a partition may have taken writes, and then have died.
          this.#copies.hold(part, [{ region: part, atMs: nowMs }]);
          this.#output.advertise();
        }
      }
    }
    for (const region of known.missingFrom(orphans)) still.push({ region, sinceMs: nowMs });
    this.#orphans = still;
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
    const { replicas } = this.#options;
    const partners = this.#table.around(this.#table.self.id, 2 * (replicas - 1));
    const partner = partners[this.#comparisons % Math.max(1, partners.length)];
    this.#comparisons += 1;
    if (!partner) return;
    const shared = this.#copies.held
      .intersect(this.#table.region())
      .intersect(this.#table.replicaRegionOf(partner.id, replicas))
      .intersect(this.#copies.heldBy(partner.id));
    try {
      for (const region of shared) await this.#reconcile(partner, region, 0);
    } catch (error) {
      this.#log('info', 'cannot compare copies', { with: partner.address, reason: String(error) });
    }
  }

  /** Narrows a difference down by halving, then has both sides read the other's. */
  async #reconcile(partner: Contact, region: Region, halvings: number): Promise<void> {
    const { exchangeItemsMax, halvingsMax } = this.#options;
    const reply = await this.#output.ask(partner, encode(replicationRequest, { type: 'digest', region }));
    const theirs = decode(digestReply, reply);
    if (this.#differing(region, theirs).size === 0) return;
    const items = Math.max(
      ...theirs.map((digest) => digest.items),
      ...this.#digests(region).map((digest) => digest.items),
    );
    if (items > exchangeItemsMax && halvings < halvingsMax) {
      const middle = midpoint(region.from, region.to);
      await this.#reconcile(partner, { from: region.from, to: middle }, halvings + 1);
      await this.#reconcile(partner, { from: middle, to: region.to }, halvings + 1);
      return;
    }
    this.counters.reconciliations += 1;
    await this.#read(partner, region);
    await this.#output.ask(partner, encode(replicationRequest, { type: 'sync', region }));
  }
}

/** The region from one key clockwise to another, both included. */
function between(first: Key, last: Key): Region {
  return { from: first, to: keyAt(pointOf(last) + 1n) };
}
