import { strict as assert } from 'node:assert';
import type { BroadcasterCounters } from './broadcaster.ts';
import { type Codec, decode } from './codec.ts';
import { type Log, type OverlayOptions, overlayDefaults } from './defaults.ts';
import { Journal } from './journal.ts';
import { between, randomKey } from './keys.ts';
import type { LinkCounters } from './links.ts';
import type { LookupCounters } from './lookups.ts';
import {
  type App,
  type AppId,
  type Contact,
  type Key,
  type LookupManner,
  type Loss,
  type Overlay,
  OverlayError,
  type Replicated,
  type RequestOptions,
  type Split,
} from './overlay.ts';
import { Parts } from './parts.ts';
import type { RegionSet } from './region.ts';
import type { ReplicationCounters } from './replication.ts';
import type { RouterCounters } from './router.ts';
import type { RpcCounters } from './rpc.ts';
import type { Address, Runtime, Transport } from './runtime.ts';
import type { WireCounters } from './wire.ts';

export interface OverlayNodeInit {
  readonly runtime: Runtime;
  readonly transport: Transport;
  /** Where the node stands; drawn by chance when absent. */
  readonly id?: Key;
  readonly options?: Partial<OverlayOptions>;
  /** What outlives the node; nothing does when it is absent. */
  readonly journal?: Journal;
  readonly log?: Log;
}

/** Sums since the node was built. */
export type OverlayCounters = WireCounters &
  LinkCounters &
  RpcCounters &
  RouterCounters &
  LookupCounters &
  BroadcasterCounters &
  ReplicationCounters;

/** One member of the ring, as the layers above see it: its life, its keys and its messages. */
export class OverlayNode implements Overlay {
  readonly self: Contact;
  readonly runtime: Runtime;
  readonly options: OverlayOptions;
  readonly journal: Journal;
  readonly log: Log;
  /** Tells the lives of one node apart. */
  readonly incarnation: number;
  readonly #parts: Parts;
  readonly #toSelf: { app: AppId; payload: Uint8Array }[] = [];
  #state: 'new' | 'joining' | 'member' | 'leaving' | 'closed' = 'new';
  #isStandIn = false;

