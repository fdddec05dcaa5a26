import { type JoinReply, joinMissingMax } from './control.ts';
import type { Log } from './defaults.ts';
import { ringDistance } from './keys.ts';
import { type Advert, type Envelope, type Message, type News, type PingMessage, pingContactsMax } from './messages.ts';
import { NewsQueue } from './news.ts';
import { type Contact, type Key, type MembershipChange, OverlayError, type Region } from './overlay.ts';
import type { Peer, Peers } from './peers.ts';
import { Probes, type Suspicion } from './probes.ts';
import type { RoutingTable } from './routing-table.ts';
import type { Address, Runtime, Timer } from './runtime.ts';
import type { Target } from './wire.ts';

export interface MembershipOptions {
  readonly tickMs: number;
  readonly pingEveryMs: number;
  readonly sweepEveryMs: number;
  readonly missingRetryMs: number;
  readonly tombstoneRetryMs: number;
  readonly missingRememberedMs: number;
  readonly probesMax: number;
  readonly rumourProbesMax: number;
  readonly probeSpacingMs: number;
  readonly verifyQueueMax: number;
  readonly verifyBurst: number;
  readonly verifyEveryMs: number;
  readonly joinContactsMax: number;
  readonly joinRounds: number;
  readonly joinRetryMs: number;
  readonly newsPerPing: number;
  readonly newsRepeats: number;
  readonly newsMax: number;
  readonly leafSetSize: number;
}

export interface MembershipOutput {
  transmit(to: Target, message: Message): void;
  askJoin(to: Target): Promise<JoinReply>;
  askLeave(to: Contact): Promise<void>;
  /** What this node tells of its copies. */
  advert(): Advert | null;
  advertised(from: Contact, advert: Advert): void;
  /** For the apps; the table has changed already. */
  changed(change: MembershipChange): void;
  /** The table changed in any way. */
  tableChanged(): void;
  /** The peer is believed dead: nobody should wait for it. */
  dead(contact: Contact, reason: string): void;
  restarted(contact: Contact): void;
  /** This node enters or leaves the ring: its frames say so from now on. */
  setMember(isMember: boolean): void;
}

/** A former member. `unheard` is one that was only heard of, and never answered. */
interface Tombstone {
  readonly contact: Contact;
  readonly kind: Suspicion;
  readonly atMs: number;
  retryAtMs: number;
}

/** News older than this has made its round: it is remembered, not told on. */
const newsAgeMaxMs = 30_000;

/**
 * Who belongs to the ring: joining, leaving, telling life from death, spreading the word. Keeps the routing
 * table, which holds only members that this node has heard itself.
 *
 * Every two leaf-set neighbours exchange a ping and a pong now and then; both carry contacts and news. Silence
 * makes a member suspect; it is removed after several more pings, each with its own chance to be lost. Removed
 * members leave a tombstone: others' mentioning them only leads to a ping, which a living one answers. The
 * same pings, sent to missing members from time to time, join the halves of a healed partition.
 */
