import type { JoinReply, MembersReply } from '../control.ts';
import type { Log } from '../defaults.ts';
import {
  type Advert,
  type Envelope,
  type GossipAckMessage,
  type GossipMessage,
  type Message,
  type News,
  nameOf,
  type PingMessage,
} from '../messages.ts';
import { type Contact, type Key, type MembershipChange, OverlayError } from '../overlay.ts';
import type { RoutingTable } from '../routing-table.ts';
import type { Address, Runtime, Timer } from '../runtime.ts';
import type { Target } from '../wire.ts';
import { Adverts } from './adverts.ts';
import { Budget } from './budget.ts';
import { ChurnMeter } from './churn-meter.ts';
import { Comparison, type ComparisonOptions } from './comparison.ts';
import { Detection, type DetectionOptions } from './detection.ts';
import { Gossip, type GossipOptions } from './gossip.ts';
import { introduction, Joining, type JoiningOptions } from './joining.ts';
import type { Peer, Peers } from './peers.ts';
import type { Suspicion } from './probes.ts';
import { Reunion, type ReunionOptions } from './reunion.ts';
import { Roster } from './roster.ts';
import { type Tombstone, type TombstoneOptions, Tombstones } from './tombstones.ts';

export interface MembershipOptions
  extends DetectionOptions,
    GossipOptions,
    ComparisonOptions,
    JoiningOptions,
    ReunionOptions,
    TombstoneOptions {
  readonly tickMs: number;
  readonly verifyQueueMax: number;
  readonly verifyBurst: number;
  readonly verifyEveryMs: number;
  readonly gossipBytesPerSecond: number;
  readonly advertRetryMs: number;
  readonly leaveTellsMax: number;
}

export interface MembershipOutput {
  transmit(to: Target, message: Message): void;
  askJoin(to: Target, contactsMax: number): Promise<JoinReply>;
  askLeave(to: Contact): Promise<void>;
  askCompare(to: Contact, arcs: readonly number[]): Promise<MembersReply>;
  askReach(helper: Contact, contact: Contact): Promise<boolean>;
  /** What this node tells of its copies. */
  advert(): Advert;
  advertised(from: Contact, advert: Advert): void;
  /** For the apps; the table has changed already. */
  changed(change: MembershipChange): void;
  /** Members that decide regions and copies changed. */
  tableChanged(): void;
  /** Whether this node is talking with the member: then it sees for itself whether that is dead. */
  isEngaged(id: Key): boolean;
  /** The peer is believed dead: nobody should wait for it. */
  dead(contact: Contact, reason: string): void;
  restarted(contact: Contact): void;
  /** This node enters or leaves the ring: its frames say so from now on. */
  setMember(isMember: boolean): void;
}

const stampUnitsPerMs = 16;

/**
 * Who belongs to the ring. Keeps the routing table, hears the frames that matter for it, and has its parts do their
 * duties: `Detection` tells life from death, `Gossip` spreads the word, `Comparison` finds what that left out,
 * `Adverts` are what neighbours tell each other of their copies, `Reunion` looks for those who were lost.
 *
 * Whoever decides regions, a member of the leaf set, was heard by this node itself. Others are taken in on hearsay
 * and dropped on hearsay: whoever was wrong finds out by use, or when its turn comes to be looked at. Removed members
 * leave a tombstone: only what is newer than their death, or an answer, brings them back.
 */
export class Membership {
  readonly #runtime: Runtime;
  readonly #options: MembershipOptions;
  readonly #table: RoutingTable;
  readonly #peers: Peers;
  readonly #output: MembershipOutput;
  readonly #log: Log;
  readonly #tombstones: Tombstones;
  readonly #churn: ChurnMeter;
  readonly #roster: Roster;
  readonly #detection: Detection;
  readonly #gossip: Gossip;
  readonly #comparison: Comparison;
  readonly #adverts: Adverts;
  readonly #reunion: Reunion;
  readonly #joining: Joining;
  /** Contacts to ping in bursts: those known are told of this node, those heard of are checked. */
  readonly #toGreet = new Map<Key, Contact>();
  #isMember = false;
  #isClosed = false;
  #ticker: Timer | null = null;
  #greeter: Timer | null = null;
  #advertiser: Timer | null = null;