  constructor({ runtime, transport, id, options, journal, log = () => {} }: OverlayNodeInit) {
    this.runtime = runtime;
    this.options = { ...overlayDefaults, ...options };
    const { replicas, leafSetSize } = this.options;
    assert(replicas >= 1 && replicas <= leafSetSize / 2, 'copies fit within one side of the leaf set');
    this.self = { id: id ?? randomKey(() => runtime.random()), address: transport.address };
    this.journal = journal ?? new Journal(null, log);
    this.log = log;
    // 31 bits: every frame brings one, and engines keep larger numbers apart from the objects that have them.
    this.incarnation = 1 + Math.floor(runtime.random() * (2 ** 31 - 1));
    this.#parts = new Parts({
      runtime,
      transport,
      self: this.self,
      incarnation: this.incarnation,
      options: this.options,
      journal: this.journal,
      log,
    });
    this.#parts.wire.isListening = !this.journal.isDurable;
  }

  // ---- Life

  /**
   * Takes up what an earlier life left in the journal; before the node enters the ring. Until then a node with a journal is
   * deaf: members that remember it may speak to it at once.
   * @returns members that it knew then, nearest first
   * @throws StorageError
   */
  async recover(): Promise<readonly Contact[]> {
    assert(this.#state === 'new', 'a node recovers before it enters the ring');
    await this.#parts.replication.recover();
    const members = await this.#parts.diskMembers.recover();
    this.#parts.wire.isListening = true;
    return members;
  }

  /** Members of an earlier life that were not heard in this one are missing, until they are. */
  recall(): void {
    this.#isStandIn = true;
    this.#parts.recall();
  }

  /**
   * Begins a new ring, of which this node holds everything; or what falls to it, when others begin it together with it. When it
   * remembers members of an earlier life (see `recall`) it stands in for a fleet, and holds nothing before it is known how much
   * of that is left.
   * @param others members that begin it too, its neighbours among them; they must be told the same
   */
  bootstrap(others: readonly Contact[] = []): void {
    assert(this.#state === 'new', 'a node enters the ring once');
    this.#state = 'member';
    this.#parts.membership.bootstrap(others);
    // Others had what this node's disk does not tell of.
    const alone = this.#isStandIn ? 'nothing' : 'everything';
    this.#parts.replication.start(others.length === 0 ? alone : 'share');
  }

  /**
   * Enters the ring that a seed belongs to. Resolves when the node is a member and knows its neighbours;
   * `whenSettled` tells when it has its data.
   * @throws OverlayError `unreachable` or `refused` when no seed lets it in; it may be called again then
   */
  async join(seeds: readonly Address[], rounds = this.options.joinRounds): Promise<void> {
    assert(this.#state === 'new', 'a node enters the ring once');
    this.#state = 'joining';
    try {
      await this.#parts.membership.join(seeds, rounds);
    } catch (error) {
      if (this.#state === 'joining') this.#state = 'new';
      throw error;
    }
    this.#state = 'member';
    this.#parts.replication.start('nothing');
  }

  /** Says good-bye, hands all data over, and closes. */
  async leave(): Promise<void> {
    if (this.#state === 'member' && this.#parts.table.size > 1) {
      this.#state = 'leaving';
      // First, since whoever is told takes over at once, writes included.
      this.#parts.replication.leave();
      await this.#parts.membership.leave();
      await this.#parts.replication.handedOver(this.options.leaveTimeoutMs);
    }
    await this.close();
  }

  /** Ends at once, as others will notice. Outstanding requests fail with `closed`. */
  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    await this.#parts.close();
  }

  /** Resolves when this node holds complete copies of everything that it must keep. */
  whenSettled(): Promise<void> {
    return this.#parts.replication.whenSettled();
  }

  get isSettled(): boolean {
    return this.#parts.replication.isSettled;
  }

  counters(): OverlayCounters {
    return {
      ...this.#parts.wire.counters,
      ...this.#parts.links.counters,
      ...this.#parts.rpc.counters,
      ...this.#parts.router.counters,
      ...this.#parts.lookups.counters,
      ...this.#parts.broadcaster.counters,
      ...this.#parts.replication.counters,
    };
  }

  // ---- Apps and data

  /** Ids of programs' apps are 0 to 239. */
  register(app: AppId, handlers: App): void {
    this.#parts.apps.register(app, handlers);
  }

  /** Has the overlay keep copies of what `replicated` stores; before the node enters the ring, on every node alike. */
  replicate(kind: AppId, replicated: Replicated): void {
    this.#parts.replication.register(kind, replicated);
  }

  /** Whether this node's copy of a key, or of all keys clockwise from the first to the last, is complete. */
  holds(first: Key, last = first): boolean {
    return this.#parts.replication.serving.holds(first, last);
  }

  /** Some other member that is known to have a complete copy of `key`. */
  holderOf(key: Key): Contact | undefined {
    return this.#parts.replication.serving.holderOf(key);
  }

  // ---- The ring

  region(): RegionSet {
    return this.#parts.table.region();
  }

  /** Whether this node owns a key, or all keys clockwise from the first to the last. */
  owns(first: Key, last = first): boolean {
    if (first === last) return this.#parts.router.owns(first);
    return this.#parts.membership.isMember && this.#parts.table.region().covers(between(first, last));
  }

  /**
   * Whether a node may own a key, for all that this one knows: whoever stands nearer is silent. If not, whoever it was is
   * looked at, so that the two will agree.
   */
  mayOwn(owner: Contact, key: Key): boolean {
    const { membership, table } = this.#parts;
    if (table.owner(key).id === owner.id) return true;
    const mayBe = ({ id }: Contact): boolean => (id === this.self.id ? membership.isMember : !membership.isSuspect(id));
    const nearest = table.replicas(key, this.options.leafSetSize).find(mayBe);
    if (!nearest || nearest.id === owner.id) return true;
    membership.suspect(nearest, 'another claims its keys');
    return false;
  }

  /** What a member owns by this node's table; undefined when it is not known. */
  regionOf(id: Key): RegionSet | undefined {
    return this.#parts.table.get(id) && this.#parts.table.replicaRegionOf(id, 1);
  }

  /**
   * Other members that writes of keys, clockwise from the first to the last, have to reach: those who must keep copies,
   * and those who say that they have one.
   */
  copiers(first: Key, last: Key): readonly Contact[] {
    return this.#parts.replication.serving.copiers(first, last);
  }

  replicas(key: Key, n: number): readonly Contact[] {
    return this.#parts.table.replicas(key, n);
  }

  neighbours(n: number): readonly Contact[] {
    return this.#parts.table.around(this.self.id, n);
  }

  contacts(): readonly Contact[] {
    return this.#parts.table.contacts();
  }

  missing(): readonly Contact[] {
    return this.#parts.membership.missing();
  }

  /** Whether a member has left a ping unanswered and is being pinged again: not dead yet, nor the first to ask. */
  isSuspect(id: Key): boolean {
    return this.#parts.membership.isSuspect(id);
  }

  split(region: RegionSet, fanout: number, asHolder: boolean): Split {
    return this.#parts.replication.serving.split(region, fanout, asHolder);
  }

  losses(keys: RegionSet): readonly Loss[] {
    return this.#parts.replication.serving.losses(keys);
  }

  checkInvariants(): void {
    this.#parts.table.checkInvariants();
    this.#parts.replication.checkInvariants();
  }

  // ---- Messages

  lookup(key: Key, manner: LookupManner = 'iterative'): Promise<Contact> {
    if (this.#state === 'closed') return Promise.reject(closed());
    return this.#parts.lookups.lookup(key, manner);
  }

  route(key: Key, app: AppId, payload: Uint8Array): void {
    if (this.#state !== 'closed') this.#parts.router.route(key, app, payload);
  }

  broadcast(app: AppId, payload: Uint8Array): void {
    if (this.#state !== 'closed') this.#parts.broadcaster.broadcast(app, payload);
  }

  send(to: Contact, app: AppId, payload: Uint8Array): void {
    if (to.id !== this.self.id) {
      this.#parts.links.send(to, app, payload);
      return;
    }
    this.#toSelf.push({ app, payload });
    if (this.#toSelf.length === 1) this.runtime.after(0, () => this.#deliverToSelf());
  }

  request(to: Contact, app: AppId, payload: Uint8Array, options: RequestOptions = {}): Promise<Uint8Array> {
    if (to.id !== this.self.id) return this.#parts.rpc.request(to, app, payload, options);
    return this.#requestOfSelf(app, payload);
  }

  /** A request whose answer is read with a codec. @throws OverlayError `unreachable` when it cannot be */
  ask<T>(to: Contact, app: AppId, payload: Uint8Array, answer: Codec<T>, options: RequestOptions = {}): Promise<T> {
    if (to.id !== this.self.id) return this.#parts.rpc.ask(to, app, payload, answer, options);
    return this.#requestOfSelf(app, payload).then((answered) => decode(answer, answered));
  }

  async #requestOfSelf(app: AppId, payload: Uint8Array): Promise<Uint8Array> {
    if (this.#state === 'closed') throw closed();
    await Promise.resolve();
    try {
      return await this.#parts.answer(this.self, app, payload);
    } catch (error) {
      if (error instanceof OverlayError) throw error;
      throw new OverlayError('refused', error instanceof Error ? error.message : String(error), { cause: error });
    }
  }

  watch(peer: Contact, onLost: (reason: string) => void): () => void {
    if (peer.id === this.self.id) return () => {};
    return this.#parts.links.watch(peer, onLost);
  }

  #deliverToSelf(): void {
    if (this.#state === 'closed') return;
    for (const { app, payload } of this.#toSelf.splice(0)) this.#parts.apps.receive(this.self, app, payload);
  }
}

function closed(): OverlayError {
  return new OverlayError('closed', 'this node is closed');
}