export class Membership {
  readonly #runtime: Runtime;
  readonly #options: MembershipOptions;
  readonly #table: RoutingTable;
  readonly #peers: Peers;
  readonly #output: MembershipOutput;
  readonly #log: Log;
  readonly #news: NewsQueue;
  readonly #probes: Probes;
  readonly #tombstones = new Map<Key, Tombstone>();
  /** Which member lives or lived at an address. */
  readonly #byAddress = new Map<Address, Key>();
  /** Contacts to ping in bursts: those known are told of this node, those heard of are verified. */
  readonly #toGreet = new Map<Key, Contact>();
  #region: Region;
  #isMember = false;
  #isClosed = false;
  #sweptAtMs = 0;
  #retriedAtMs = 0;
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
    this.#news = new NewsQueue(options.newsMax);
    this.#region = table.region();
    this.#probes = new Probes(runtime, {
      ping: (contact) => this.ping(contact),
      waitMs: ({ id }) => Math.max(options.probeSpacingMs, peers.timeoutMs(id, 0)),
      silent: (contact, suspicion) => this.#silent(contact, suspicion),
    });
  }

  get isMember(): boolean {
    return this.#isMember;
  }

  /** Members that failed within `missingRememberedMs`, by what this node heard, and whose addresses nobody else has. */
  missing(): Contact[] {
    const forgottenMs = this.#runtime.now() - this.#options.missingRememberedMs;
    const missing: Contact[] = [];
    for (const tombstone of this.#tombstones.values()) {
      const { kind, atMs, contact } = tombstone;
      if (kind === 'failed' && atMs > forgottenMs && !this.#isReplaced(tombstone)) missing.push(contact);
    }
    return missing;
  }

  // ---- Coming and going

  /** Begins a ring of one. */
  bootstrap(): void {
    this.#enter();
  }

  /** Members of an earlier life whom nobody has been able to reach yet: missing, until they are. */
  recall(contacts: readonly Contact[]): void {
    for (const contact of contacts) {
      if (this.#table.get(contact.id) || this.#tombstones.has(contact.id)) continue;
      this.#bury(contact, 'failed', this.#runtime.now());
    }
  }

  /** @throws OverlayError when no seed lets this node in */
  async join(seeds: readonly Address[], rounds = this.#options.joinRounds): Promise<void> {
    const others = seeds.filter((seed) => seed !== this.#table.self.address);
    let failure = new OverlayError('unreachable', 'no seed to join through');
    for (let round = 0; round < rounds && others.length > 0; round++) {
      if (round > 0) await this.#sleep(this.#options.joinRetryMs);
      for (const seed of others) {
        if (this.#isClosed) throw new OverlayError('closed', 'this node was closed while joining');
        try {
          await this.#joinThrough(seed);
          return;
        } catch (error) {
          if (!(error instanceof OverlayError)) throw error;
          this.#log('info', 'cannot join through seed', { seed, reason: error.message });
          failure = new OverlayError(error.code, `cannot join through ${seed}: ${error.message}`, { cause: error });
        }
      }
    }
    throw failure;
  }

  /** Tells everybody; the caller then sees to the data. */
  async leave(): Promise<void> {
    this.#isMember = false;
    this.#output.setMember(false);
    const leaves = this.#table.leaves();
    for (const contact of this.#table.contacts()) {
      if (contact.id !== this.#table.self.id && !this.#table.isLeaf(contact.id)) this.ping(contact);
    }
    await Promise.allSettled(leaves.map((leaf) => this.#output.askLeave(leaf)));
  }

  close(): void {
    this.#isClosed = true;
    this.#isMember = false;
    for (const timer of [this.#ticker, this.#greeter, this.#advertiser]) timer?.cancel();
    this.#probes.close();
  }

  /** The answer to a node that wants to join. */
  introduce(newcomer: Key): JoinReply {
    if (!this.#isMember) throw new OverlayError('refused', 'not a member of a ring myself');
    const { joinContactsMax, leafSetSize } = this.#options;
    const contacts = new Set(this.#table.around(newcomer, leafSetSize + 1));
    const all = this.#table.contacts();
    const stride = Math.max(1, all.length / joinContactsMax);
    for (let i = 0; i < all.length && contacts.size < joinContactsMax; i += stride) {
      const contact = all[Math.floor(i)] as Contact;
      if (contact.id !== newcomer) contacts.add(contact);
    }
    return { contacts: [...contacts], missing: this.#obituaries(newcomer) };
  }

  async #joinThrough(seed: Address): Promise<void> {
    const { self } = this.#table;
    const known = new Map<Key, Contact>();
    const learn = (reply: JoinReply): void => {
      for (const contact of reply.contacts) if (contact.id !== self.id) known.set(contact.id, contact);
      for (const news of reply.missing) this.#rumour(news);
    };
    learn(await this.#output.askJoin({ id: null, address: seed }));
    // Whoever is nearest knows this node's neighbours best; it may know someone nearer still.
    const asked = new Set<Key>();
    for (;;) {
      const nearest = nearestTo(self.id, known.values())[0];
      if (!nearest || asked.has(nearest.id)) break;
      asked.add(nearest.id);
      try {
        learn(await this.#output.askJoin(nearest));
      } catch (error) {
        if (!(error instanceof OverlayError) || error.code === 'closed') throw error;
        known.delete(nearest.id);
      }
    }
    if (known.size === 0) throw new OverlayError('unreachable', 'the seed knows no member that answers');
    const neighbours = nearestTo(self.id, known.values()).slice(0, this.#options.leafSetSize);
    await Promise.all(neighbours.map((contact) => this.#verified(contact)));
    if (this.#table.size === 1) throw new OverlayError('unreachable', 'no member near this node answers');
    this.#enter();
    for (const contact of [...neighbours, ...known.values()]) this.#greet(contact);
  }

  #enter(): void {
    this.#isMember = true;
    this.#output.setMember(true);
    this.#sweptAtMs = this.#retriedAtMs = this.#runtime.now();
    // A random phase, so that a fleet started at once does not tick at once.
    this.#ticker = this.#runtime.after(this.#options.tickMs * this.#runtime.random(), () => this.#tick());
    this.#tableChanged();
  }

  #sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.#runtime.after(delayMs, resolve));
  }

  // ---- Frames

  /** A frame of any kind came. Returns the sender's contact. */
  heard(envelope: Envelope, from: Address): Contact {
    const { sender, isMember, message } = envelope;
    const { peer, restarted } = this.#peers.heard(sender, from, envelope.incarnation, this.#runtime.now());
    const { contact } = peer;
    const known = this.#table.get(sender);
    if (restarted) this.#output.restarted(contact);
    if (known && !isMember) this.#remove(known, restarted ? 'failed' : 'left', 'is no member any more');
    else if (known) {
      if (restarted) this.#cameBack(contact);
      if (known.address !== from) this.#moved(known, contact);
    } else if (isMember) {
      // A straggler from before its death must not revive a member: only an answer does.
      if (!this.#tombstones.has(sender) || message.type === 'pong') this.#admit(peer);
      else this.#mentioned(contact);
    }
    if (this.#table.get(sender) || message.type === 'pong') this.#probes.end(sender);
    return contact;
  }

  onPing(from: Contact, message: PingMessage): void {
    this.#output.transmit(from, { ...this.#gossip(from.id), type: 'pong', sentAtMs: message.sentAtMs });
    this.#exchanged(from, message);
  }

  onPong(from: Contact, message: PingMessage): void {
    const peer = this.#peers.get(from.id);
    const nowMs = this.#runtime.now();
    if (peer && message.sentAtMs <= nowMs) {
      peer.roundTrip.sample(nowMs - message.sentAtMs);
      if (this.#table.get(from.id)) this.#table.heard(from, peer.roundTrip.meanMs ?? undefined);
    }
    this.#exchanged(from, message);
  }

  /** Somebody else lives where a frame for `meant` went. */
  onStranger(from: Contact, meant: Key): void {
    const known = this.#table.get(meant);
    if (known?.address === from.address) this.#remove(known, 'left', 'another node lives at its address');
  }

  onLinkDown(address: Address, reason: string): void {
    const id = this.#byAddress.get(address);
    const contact = id === undefined ? undefined : this.#table.get(id);
    if (contact) this.suspect(contact, `link down: ${reason}`);
  }

  /** Some attempt to reach the peer failed: see whether it lives. */
  suspect(contact: Contact, reason: string): void {
    const known = this.#table.get(contact.id);
    if (!known || known.id === this.#table.self.id || this.#probes.has(contact.id)) return;
    this.#log('debug', 'suspect', { contact: known.address, reason });
    this.#probes.start(known, this.#options.probesMax, 'failed');
  }

  /** Where its answer goes: a single frame, not repeated. */
  ping(to: Target): void {
    this.#output.transmit(to, { ...this.#gossip(to.id), type: 'ping', sentAtMs: this.#runtime.now() });
  }

  /** What this node tells of its copies has changed: tells its leaf set soon. */
  advertise(): void {
    if (!this.#isMember && this.#table.size === 1) return;
    this.#advertiser ??= this.#runtime.after(this.#options.verifyEveryMs, () => {
      this.#advertiser = null;
      for (const leaf of this.#table.leaves()) this.ping(leaf);
    });
  }

  // ---- Gossip

  #gossip(listener: Key | null): Omit<PingMessage, 'type' | 'sentAtMs'> {
    const { newsPerPing } = this.#options;
    const contacts = new Set<Contact>();
    if (listener !== null && this.#isMember) {
      // By turns what the listener should know, and something that it may not know.
      if (this.#runtime.random() < 0.5) for (const contact of this.#table.around(listener, 2)) contacts.add(contact);
      else {
        for (const choice of [this.#table.leaves(), this.#table.contacts()]) {
          const one = choice[Math.floor(this.#runtime.random() * choice.length)];
          if (one && one.id !== listener) contacts.add(one);
        }
      }
      contacts.delete(this.#table.self);
    }
    const news = this.#isMember ? this.#news.tell(listener, newsPerPing, this.#runtime.now()) : [];
    return { advert: this.#output.advert(), contacts: [...contacts].slice(0, pingContactsMax), news };
  }

  #exchanged(from: Contact, message: PingMessage): void {
    const peer = this.#peers.get(from.id);
    if (peer) peer.exchangedAtMs = this.#runtime.now();
    for (const contact of message.contacts) this.#mentioned(contact);
    for (const news of message.news) this.#rumour(news);
    if (message.advert) this.#output.advertised(from, message.advert);
  }

  /** Somebody claims that this is a member. */
  #mentioned(contact: Contact): void {
    const { id } = contact;
    if (id === this.#table.self.id || this.#table.get(id) || this.#probes.has(id)) return;
    const tombstone = this.#tombstones.get(id);
    if (tombstone) {
      const nowMs = this.#runtime.now();
      if (nowMs < tombstone.retryAtMs) return;
      tombstone.retryAtMs = nowMs + this.#options.tombstoneRetryMs;
    } else if (!this.#table.wants(contact)) return;
    this.#greet(contact);
  }

  #rumour({ kind, contact, agoMs }: News): void {
    const { id } = contact;
    if (id === this.#table.self.id) return;
    if (kind === 'joined') {
      this.#mentioned(contact);
      return;
    }
    const nowMs = this.#runtime.now();
    const atMs = nowMs - agoMs;
    const known = this.#table.get(id);
    if (known) {
      const heardSince = (this.#peers.get(id)?.heardAtMs ?? 0) > atMs;
      if (!heardSince) this.#probes.start(known, this.#options.rumourProbesMax, kind);
      return;
    }
    const tombstone = this.#tombstones.get(id);
    if (tombstone && tombstone.kind !== 'unheard') return;
    if (agoMs > this.#options.missingRememberedMs) return;
    this.#bury(contact, kind, atMs);
    this.#greet(contact);
  }

  #obituaries(listener: Key): News[] {
    const nowMs = this.#runtime.now();
    return [...this.#tombstones.values()]
      .filter(
        (tombstone) => tombstone.kind === 'failed' && tombstone.contact.id !== listener && !this.#isReplaced(tombstone),
      )
      .slice(-joinMissingMax)
      .map(({ contact, atMs }) => ({ kind: 'failed', contact, agoMs: Math.max(0, nowMs - atMs) }));
  }

  #tell(kind: News['kind'], contact: Contact, atMs: number): void {
    if (this.#runtime.now() - atMs > newsAgeMaxMs) return;
    const tellings = Math.ceil(this.#options.newsRepeats * Math.log2(this.#table.size + 1));
    this.#news.add(kind, contact, atMs, tellings);
  }

  // ---- Pings in bursts

  #greet(contact: Contact): void {
    if (this.#isClosed || this.#toGreet.size >= this.#options.verifyQueueMax) return;
    this.#toGreet.set(contact.id, contact);
    this.#greeter ??= this.#runtime.after(1, () => this.#greetSome());
  }

  #greetSome(): void {
    const { verifyBurst, verifyEveryMs, rumourProbesMax } = this.#options;
    let left = verifyBurst;
    for (const [id, contact] of this.#toGreet) {
      if (left === 0) break;
      left -= 1;
      this.#toGreet.delete(id);
      if (this.#table.get(id)) this.ping(contact);
      else this.#probes.start(contact, rumourProbesMax, this.#tombstones.get(id)?.kind ?? 'unheard');
    }
    this.#greeter = this.#toGreet.size > 0 ? this.#runtime.after(verifyEveryMs, () => this.#greetSome()) : null;
  }

  // ---- Probes

  #silent(contact: Contact, suspicion: Suspicion): void {
    const known = this.#table.get(contact.id);
    if (known) this.#remove(known, suspicion === 'left' ? 'left' : 'failed', 'does not answer');
    else if (!this.#tombstones.has(contact.id)) this.#bury(contact, 'unheard', this.#runtime.now());
  }

  /** Resolves when the contact has answered or was given up. */
  #verified(contact: Contact): Promise<void> {
    if (!this.#table.get(contact.id)) this.#probes.start(contact, this.#options.rumourProbesMax, 'unheard');
    return this.#probes.ended(contact.id);
  }

  // ---- Changes to the table

  #admit(peer: Peer): void {
    const { contact } = peer;
    const resident = this.#byAddress.get(contact.address);
    if (resident !== undefined && resident !== contact.id) this.#replaced(resident);
    this.#tombstones.delete(contact.id);
    if (this.#table.heard(contact, peer.roundTrip.meanMs ?? undefined) !== 'added') return;
    this.#byAddress.set(contact.address, contact.id);
    this.#tell('joined', contact, this.#runtime.now());
    this.#log('debug', 'member joined', { id: contact.id, address: contact.address });
    this.#output.changed({ kind: 'joined', contact });
    this.#tableChanged();
  }

  /** Another node answers at the address of this one, which therefore is no more, and not missing either. */
  #replaced(id: Key): void {
    const known = this.#table.get(id);
    if (known) this.#remove(known, 'left', 'another node lives at its address');
    else this.#tombstones.delete(id);
  }

  /** News of its death may come later than the other, who may have left since. */
  #isReplaced({ contact: { id, address }, atMs }: Tombstone): boolean {
    if (address === this.#table.self.address) return true;
    const resident = this.#byAddress.get(address);
    if (resident === undefined || resident === id) return false;
    return this.#table.get(resident) !== undefined || (this.#tombstones.get(resident)?.atMs ?? 0) > atMs;
  }

  #moved(known: Contact, contact: Contact): void {
    this.#table.heard(contact);
    this.#byAddress.delete(known.address);
    this.#byAddress.set(contact.address, contact.id);
    this.#output.tableChanged();
  }

  /** A member restarted so quickly that it was never missed. */
  #cameBack(contact: Contact): void {
    this.#output.changed({ kind: 'failed', contact });
    this.#output.changed({ kind: 'joined', contact });
    this.#output.tableChanged();
  }

  #remove(contact: Contact, kind: 'failed' | 'left', reason: string): void {
    if (!this.#table.remove(contact.id)) return;
    this.#log(kind === 'failed' ? 'info' : 'debug', `member ${kind}`, {
      id: contact.id,
      address: contact.address,
      reason,
    });
    this.#bury(contact, kind, this.#runtime.now());
    if (kind === 'failed') this.#output.dead(contact, reason);
    this.#output.changed({ kind, contact });
    this.#tableChanged();
  }

  #bury(contact: Contact, kind: Suspicion, atMs: number): void {
    const retryAtMs = this.#runtime.now() + this.#options.tombstoneRetryMs;
    this.#tombstones.set(contact.id, { contact, kind, atMs, retryAtMs });
    if (kind !== 'unheard') this.#tell(kind, contact, atMs);
  }

  #tableChanged(): void {
    const region = this.#table.region();
    const moved = region.from !== this.#region.from || region.to !== this.#region.to;
    this.#region = region;
    this.#output.tableChanged();
    if (moved) this.#output.changed({ kind: 'region', region });
  }

  // ---- Duties

  #tick(): void {
    const { tickMs, pingEveryMs, probesMax } = this.#options;
    const nowMs = this.#runtime.now();
    this.#ticker = this.#runtime.after(tickMs, () => this.#tick());
    for (const leaf of this.#table.leaves()) {
      const exchangedAtMs = this.#peers.get(leaf.id)?.exchangedAtMs ?? 0;
      if (nowMs - exchangedAtMs >= pingEveryMs) this.#probes.start(leaf, probesMax, 'failed');
    }
    this.#sweep(nowMs);
    this.#retryMissing(nowMs);
  }

  #sweep(nowMs: number): void {
    if (nowMs - this.#sweptAtMs < this.#options.sweepEveryMs) return;
    this.#sweptAtMs = nowMs;
    const contact = this.#table.nextToProbe();
    if (contact) this.#probes.start(contact, this.#options.probesMax, 'failed');
  }

  #retryMissing(nowMs: number): void {
    const { missingRetryMs, missingRememberedMs } = this.#options;
    if (nowMs - this.#retriedAtMs < missingRetryMs) return;
    this.#retriedAtMs = nowMs;
    for (const [id, tombstone] of this.#tombstones) {
      if (nowMs - tombstone.atMs <= missingRememberedMs) continue;
      this.#tombstones.delete(id);
      if (this.#byAddress.get(tombstone.contact.address) === id) this.#byAddress.delete(tombstone.contact.address);
    }
    const missing = this.missing();
    const one = missing[Math.floor(this.#runtime.random() * missing.length)];
    if (one) this.ping(one);
  }
}

/** Sorted by distance on the ring, whichever way is shorter. */
function nearestTo(id: Key, contacts: Iterable<Contact>): Contact[] {
  return [...contacts]
    .map((contact) => ({ contact, distance: ringDistance(id, contact.id) }))
    .sort((a, b) => (a.distance < b.distance ? -1 : 1))
    .map(({ contact }) => contact);
}
