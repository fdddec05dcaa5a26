import { strict as assert } from 'node:assert';
import type { Advert } from './advert.ts';
import { AntiEntropy, type AntiEntropyCounters } from './anti-entropy.ts';
import { decode, encode } from './codec.ts';
import { Comparison, type ComparisonOptions } from './comparison.ts';
import { Copies } from './copies.ts';
import type { Log } from './defaults.ts';
import { DiskRegions } from './disk-regions.ts';
import type { ExportOptions } from './exports.ts';
import { Gathering } from './gathering.ts';
import type { Journal } from './journal.ts';
import { Orphans } from './orphans.ts';
import type { Contact, Key, Replicated } from './overlay.ts';
import { RegionSet, wholeRing } from './region.ts';
import { type Ask, type ReaderCounters, RegionReader } from './region-reader.ts';
import { RegionServer } from './region-server.ts';
import { Repair, type RepairCounters, type RepairOptions } from './repair.ts';
import type { ReplicationGround } from './replication-ground.ts';
import { keptReply, replicationRequest, vouchReply } from './replication-messages.ts';
import type { RoutingTable } from './routing-table.ts';
import type { Runtime, Timer } from './runtime.ts';
import { Serving } from './serving.ts';
import { Surplus } from './surplus.ts';

export interface ReplicationOptions extends ExportOptions, ComparisonOptions, RepairOptions {
  readonly replicas: number;
  readonly antiEntropyEveryMs: number;
  readonly forgetAfterMs: number;
}

export interface ReplicationOutput {
  readonly ask: Ask;
  ping(to: Contact): void;
  /** Who owns a key. @throws OverlayError */
  lookup(key: Key): Promise<Contact>;
  /** The advert changed: neighbours should hear of it soon. */
  advertise(): void;
  /** Whether all around this node know each other and it: before, an owner could take writes that pass this node by. */
  hasEntered(): boolean;
  /** Members that have failed lately and may come back. */
  missing(): readonly Contact[];
  /** Members of this node's earlier life that are not back are missing, too. */
  expectMembers(): void;
}

export type ReplicationCounters = RepairCounters & AntiEntropyCounters & ReaderCounters;

/**
 * Keeps the copies that this node must keep. Hears the news that matter for them, and has its parts do their duties:
 * `Copies` knows what is held, wanted and to spare, `Serving` what may be answered for, `Repair` makes copies whole,
 * `AntiEntropy` makes them equal, `Surplus` gets rid of what others keep, `RegionServer` lets others read.
 */