  constructor(
    runtime: Runtime,
    options: MembershipOptions,
    table: RoutingTable,
    peers: Peers,
    output: MembershipOutput,
    log: Log,
  ) {
    this.#runtime = runtime;
    this.#options = options;
    this.#table = table;
    this.#peers = peers;
    this.#output = output;
    this.#log = log;
    const nowMs = runtime.now();
    const budget = new Budget(options.gossipBytesPerSecond, options.gossipBurstBytes, nowMs);
    this.#tombstones = new Tombstones(options);
    this.#churn = new ChurnMeter(nowMs);
    this.#roster = new Roster(
      table,
      options.leafSetSize,
      { changed: (change) => output.changed(change), leavesChanged: () => output.tableChanged() },
      log,
    );
    this.#detection = this.#buildDetection();
    this.#gossip = new Gossip(runtime, options, budget, {
      transmit: (to, message) => output.transmit(to, message),
      listener: () => this.#anyMember(),
      members: () => table.size,
      consider: (news) => this.#consider(news),
    });
    this.#comparison = new Comparison(runtime, options, table, budget, {
      arcs: () => this.#roster.arcs,
      ask: (to, arcs) => output.askCompare(to, arcs),
      lacked: (contact) => this.#mentioned(contact),
      doubted: (contact) => this.suspect(contact, 'another member does not know it'),
    });
    this.#adverts = new Adverts({
      current: () => output.advert(),
      advertised: (from, advert) => output.advertised(from, advert),
    });
    this.#reunion = new Reunion(runtime, options, {
      ping: (to) => this.ping(to),
      knows: (address) => address === table.self.address || table.at(address) !== undefined,
      isAlone: () => table.size === 1,
    });
    const joining = { ask: output.askJoin, isClosed: () => this.#isClosed };
    this.#joining = new Joining(runtime, options, table, joining, log);
  }

  get isMember(): boolean {
    return this.#isMember;
  }

  /** Members that failed within `missingRememberedMs`, by what this node heard, and whose addresses nobody else has. */
  missing(): Contact[] {
    return this.#failed().map(({ contact }) => contact);
  }

  /** Whether a member has left a ping unanswered: others should be tried first. */
  isSuspect(id: Key): boolean {
    return this.#detection.isSuspect(id);
  }

  // ---- Coming and going

  /** Begins a ring with these others. */
  bootstrap(others: readonly Contact[]): void {
    for (const contact of others) this.#roster.add(contact);
    this.#enter();
  }

  /** Members of an earlier life whom nobody has been able to reach yet: missing, until they are. */
  recall(contacts: readonly Contact[]): void {
    for (const contact of contacts) this.#mourn(contact, this.#runtime.now());
  }

  /** @throws OverlayError when no seed lets this node in */
  async join(seeds: readonly Address[], rounds: number): Promise<void> {
    this.#reunion.remember(seeds.filter((seed) => seed !== this.#table.self.address));
    await this.#joining.join(seeds, rounds, async ({ neighbours, contacts, missing }) => {
      const nowMs = this.#runtime.now();
      for (const { contact, agoMs } of missing) this.#mourn(contact, nowMs - agoMs);
      await Promise.all(neighbours.map((contact) => this.#checked(contact)));
      if (this.#table.size === 1) throw new OverlayError('unreachable', 'no member near this node answers');
      this.#enter();
      for (const contact of neighbours) this.#greet(contact);
      for (const contact of contacts) this.#mentioned(contact);
    });
  }

  /** Tells those who must know at once, who tell the others; the caller then sees to the data. */
  async leave(): Promise<void> {
    this.#isMember = false;
    this.#output.setMember(false);
    const leaves = this.#table.leaves();
    for (let i = 0; i < this.#options.leaveTellsMax; i++) {
      const contact = this.#anyMember();
      if (contact && !this.#table.isLeaf(contact.id)) this.ping(contact);
    }
    await Promise.allSettled(leaves.map((leaf) => this.#output.askLeave(leaf)));
  }

  close(): void {
    this.#isClosed = true;
    this.#isMember = false;
    for (const timer of [this.#ticker, this.#greeter, this.#advertiser]) timer?.cancel();
    this.#detection.close();
    this.#gossip.close();
  }

  // ---- Questions of others

  /** The answer to a node that wants to join. */
  introduce(newcomer: Key, contactsMax: number): JoinReply {
    if (!this.#isMember) throw new OverlayError('refused', 'not a member of a ring myself');
    const { joinContactsMax } = this.#options;
    const nowMs = this.#runtime.now();
    const sampleMax = Math.min(contactsMax, joinContactsMax);
    return introduction(this.#table, newcomer, sampleMax, this.#failed(), nowMs);
  }

  compare(arcs: readonly number[]): MembersReply {
    return this.#comparison.answer(arcs);
  }

  /** Tries to reach a member that another one cannot. */
  reach(contact: Contact): Promise<boolean> {
    return this.#detection.reach(contact);
  }

  // ---- Frames

  /** A frame of any kind came. Returns the sender's contact. */
  heard(envelope: Envelope, from: Address): Contact {
    const { sender, isMember, message } = envelope;
    const { peer, restarted } = this.#peers.heard(sender, from, envelope.incarnation, this.#runtime.now());
    const { contact } = peer;
    const known = this.#table.get(sender);
    if (restarted) {
      this.#adverts.forget(sender);
      this.#output.restarted(contact);
    }
    if (known && !isMember) this.#remove(known, restarted ? 'failed' : 'left', 'is no member any more');
    else if (known) {
      if (restarted) this.#roster.cameBack(contact);
      if (known.address !== from) this.#roster.move(contact);
    } else if (isMember) {
      // A straggler from before its death must not revive a member: only an answer does.
      if (!this.#tombstones.get(sender) || message.type === 'pong') this.#admit(peer);
      else this.#mentioned(contact);
    }
    if (message.type === 'pong' || (known && isMember)) this.#detection.answered(sender);
    return contact;
  }

  onPing(from: Contact, message: PingMessage): void {
    const nowMs = this.#runtime.now();
    const isLeaf = this.#exchanged(from, message, nowMs);
    const { view, census } = message;
    this.#output.transmit(from, {
      type: 'pong',
      stamp: message.stamp,
      ...this.#adverts.compose(from.id, isLeaf || message.asks, nowMs),
      asks: false,
      view: null,
      census: census && !this.#roster.agrees(census) ? this.#roster.census : null,
      contacts: view !== null && view !== this.#roster.viewAround(this.#table.self.id) ? this.#around(from.id) : [],
    });
  }

  onPong(from: Contact, message: PingMessage): void {
    const nowMs = this.#runtime.now();
    const elapsedMs = ((stampAt(nowMs) - message.stamp) >>> 0) / stampUnitsPerMs;
    const { roundTrip } = this.#peers.get(from.id) as Peer;
    // More than the longest timeout is a stamp that is not ours.
    if (elapsedMs < 60_000) {
      roundTrip.sample(elapsedMs);
      if (this.#table.get(from.id)) this.#table.heard(from, roundTrip.meanMs ?? undefined);
    }
    this.#exchanged(from, message, nowMs);
    if (message.contacts.length > 0) this.#ping(from, { contacts: this.#around(from.id) });
    if (message.census && !this.#roster.agrees(message.census)) void this.#comparison.begin(from, message.census);
  }

  onGossip(from: Contact, message: GossipMessage): void {
    this.#gossip.onGossip(from, message);
  }

  onGossipAck(message: GossipAckMessage): void {
    this.#gossip.onAck(message);
  }

  /** Somebody else lives where a frame for `meant` went. */
  onStranger(from: Contact, meant: Key): void {
    const known = this.#table.get(meant);
    if (known?.address === from.address) this.#replaced(known);
  }

  onLinkDown(address: Address, reason: string): void {
    const contact = this.#table.at(address);
    if (contact) this.suspect(contact, `link down: ${reason}`);
  }

  /** Some attempt to reach the peer failed: see whether it lives. */
  suspect(contact: Contact, reason: string): void {
    const known = this.#table.get(contact.id);
    if (known && known.id !== this.#table.self.id) this.#detection.suspect(known, reason);
  }

  /** Where its answer goes: a single frame, not repeated. */
  ping(to: Target): void {
    this.#ping(to, {});
  }

  /** The same, to exchange adverts with a member that may be no neighbour. */
  askAdvert(to: Target): void {
    this.#ping(to, { asks: true });
  }

  /** What this node tells of its copies has changed: tells its leaf set soon. */
  advertise(): void {
    if (!this.#isMember && this.#table.size === 1) return;
    this.#advertiser ??= this.#runtime.after(this.#options.verifyEveryMs, () => {
      this.#advertiser = null;
      this.#tellAdverts(0);
    });
  }

  forgetSilent(beforeMs: number): void {
    this.#tombstones.forgetOld(this.#runtime.now());
    this.#adverts.forgetSilent(beforeMs, (id) => this.#table.isLeaf(id));
  }

  #ping(to: Target, { asks = false, census = false, contacts = [] }: PingExtras): void {
    const nowMs = this.#runtime.now();
    const id = to.id ?? '';
    const isLeaf = this.#table.isLeaf(id);
    this.#output.transmit(to, {
      type: 'ping',
      stamp: stampAt(nowMs),
      ...this.#adverts.compose(id, isLeaf || asks, nowMs),
      asks,
      view: isLeaf && this.#isMember && this.#detection.isNear(id) ? this.#roster.viewAround(id) : null,
      census: census ? this.#roster.census : null,
      contacts,
    });
  }

  /** What pings and pongs have in common. Returns whether the sender belongs to the leaf set. */
  #exchanged(from: Contact, message: PingMessage, nowMs: number): boolean {
    const peer = this.#peers.get(from.id);
    if (peer) peer.exchangedAtMs = nowMs;
    for (const contact of message.contacts) this.#mentioned(contact);
    const isLeaf = this.#table.isLeaf(from.id);
    this.#adverts.received(from, message, isLeaf, nowMs);
    return isLeaf;
  }

  #around(id: Key): readonly Contact[] {
    return this.#isMember ? this.#table.around(id, this.#roster.viewSize).filter((contact) => contact.id !== id) : [];
  }

  // ---- Hearsay

  /** Somebody claims that this is a member, or, with a time, that it was one then. */
  #mentioned(contact: Contact, atMs?: number): void {
    const { id } = contact;
    if (id === this.#table.self.id || this.#table.get(id) || this.#detection.isProbing(id)) return;
    const tombstone = this.#tombstones.get(id);
    const isBack = tombstone !== undefined && atMs !== undefined && atMs > tombstone.atMs;
    if (tombstone && !isBack) {
      if (this.#tombstones.mayRetry(tombstone, this.#runtime.now())) this.#greet(contact);
    } else if (this.#table.wants(contact)) {
      if (this.#table.wouldBeLeaf(id) || this.#table.at(contact.address)) this.#greet(contact);
      else this.#trust(contact);
    }
  }

  /** Returns whether the piece was new, and is worth being told on. */
  #consider(news: News): boolean {
    const atMs = this.#runtime.now() - news.agoMs;
    if (news.kind === 'joined') {
      const { contact } = news;
      if (this.#table.get(contact.id)) return false;
      this.#mentioned(contact, atMs);
      return this.#table.get(contact.id) !== undefined || this.#toGreet.has(contact.id);
    }
    const { name, kind } = news;
    if (name === nameOf(this.#table.self.id)) {
      if (this.#isMember) this.#gossip.tell({ kind: 'joined', contact: this.#table.self, agoMs: 0 });
      return false;
    }
    const known = this.#roster.named(name);
    if (!known) return !this.#tombstones.isBuried(name);
    if ((this.#peers.get(known.id)?.heardAtMs ?? 0) > atMs) return false;
    if (this.#table.isLeaf(known.id) || this.#output.isEngaged(known.id)) this.#detection.check(known, kind);
    else this.#remove(known, kind, 'by hearsay', atMs);
    return true;
  }

  /** A joining node is told of somebody who failed. */
  #mourn(contact: Contact, atMs: number): void {
    const nowMs = this.#runtime.now();
    const { id } = contact;
    const isNews = id !== this.#table.self.id && !this.#table.get(id) && !this.#tombstones.get(id);
    if (!isNews || nowMs - atMs > this.#options.missingRememberedMs) return;
    this.#tombstones.bury(contact, 'failed', atMs, nowMs);
    this.#greet(contact);
  }

  // ---- Pings in bursts

  #greet(contact: Contact): void {
    if (this.#isClosed || this.#toGreet.size >= this.#options.verifyQueueMax) return;
    this.#toGreet.set(contact.id, contact);
    this.#greeter ??= this.#runtime.after(1, () => this.#greetSome());
  }

  #greetSome(): void {
    const { verifyBurst, verifyEveryMs } = this.#options;
    let left = verifyBurst;
    for (const [id, contact] of this.#toGreet) {
      if (left === 0) break;
      left -= 1;
      this.#toGreet.delete(id);
      if (this.#table.get(id)) this.ping(contact);
      else this.#detection.check(contact, this.#tombstones.get(id)?.kind ?? 'unheard');
    }
    this.#greeter = this.#toGreet.size > 0 ? this.#runtime.after(verifyEveryMs, () => this.#greetSome()) : null;
  }

  /** Resolves when the contact has answered or was given up. */
  #checked(contact: Contact): Promise<void> {
    return this.#table.get(contact.id) ? Promise.resolve() : this.#detection.checked(contact);
  }

  #tellAdverts(retryMs: number): void {
    const nowMs = this.#runtime.now();
    this.#adverts.refresh();
    for (const leaf of this.#adverts.unaware(this.#table.leaves(), retryMs, nowMs)) {
      if (!this.#detection.isProbing(leaf.id)) this.ping(leaf);
    }
  }

  // ---- Changes to the table

  /** A member that was heard. */
  #admit(peer: Peer): void {
    const { contact } = peer;
    const resident = this.#table.at(contact.address);
    if (resident && resident.id !== contact.id) this.#replaced(resident);
    this.#tombstones.succeeded(contact);
    if (!this.#roster.add(contact, peer.roundTrip.meanMs ?? undefined)) return;
    this.#churn.changed(false, this.#runtime.now());
    // Only neighbours announce an arrival: others may just not have met this member before.
    if (this.#table.isLeaf(contact.id)) this.#gossip.tell({ kind: 'joined', contact, agoMs: 0 });
  }

  #trust(contact: Contact): void {
    this.#tombstones.remove(contact.id);
    if (!this.#roster.add(contact)) return;
    this.#churn.changed(false, this.#runtime.now());
    if (this.#table.isLeaf(contact.id)) this.#greet(contact);
  }

  /** Another node lives at its address: it is no more, and its data with it, but nobody need look for it. */
  #replaced(contact: Contact): void {
    const reason = 'another node lives at its address';
    this.#remove(contact, 'left', reason);
    this.#output.dead(contact, reason);
  }

  #remove(contact: Contact, kind: 'failed' | 'left', reason: string, atMs = this.#runtime.now()): void {
    if (!this.#roster.remove(contact, kind, reason)) return;
    const nowMs = this.#runtime.now();
    this.#churn.changed(true, nowMs);
    this.#tombstones.bury(contact, kind, atMs, nowMs);
    this.#adverts.forget(contact.id);
    if (kind === 'failed') {
      this.#reunion.failed(contact);
      this.#output.dead(contact, reason);
    }
    this.#gossip.tell({ kind, name: nameOf(contact.id), agoMs: Math.max(0, nowMs - atMs) });
  }

  #silent(contact: Contact, suspicion: Suspicion): void {
    const known = this.#table.get(contact.id);
    const nowMs = this.#runtime.now();
    if (known) this.#remove(known, suspicion === 'left' ? 'left' : 'failed', 'does not answer');
    else if (!this.#tombstones.get(contact.id)) this.#tombstones.bury(contact, 'unheard', nowMs, nowMs);
  }

  /** News of a death may come later than another node at its address. */
  #failed(): Tombstone[] {
    return this.#tombstones.failed(this.#runtime.now()).filter(({ contact: { id, address } }) => {
      const resident = this.#table.at(address);
      return address !== this.#table.self.address && (resident === undefined || resident.id === id);
    });
  }

  // ---- Duties

  #enter(): void {
    this.#isMember = true;
    this.#output.setMember(true);
    // A random phase, so that a fleet started at once does not tick at once.
    this.#ticker = this.#runtime.after(this.#options.tickMs * this.#runtime.random(), () => this.#tick());
    this.#roster.entered();
  }

  #tick(): void {
    const nowMs = this.#runtime.now();
    this.#ticker = this.#runtime.after(this.#options.tickMs, () => this.#tick());
    const lifetimeMs = this.#churn.lifetimeMs(this.#table.size, nowMs);
    this.#detection.tick(nowMs, { calmMs: this.#churn.calmMs(nowMs), lifetimeMs });
    this.#tellAdverts(this.#options.advertRetryMs);
    this.#reunion.tick(nowMs, () => this.missing());
  }

  #anyMember(): Contact | undefined {
    const contacts = this.#table.contacts();
    const contact = contacts[Math.floor(this.#runtime.random() * contacts.length)];
    return contact?.id === this.#table.self.id ? undefined : contact;
  }

  #buildDetection(): Detection {
    const output = {
      ping: (contact: Contact) => this.ping(contact),
      compare: (contact: Contact) => this.#ping(contact, { census: true }),
      askHelper: (helper: Contact, contact: Contact) => this.#output.askReach(helper, contact),
      silent: (contact: Contact, suspicion: Suspicion) => this.#silent(contact, suspicion),
    };
    return new Detection(this.#runtime, this.#options, this.#table, this.#peers, output, this.#log);
  }
}

interface PingExtras {
  readonly asks?: boolean;
  readonly census?: boolean;
  readonly contacts?: readonly Contact[];
}

function stampAt(nowMs: number): number {
  return Math.floor(nowMs * stampUnitsPerMs) % 2 ** 32;
}
