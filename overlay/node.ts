import { strict as assert } from 'node:assert';
import { Broadcaster, type BroadcasterCounters } from './broadcaster.ts';
import { type CodecError, decode, encode } from './codec.ts';
import {
  broadcastApp,
  type ControlRequest,
  controlApp,
  controlRequest,
  findReply,
  joinReply,
  lookupApp,
  membersReply,
  reachReply,
  replicationApp,
} from './control.ts';
import { type Log, type OverlayOptions, overlayDefaults } from './defaults.ts';
import { DiskMembers } from './disk-members.ts';
import { ContactTable } from './geometry/contact-table.ts';
import { Journal } from './journal.ts';
import { between, randomKey } from './keys.ts';
import { type LinkCounters, Links } from './links.ts';
import { type LookupCounters, Lookups } from './lookups.ts';
import { Membership } from './membership/membership.ts';
import { Peers } from './membership/peers.ts';
import type { Advert, MessageHandlers } from './messages.ts';
import {
  type App,
  type AppId,
  type Contact,
  type Forward,
  type Key,
  type LookupManner,
  type Loss,
  type MembershipChange,
  type Overlay,
  OverlayError,
  type Replicated,
  type RequestOptions,
  type RoutedMessage,
  type Split,
} from './overlay.ts';
import { RegionSet } from './region.ts';
import { Replication, type ReplicationCounters } from './replication.ts';
import { Router, type RouterCounters } from './router.ts';
import type { RoutingTable } from './routing-table.ts';
import { Rpc, type RpcCounters } from './rpc.ts';
import type { Address, Runtime, Timer, Transport } from './runtime.ts';
import { type Target, Wire, type WireCounters } from './wire.ts';

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

const controlBytes = 128;

/** One member of the ring: ties table, membership, conversations, requests, routing and copies together. */
export class OverlayNode implements Overlay {
  readonly self: Contact;
  readonly runtime: Runtime;
  readonly options: OverlayOptions;
  readonly journal: Journal;
  /** Tells the lives of one node apart. */
  readonly incarnation: number;
  readonly #transport: Transport;
  readonly #table: RoutingTable;
  readonly #peers: Peers;
  readonly #wire: Wire;
  readonly #links: Links;
  readonly #rpc: Rpc;
  readonly #membership: Membership;
  readonly #replication: Replication;
  readonly #router: Router;
  readonly #lookups: Lookups;
  readonly #broadcaster: Broadcaster;
  readonly #diskMembers: DiskMembers;
  #knownBefore: readonly Contact[] = [];
  readonly #apps = new Map<AppId, App>();
  readonly #toSelf: { app: AppId; payload: Uint8Array }[] = [];
  #state: 'new' | 'joining' | 'member' | 'leaving' | 'closed' = 'new';
  #forgetter: Timer;