export class Replication {
  /** What this node may answer for. */
  readonly serving: Serving;
  readonly #runtime: Runtime;
  readonly #options: ReplicationOptions;
  readonly #table: RoutingTable;
  readonly #output: ReplicationOutput;
  readonly #journal: Journal;
  readonly #copies: Copies;
  readonly #kinds = new Map<number, Replicated>();
  readonly #disk: DiskRegions;
  readonly #reader: RegionReader;
  readonly #server: RegionServer;
  readonly #gathering: Gathering;
  readonly #repair: Repair;
  readonly #surplus: Surplus;
  readonly #antiEntropy: AntiEntropy;
  #isRunning = false;
  /** Of the copies, when there was nothing left to do; null when there was. */
  #restingVersion: number | null = null;
  #comparedAtMs = 0;
  /** What is told of the copies of this version. */
  #advert: { readonly version: number; readonly advert: Advert } | null = null;
  #ticker: Timer | null = null;

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
    this.#journal = journal;
    const { replicas } = options;
    const copies = new Copies(table, replicas);
    const kinds = this.#kinds;
    const ping = output.ping.bind(output);
    const lookup = output.lookup.bind(output);
    const advertise = output.advertise.bind(output);
    const ground: ReplicationGround = { runtime, table, copies, kinds, log, ping, advertise };
    const comparison = new Comparison(options, kinds, () => runtime.now());
    this.#copies = copies;
    this.serving = new Serving(table, copies, replicas);
    this.#disk = new DiskRegions(journal, copies);
    this.#reader = new RegionReader(ground, comparison, output.ask);
    this.#server = new RegionServer(runtime, options, kinds, this.serving, comparison);
    this.#surplus = new Surplus(ground, this.#disk, this.#reader, lookup);
    this.#antiEntropy = new AntiEntropy(ground, replicas, this.#reader);
    const orphans = new Orphans();
    this.#gathering = this.#buildGathering(ground, orphans);
    this.#repair = new Repair(ground, options, this.#reader, this.#disk, orphans, this.#gathering, {
      hasEntered: () => output.hasEntered(),
      giveBack: (to, stale) => this.#surplus.giveBack(to, stale),
    });
  }

  register(kind: number, replicated: Replicated): void {
    assert(!this.#isRunning, 'what is replicated is known before the node enters the ring');
    assert(!this.#kinds.has(kind), `kind ${kind} is taken`);
    this.#kinds.set(kind, replicated);
  }

  get counters(): ReplicationCounters {
    return { ...this.#repair.counters, ...this.#antiEntropy.counters, ...this.#reader.counters };
  }

  // ---- Life

  /**
   * Takes up what an earlier life left on disk, as copies that may be out of date.
   * @throws StorageError
   */
  async recover(): Promise<void> {
    for (const replicated of this.#kinds.values()) await replicated.recover?.();
    await this.#disk.recover();
    this.#disk.checkDisk();
    this.#gathering.recover();
  }

  /**
   * The node has entered the ring.
   * @param complete of what its copies, empty as they are, are complete: of `nothing` in a ring that others began, or that
   *   stands in for theirs; of `everything` when it began the ring alone; of its `share` when it did so together with others
   */
  start(complete: 'everything' | 'share' | 'nothing'): void {
    this.#isRunning = true;
    this.#repair.start();
    // What an earlier life left may be less than its fleet had; and all of that may be what cannot be read any more.
    if (complete === 'everything' && this.#copies.stale.isEmpty) {
      this.#copies.holdAll(this.#journal.failure ? [{ region: wholeRing, atMs: this.#runtime.now() }] : []);
    }
    this.#disk.update();
    this.#comparedAtMs = this.#runtime.now();
    this.#ticker = this.#runtime.after(this.#options.repairEveryMs * this.#runtime.random(), () => this.#tick());
    this.tableChanged();
    if (complete === 'share') for (const region of this.#copies.wanted()) this.#copies.hold(region, []);
  }

  /** Resolves when this node holds everything that it must keep; at once when it does already. */
  whenSettled(): Promise<void> {
    return this.#repair.whenSettled();
  }

  get isSettled(): boolean {
    return this.#repair.isSettled;
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
    this.#repair.close();
  }

  checkInvariants(): void {
    this.#copies.checkInvariants();
  }

  // ---- News from the node

  tableChanged(): void {
    if (!this.#isRunning) return;
    // At once, lest a region be served that has just gone to another.
    if (this.#copies.reconsider()) this.#output.advertise();
    this.#repair.soon();
  }

  /** The same object for as long as the copies are the same. */
  advert(): Advert {
    const { version, held, spare, retired, lossy, isVolatile } = this.#copies;
    if (this.#advert?.version !== version) {
      this.#advert = { version, advert: { held, spare, retired, lossy, isVolatile } };
    }
    return this.#advert.advert;
  }

  advertised(from: Contact, advert: Advert): void {
    const before = this.#copies.heldBy(from.id);
    if (this.#copies.advertised(from, advert, this.#runtime.now())) this.#output.advertise();
    if (!this.isSettled || !this.#copies.lossy.isEmpty) this.#repair.soon();
    // It may have read them elsewhere, before this owner knew of it and sent it every write.
    const gained = before.missingFrom(this.#copies.heldBy(from.id));
    if (this.#isRunning && this.#table.get(from.id)) void this.#antiEntropy.compareWith(from, gained);
  }

  /** Whatever the node said before holds no longer: it is dead, or lives anew. */
  forget(id: Key): void {
    this.#copies.forget(id);
  }

  // ---- Requests of others

  /** @throws CodecError, OverlayError */
  async answer(from: Contact, payload: Uint8Array): Promise<Uint8Array> {
    const request = decode(replicationRequest, payload);
    switch (request.type) {
      case 'sync':
        await this.#antiEntropy.readBack(from, request.regions);
        return new Uint8Array(0);
      case 'vouch':
        return encode(vouchReply, this.#gathering.vouches());
      case 'kept':
        return encode(keptReply, this.#copies.keptOf(new RegionSet(request.regions)));
      default:
        return this.#server.answer(from, request);
    }
  }

  // ---- Duties

  #tick(): void {
    const { repairEveryMs, antiEntropyEveryMs, forgetAfterMs } = this.#options;
    this.#ticker = this.#runtime.after(repairEveryMs, () => this.#tick());
    const nowMs = this.#runtime.now();
    if (this.#disk.checkDisk()) this.#output.advertise();
    if (this.#copies.version !== this.#restingVersion) this.#tend();
    if (this.#journal.isDurable) void this.#gathering.resolve();
    if (nowMs - this.#comparedAtMs >= antiEntropyEveryMs) {
      this.#comparedAtMs = nowMs;
      this.#copies.forgetSilent(nowMs - forgetAfterMs);
      this.#surplus.dropStrays();
      void this.#antiEntropy.compareNext();
    }
  }

  /**
   * Does what there is to do. Once that is nothing it is not asked again before the copies change: of ten thousand
   * nodes in one process nearly all are at rest.
   */
  #tend(): void {
    // Of now: whatever changes meanwhile is for the next time.
    const { version, isAtRest } = this.#copies;
    this.#restingVersion = isAtRest ? version : null;
    this.#repair.tick();
    this.#surplus.tidy();
    void this.#surplus.offer();
    void this.#surplus.returnStale();
  }

  #buildGathering(ground: ReplicationGround, orphans: Orphans): Gathering {
    return new Gathering(ground, this.#options, this.#disk, orphans, {
      own: (region) => this.serving.readable([region], true, this.#runtime.now()),
      read: (from, region) => this.#reader.read(from, [region], true),
      vouches: (contact) => this.#reader.ask(contact, { type: 'vouch' }, vouchReply),
      isFaithful: () => this.#journal.isDurable && !this.#journal.failure,
      missing: () => this.#output.missing(),
      expectMembers: () => this.#output.expectMembers(),
    });
  }
}