  constructor({ runtime, transport, id, options, journal, log = () => {} }: OverlayNodeInit) {
    this.runtime = runtime;
    this.options = { ...overlayDefaults, ...options };
    const { replicas, leafSetSize } = this.options;
    assert(replicas >= 1 && replicas <= leafSetSize / 2, 'copies fit within one side of the leaf set');
    this.#transport = transport;
    this.self = { id: id ?? randomKey(() => runtime.random()), address: transport.address };
    this.journal = journal ?? new Journal(null, log);
    const incarnation = 1 + Math.floor(runtime.random() * (2 ** 32 - 1));
    this.incarnation = incarnation;
    this.#table = new ContactTable(this.self, this.options);
    this.#diskMembers = new DiskMembers(runtime, this.journal, this.#table);
    this.#peers = new Peers(this.options);
    this.#wire = new Wire({
      runtime,
      transport,
      self: this.self,
      incarnation,
      forgetAfterMs: this.options.forgetAfterMs,
      log,
    });
    this.#links = this.#buildLinks(incarnation);
    this.#rpc = this.#buildRpc(log);
    this.#membership = this.#buildMembership(log);
    this.#replication = this.#buildReplication(log);
    this.#router = this.#buildRouter(log);
    this.#lookups = this.#buildLookups();
    this.#broadcaster = this.#buildBroadcaster();
    this.#wire.start((envelope, from) => {
      this.#links.heard(envelope.sender, runtime.now());
      return this.#membership.heard(envelope, from);
    }, this.#handlers());
    transport.onLinkDown((peer, reason) => {
      if (this.#state === 'closed') return;
      this.#links.onLinkDown(peer, reason);
      this.#membership.onLinkDown(peer, reason);
    });
    this.#forgetter = runtime.after(this.options.forgetAfterMs / 2, () => this.#forget());
  }

  // ---- Life

  /**
   * Takes up what an earlier life left in the journal; before the node enters the ring.
   * @returns members that it knew then, nearest first
   * @throws StorageError
   */
  async recover(): Promise<readonly Contact[]> {
    assert(this.#state === 'new', 'a node recovers before it enters the ring');
    await this.#replication.recover();
    this.#knownBefore = await this.#diskMembers.recover();
    return this.#knownBefore;
  }

  /** Members of an earlier life that were not heard in this one are missing, until they are. */
  recall(): void {
    this.#membership.recall(this.#knownBefore);
    this.#knownBefore = [];
  }

  /**
   * Begins a new ring, of which this node holds everything; or what falls to it, when others begin it together with it.
   * @param others members that begin it too, its neighbours among them; they must be told the same
   */
  bootstrap(others: readonly Contact[] = []): void {
    assert(this.#state === 'new', 'a node enters the ring once');
    this.#state = 'member';
    this.#membership.bootstrap(others);
    this.#replication.start(others.length === 0);
    const { copies } = this.#replication;
    if (others.length > 0) for (const region of copies.wanted()) copies.hold(region, []);
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
      await this.#membership.join(seeds, rounds);
    } catch (error) {
      if (this.#state === 'joining') this.#state = 'new';
      throw error;
    }
    this.#state = 'member';
    this.#replication.start(false);
  }

  /** Says good-bye, hands all data over, and closes. */
  async leave(): Promise<void> {
    if (this.#state === 'member' && this.#table.size > 1) {
      this.#state = 'leaving';
      // First, since whoever is told takes over at once, writes included.
      this.#replication.leave();
      await this.#membership.leave();
      await this.#replication.handedOver(this.options.leaveTimeoutMs);
    }
    await this.close();
  }

  /** Ends at once, as others will notice. Outstanding requests fail with `closed`. */
  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#forgetter.cancel();
    this.#membership.close();
    this.#replication.close();
    this.#broadcaster.close();
    this.#diskMembers.close();
    this.#links.close();
    this.#rpc.close();
    await this.#transport.close();
    await this.journal.close();
  }

  /** Resolves when this node holds complete copies of everything that it must keep. */
  whenSettled(): Promise<void> {
    return this.#replication.whenSettled();
  }

  get isSettled(): boolean {
    return this.#replication.isSettled;
  }

  counters(): OverlayCounters {
    return {
      ...this.#wire.counters,
      ...this.#links.counters,
      ...this.#rpc.counters,
      ...this.#router.counters,
      ...this.#lookups.counters,
      ...this.#broadcaster.counters,
      ...this.#replication.counters,
    };
  }

  // ---- Apps and data

  /** App ids are 0 to 239; the others are the overlay's own. */
  register(app: AppId, handlers: App): void {
    assert(!this.#apps.has(app), `app ${app} is registered already`);
    const isReserved = app === controlApp || app === broadcastApp || app === replicationApp;
    assert(Number.isInteger(app) && app >= 0 && app <= 255 && !isReserved, `app ${app} is not free`);
    this.#apps.set(app, handlers);
  }

  /** Has the overlay keep copies of what `replicated` stores; before the node enters the ring, on every node alike. */
  replicate(kind: AppId, replicated: Replicated): void {
    this.#replication.register(kind, replicated);
  }

  /** Whether this node's copy of a key, or of all keys clockwise from the first to the last, is complete. */
  holds(first: Key, last = first): boolean {
    return this.#replication.holds(first, last);
  }

  /** Some other member that is known to have a complete copy of `key`. */
  holderOf(key: Key): Contact | undefined {
    return this.#replication.holderOf(key);
  }

  // ---- The ring

  region(): RegionSet {
    return this.#table.region();
  }

  /** Whether this node owns a key, or all keys clockwise from the first to the last. */
  owns(first: Key, last = first): boolean {
    if (first === last) return this.#router.owns(first);
    return this.#membership.isMember && this.#table.region().covers(between(first, last));
  }

  /** What a member owns by this node's table; undefined when it is not known. */
  regionOf(id: Key): RegionSet | undefined {
    return this.#table.get(id) && this.#table.replicaRegionOf(id, 1);
  }

  /** Members that keep copies of any key clockwise from the first to the last, when `n` do of each. */
  keepers(first: Key, last: Key, n: number): readonly Contact[] {
    if (first === last) return this.#table.replicas(first, n);
    return this.#table.keepers(new RegionSet([between(first, last)]), n);
  }

  replicas(key: Key, n: number): readonly Contact[] {
    return this.#table.replicas(key, n);
  }

  neighbours(n: number): readonly Contact[] {
    return this.#table.around(this.self.id, n);
  }

  contacts(): readonly Contact[] {
    return this.#table.contacts();
  }

  missing(): readonly Contact[] {
    return this.#membership.missing();
  }

  /** Whether a member has left a ping unanswered and is being pinged again: not dead yet, nor the first to ask. */
  isSuspect(id: Key): boolean {
    return this.#membership.isSuspect(id);
  }

  split(region: RegionSet, fanout: number, asHolder: boolean): Split {
    return this.#replication.split(region, fanout, asHolder);
  }

  losses(keys: RegionSet): readonly Loss[] {
    return this.#replication.losses(keys);
  }

  checkInvariants(): void {
    this.#table.checkInvariants();
    this.#replication.copies.checkInvariants();
  }

  // ---- Messages

  lookup(key: Key, manner: LookupManner = 'iterative'): Promise<Contact> {
    if (this.#state === 'closed') return Promise.reject(closed());
    return this.#lookups.lookup(key, manner);
  }

  route(key: Key, app: AppId, payload: Uint8Array): void {
    if (this.#state !== 'closed') this.#router.route(key, app, payload);
  }

  broadcast(app: AppId, payload: Uint8Array): void {
    if (this.#state !== 'closed') this.#broadcaster.broadcast(app, payload);
  }

  send(to: Contact, app: AppId, payload: Uint8Array): void {
    if (to.id !== this.self.id) {
      this.#links.send(to, app, payload);
      return;
    }
    this.#toSelf.push({ app, payload });
    if (this.#toSelf.length === 1) this.runtime.after(0, () => this.#deliverToSelf());
  }

  async request(to: Contact, app: AppId, payload: Uint8Array, options: RequestOptions = {}): Promise<Uint8Array> {
    if (to.id !== this.self.id) return this.#rpc.request(to, app, payload, options.timeoutMs);
    if (this.#state === 'closed') throw closed();
    await Promise.resolve();
    try {
      return await this.#answer(this.self, app, payload);
    } catch (error) {
      if (error instanceof OverlayError) throw error;
      throw new OverlayError('refused', error instanceof Error ? error.message : String(error), { cause: error });
    }
  }

  watch(peer: Contact, onLost: (reason: string) => void): () => void {
    if (peer.id === this.self.id) return () => {};
    return this.#links.watch(peer, onLost);
  }

  #deliverToSelf(): void {
    if (this.#state === 'closed') return;
    for (const { app, payload } of this.#toSelf.splice(0)) this.#deliver(this.self, app, payload);
  }

  #deliver(from: Contact, app: AppId, payload: Uint8Array): void {
    this.#guard(from, from, app, () => this.#apps.get(app)?.receive?.(from, payload));
  }

  /** Runs an upcall with a payload of `source` that came from `via`. Only its maker is to blame for what it says. */
  #guard(source: Contact, via: Contact, app: AppId, run: () => void): boolean {
    const isMaker = source.id === via.id && via.id !== this.self.id;
    return this.#wire.guard(isMaker ? via.address : null, via.address, app, run);
  }

  #answer(from: Contact, app: AppId, payload: Uint8Array): Promise<Uint8Array> | Uint8Array {
    if (app === controlApp) return this.#answerControl(from, decode(controlRequest, payload));
    if (app === broadcastApp) return this.#broadcaster.answer(from, payload);
    if (app === replicationApp) return this.#replication.answer(from, payload);
    const handlers = this.#apps.get(app);
    if (!handlers?.answer) throw new OverlayError('refused', `no app ${app} answers at ${this.self.address}`);
    return handlers.answer(from, payload);
  }

  #answerControl(from: Contact, request: ControlRequest): Uint8Array | Promise<Uint8Array> {
    switch (request.type) {
      case 'join': {
        const reply = this.#membership.introduce(from.id, request.contactsMax);
        return encode(joinReply, reply, controlBytes * (1 + reply.contacts.length));
      }
      case 'leave':
        return new Uint8Array(0); // The envelope said it already.
      case 'compare':
        return encode(membersReply, this.#membership.compare(request.arcs), controlBytes);
      case 'reach':
        return this.#membership.reach(request.contact).then((reached) => encode(reachReply, reached));
      case 'find':
        return encode(findReply, this.#router.find(request.key));
      case 'found':
        this.#lookups.onFound(from, request.number);
        return new Uint8Array(0);
      case 'hop':
        this.#router.onHop(request, from);
        return new Uint8Array(0);
    }
  }

  #ask(to: Target, request: ControlRequest, timeoutMs: number): Promise<Uint8Array> {
    const payload = 'payload' in request ? request.payload.length : 0;
    return this.#rpc.request(to, controlApp, encode(controlRequest, request, controlBytes + payload), timeoutMs);
  }

  #changed(change: MembershipChange): void {
    for (const app of this.#apps.values()) app.update?.(change);
  }

  #forget(): void {
    const nowMs = this.runtime.now();
    const { forgetAfterMs } = this.options;
    this.#forgetter = this.runtime.after(forgetAfterMs / 2, () => this.#forget());
    this.#links.forgetIdle(nowMs);
    this.#peers.forgetSilent(nowMs - forgetAfterMs, (id) => this.#table.isLeaf(id));
    this.#wire.forgetSilent(nowMs - forgetAfterMs);
    this.#membership.forgetSilent(nowMs - forgetAfterMs);
  }

  // ---- Construction

  #handlers(): MessageHandlers {
    const onChannelMessage = this.#links.onMessage.bind(this.#links);
    return {
      data: onChannelMessage,
      ack: onChannelMessage,
      reset: onChannelMessage,
      request: (from, message, envelope) => this.#rpc.onRequest(from, envelope.incarnation, message),
      reply: (from, message) => this.#rpc.onReply(from, message),
      ping: (from, message) => this.#membership.onPing(from, message),
      pong: (from, message) => this.#membership.onPong(from, message),
      gossip: (from, message) => this.#membership.onGossip(from, message),
      gossipAck: (_from, message) => this.#membership.onGossipAck(message),
      stranger: (from, { meant }) => {
        this.#links.abandon(meant, 'another node lives at its address');
        this.#rpc.abandon(meant, 'another node lives at its address');
        this.#membership.onStranger(from, meant);
      },
    };
  }

  #buildLinks(incarnation: number): Links {
    return new Links(this.runtime, this.options, incarnation, {
      transmit: (to, message) => this.#wire.send(to, message),
      deliver: (from, app, payload) => this.#deliver(from, app, payload),
      ping: (to) => this.#membership.ping(to),
      lost: (peer, reason) => this.#membership.suspect(peer, reason),
      incarnationOf: (id) => this.#peers.get(id)?.incarnation ?? 0,
    });
  }

  #buildRpc(log: Log): Rpc {
    const output = {
      transmit: this.#wire.send.bind(this.#wire),
      answer: this.#answer.bind(this),
      malformed: (from: Contact, app: AppId, error: CodecError) =>
        this.#wire.rejectPayload(from.address, from.address, app, error),
      timeoutMs: this.#peers.timeoutMs.bind(this.#peers),
      unanswered: ({ id, address }: Target) => {
        if (id !== null) this.#membership.suspect({ id, address }, 'a request was not answered');
      },
    };
    return new Rpc(this.runtime, this.options, output, log);
  }

  #buildMembership(log: Log): Membership {
    const { joinRequestTimeoutMs, hopTimeoutMs, helperTimeoutMs } = this.options;
    const output = {
      transmit: this.#wire.send.bind(this.#wire),
      askJoin: async (to: Target, contactsMax: number) =>
        decode(joinReply, await this.#ask(to, { type: 'join', contactsMax }, joinRequestTimeoutMs)),
      askCompare: async (to: Contact, arcs: readonly number[]) =>
        decode(membersReply, await this.#ask(to, { type: 'compare', arcs }, hopTimeoutMs)),
      askReach: async (to: Contact, contact: Contact) => {
        const reply = this.#ask(to, { type: 'reach', contact }, helperTimeoutMs);
        return reply.then(
          (payload) => decode(reachReply, payload),
          () => false,
        );
      },
      askLeave: async (to: Contact) => {
        await this.#ask(to, { type: 'leave' }, joinRequestTimeoutMs);
      },
      advert: () => this.#replication.advert(),
      advertised: (from: Contact, advert: Advert) => this.#replication.advertised(from, advert),
      changed: this.#changed.bind(this),
      tableChanged: () => {
        this.#diskMembers.changed();
        this.#replication.tableChanged();
      },
      isEngaged: (id: Key) => this.#links.isEngaged(id) || this.#rpc.isAsking(id),
      dead: (contact: Contact, reason: string) => {
        this.#replication.forget(contact.id);
        this.#links.abandon(contact.id, reason);
        this.#rpc.abandon(contact.id, reason);
      },
      restarted: (contact: Contact) => {
        this.#replication.forget(contact.id);
        this.#links.restarted(contact.id);
      },
      setMember: (isMember: boolean) => {
        this.#wire.isMember = isMember;
      },
    };
    return new Membership(this.runtime, this.options, this.#table, this.#peers, output, log);
  }

  #buildReplication(log: Log): Replication {
    const output = {
      ask: (to: Contact, request: Uint8Array) => this.#rpc.request(to, replicationApp, request),
      ping: (to: Contact) => this.#membership.askAdvert(to),
      advertise: () => this.#membership.advertise(),
      isAnyoneMissing: () => this.#membership.missing().length > 0,
      expectMembers: () => this.recall(),
    };
    return new Replication(this.runtime, this.options, this.#table, output, this.journal, log);
  }

  #buildLookups(): Lookups {
    const output = { ask: this.#ask.bind(this), timeoutMs: this.#peers.timeoutMs.bind(this.#peers) };
    return new Lookups(this.runtime, this.options, this.self, this.#router, output);
  }

  #buildRouter(log: Log): Router {
    const output = {
      isMember: () => this.#membership.isMember,
      isSuspect: (id: Key) => this.#membership.isSuspect(id),
      ask: this.#ask.bind(this),
      timeoutMs: this.#peers.timeoutMs.bind(this.#peers),
      deliver: (message: RoutedMessage, via: Contact) => {
        if (message.app === lookupApp) this.#lookups.onQuestion(message);
        else this.#guard(message.source, via, message.app, () => this.#apps.get(message.app)?.deliver?.(message));
      },
      forward: (message: RoutedMessage, nextHop: Contact, via: Contact): Forward => {
        let verdict: Forward = { kind: 'continue' };
        const isRead = this.#guard(message.source, via, message.app, () => {
          verdict = this.#apps.get(message.app)?.forward?.(message, nextHop) ?? verdict;
        });
        return isRead ? verdict : { kind: 'absorb' };
      },
    };
    return new Router(this.runtime, this.options, this.#table, output, log);
  }

  #buildBroadcaster(): Broadcaster {
    return new Broadcaster(this.runtime, this.options, this.#table, {
      ask: (to, payload, timeoutMs) => this.#rpc.request(to, broadcastApp, payload, timeoutMs),
      deliver: ({ origin, app, payload, depth }, via) =>
        this.#guard(origin, via, app, () => this.#apps.get(app)?.broadcast?.(origin, payload, depth)),
    });
  }
}

function closed(): OverlayError {
  return new OverlayError('closed', 'this node is closed');
}
