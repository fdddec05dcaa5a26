import type { Advert } from '../advert.ts';
import type { JoinReply, MembersReply } from '../control.ts';
import type { Envelope, Message, MessageHandlers } from '../messages.ts';
import { type Contact, type Key, type MembershipChange, OverlayError } from '../overlay.ts';
import type { Address, Timer } from '../runtime.ts';
import type { Target } from '../wire.ts';
import { Adverts } from './adverts.ts';
import { Budget } from './budget.ts';
import type { ArcSums } from './census.ts';
import { Detection, type DetectionOptions } from './detection.ts';
import { Entrance, type Standing } from './entrance.ts';
import { Gossip, type GossipOptions } from './gossip.ts';
import { type GreetingOptions, Greetings } from './greetings.ts';
import type { Ground } from './ground.ts';
import { Hearsay, type HearsayOptions } from './hearsay.ts';
import { introduction, Joining, type JoiningOptions } from './joining.ts';
import { type PingOptions, Pings } from './pings.ts';
import { Reunion, type ReunionOptions } from './reunion.ts';
import { Roster } from './roster.ts';
import { TableComparison, type TableComparisonOptions } from './table-comparison.ts';
import { type TombstoneOptions, Tombstones } from './tombstones.ts';
import { Turnover } from './turnover.ts';

export interface MembershipOptions
  extends DetectionOptions,
    GossipOptions,
    TableComparisonOptions,
    JoiningOptions,
    ReunionOptions,
    TombstoneOptions,
    GreetingOptions,
    PingOptions,
    HearsayOptions {
  readonly tickMs: number;
  readonly gossipBytesPerSecond: number;
  readonly advertDelayMs: number;
  readonly advertRetryMs: number;
  readonly leaveTellsMax: number;
}

export interface MembershipOutput {
  transmit(to: Target, message: Message): void;
  askJoin(to: Target, contactsMax: number): Promise<JoinReply>;
  askLeave(to: Contact): Promise<void>;
  askCompare(to: Contact, sums: ArcSums): Promise<MembersReply>;
  askReach(helper: Contact, contact: Contact): Promise<boolean>;
  /** What this node tells of its copies. */
  advert(): Advert;
  advertised(from: Contact, advert: Advert): void;
  /** For the apps; the table has changed already. */
  changed(change: MembershipChange): void;
  /** Members that decide regions and copies changed. */
  tableChanged(): void;
  /** All around this node know each other and it: see `Entrance`. */
  entered(): void;
  /** Whether this node is talking with the member: then it sees for itself whether that is dead. */
  isEngaged(id: Key): boolean;
  /** The peer is believed dead: nobody should wait for it. */
  dead(contact: Contact, reason: string): void;
  restarted(contact: Contact): void;
  /** This node enters or leaves the ring: its frames say so from now on. */
  setMember(isMember: boolean): void;
}

/** How often a newcomer replaces neighbours that are silent: whoever names them must not keep it busy for ever. */
const neighbourRoundsMax = 4;

/**
 * Who belongs to the ring. Hears the frames that matter for it, and has its parts do their duties: `Turnover` keeps
 * the routing table, `Detection` tells life from death, `Pings` are what members tell each other directly, `Gossip`
 * spreads the word, `Hearsay` judges it, `TableComparison` finds what that left out, `Adverts` are what neighbours tell
 * each other of their copies, `Entrance` is the time until they know each other, `Reunion` looks for those who were lost.
 *
 * Whoever decides regions, a member of the leaf set, was heard by this node itself. Others are taken in on hearsay
 * and dropped on hearsay: whoever was wrong finds out by use, or when its turn comes to be looked at. Removed members
 * leave a tombstone: only what is newer than their death, or an answer, brings them back.
 */
export class Membership {
  /** Of the frames that only membership reads. */
  readonly handlers: Pick<MessageHandlers, 'ping' | 'pong' | 'gossip' | 'gossipAck'> = {
    ping: (from, message) => this.#pings.onPing(from, message),
    pong: (from, message) => this.#pings.onPong(from, message),
    gossip: (from, message) => this.#gossip.onGossip(from, message),
    gossipAck: (_from, message) => this.#gossip.onAck(message),
  };
  readonly #ground: Ground;
  readonly #options: MembershipOptions;
  readonly #output: MembershipOutput;
  readonly #tombstones: Tombstones;
  readonly #roster: Roster;
  readonly #turnover: Turnover;
  readonly #detection: Detection;
  readonly #adverts: Adverts;
  readonly #pings: Pings;
  readonly #greetings: Greetings;
  readonly #hearsay: Hearsay;
  readonly #gossip: Gossip;
  readonly #comparison: TableComparison;
  readonly #reunion: Reunion;
  readonly #joining: Joining;
  readonly #entrance: Entrance;
  #isMember = false;
  #isClosed = false;
  #ticker: Timer | null = null;
  #advertiser: Timer | null = null;

  constructor(ground: Ground, options: MembershipOptions, output: MembershipOutput) {
    const { runtime, table, log } = ground;
    this.#ground = ground;
    this.#options = options;
    this.#output = output;
    const budget = new Budget(options.gossipBytesPerSecond, options.gossipBurstBytes, runtime.now());
    this.#tombstones = new Tombstones(options);
    this.#roster = new Roster(
      table,
      { changed: (change) => output.changed(change), leavesChanged: () => output.tableChanged() },
      log,
    );
    this.#turnover = this.#buildTurnover();
    this.#detection = new Detection(ground, options, {
      ping: (contact) => this.#pings.send(contact),
      compare: (contact) => this.#pings.send(contact, { census: true }),
      askHelper: (helper, contact) => output.askReach(helper, contact),
      silent: (contact, suspicion) => {
        this.#turnover.silent(contact, suspicion);
        this.#entrance.settled(contact.id);
      },
    });
    this.#adverts = new Adverts({
      current: () => output.advert(),
      advertised: (from, advert) => output.advertised(from, advert),
    });
    this.#pings = new Pings(ground, options, this.#roster, this.#adverts, {
      transmit: (to, message) => output.transmit(to, message),
      isMember: () => this.#isMember,
      isNear: (id) => this.#detection.isNear(id),
      awaits: (id) => this.#entrance.awaits(id),
      settled: (id) => this.#entrance.settled(id),
      mentioned: (contact) => this.#hearsay.mentioned(contact),
      differs: (from, census) => void this.#comparison.begin(from, census),
    });
    this.#greetings = new Greetings(runtime, options, (contact) => this.#greet(contact));
    this.#hearsay = this.#buildHearsay();
    this.#gossip = new Gossip(runtime, options, budget, {
      transmit: (to, message) => output.transmit(to, message),
      listener: () => this.#anyMember(),
      members: () => table.size,
      consider: (news) => this.#hearsay.consider(news),
    });
    this.#comparison = new TableComparison(runtime, options, table, budget, {
      sums: (slice) => this.#roster.sums(slice),
      ask: (to, sums) => output.askCompare(to, sums),
      lacked: (contact) => this.#hearsay.mentioned(contact),
      doubted: (contact) => this.suspect(contact, 'another member does not know it'),
    });
    this.#reunion = new Reunion(runtime, options, {
      ping: (to) => this.#pings.send(to),
      knows: (address) => address === table.self.address || table.at(address) !== undefined,
      isAlone: () => table.size === 1,
    });
    const joining = { ask: output.askJoin, isClosed: () => this.#isClosed };
    this.#joining = new Joining(runtime, options, table, joining, log);
    this.#entrance = new Entrance(options.leafSetSize, {
      standing: (id) => this.#standing(id),
      ping: (id) => this.ping(table.get(id) as Contact),
      done: () => output.entered(),
    });
  }

  get isMember(): boolean {
    return this.#isMember;
  }

  /** Whether all around this node know each other and it, as far as they live: see `Entrance`. */
  get hasEntered(): boolean {
    return this.#entrance.isDone;
  }

  /** Members that failed within `missingRememberedMs`, by what this node heard, and whose addresses nobody else has. */
  missing(): Contact[] {
    return this.#turnover.failed().map(({ contact }) => contact);
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
    for (const contact of contacts) {
      if (this.#hearsay.mourn(contact, this.#ground.runtime.now())) this.#greetings.add(contact);
    }
  }

  /** @throws OverlayError when no seed lets this node in */
  async join(seeds: readonly Address[], rounds: number): Promise<void> {
    const { runtime, table } = this.#ground;
    this.#reunion.remember(seeds.filter((seed) => seed !== table.self.address));
    await this.#joining.join(seeds, rounds, async ({ contacts, missing }) => {
      const nowMs = runtime.now();
      for (const { contact, agoMs } of missing) this.#hearsay.mourn(contact, nowMs - agoMs);
      await this.#meetNeighbours(contacts);
      if (table.size === 1) throw new OverlayError('unreachable', 'no member near this node answers');
      this.#enter();
      // For the others the whole fleet looks, one after the other.
      for (const { contact } of missing) {
        if (!table.get(contact.id) && table.wouldBeLeaf(contact.id)) this.#greetings.add(contact);
      }
      for (const contact of contacts) this.#hearsay.mentioned(contact);
    });
  }

  /** Tells those who must know at once, who tell the others; the caller then sees to the data. */
  async leave(): Promise<void> {
    const { table } = this.#ground;
    this.#isMember = false;
    this.#output.setMember(false);
    const leaves = table.leaves();
    for (let i = 0; i < this.#options.leaveTellsMax; i++) {
      const contact = this.#anyMember();
      if (contact && !table.isLeaf(contact.id)) this.ping(contact);
    }
    await Promise.allSettled(leaves.map((leaf) => this.#output.askLeave(leaf)));
  }

  close(): void {
    this.#isClosed = true;
    this.#isMember = false;
    this.#ticker?.cancel();
    this.#advertiser?.cancel();
    this.#greetings.close();
    this.#detection.close();
    this.#gossip.close();
  }

  // ---- Questions of others

  /** The answer to a node that wants to join. */
  introduce(newcomer: Key, contactsMax: number): JoinReply {
    if (!this.#isMember) throw new OverlayError('refused', 'not a member of a ring myself');
    const { runtime, table } = this.#ground;
    const sampleMax = Math.min(contactsMax, this.#options.joinContactsMax);
    return introduction(table, newcomer, sampleMax, this.#turnover.failed(), runtime.now());
  }

  compare(sums: ArcSums): MembersReply {
    return this.#comparison.answer(sums);
  }

  /** Tries to reach a member that another one cannot. */
  reach(contact: Contact): Promise<boolean> {
    return this.#detection.reach(contact);
  }

  // ---- What is heard

  /** A frame of any kind came. Returns the sender's contact. */
  heard(envelope: Envelope, from: Address): Contact {
    const { table, runtime, peers } = this.#ground;
    const { sender, isMember, message } = envelope;
    const { peer, restarted } = peers.heard(sender, from, envelope.incarnation, runtime.now());
    const { contact } = peer;
    const known = table.get(sender);
    if (restarted) {
      this.#adverts.forget(sender);
      this.#output.restarted(contact);
    }
    if (known && !isMember) this.#turnover.remove(known, restarted ? 'failed' : 'left', 'is no member any more');
    else if (known) {
      if (restarted) this.#roster.cameBack(contact);
      if (known.address !== from) this.#roster.move(contact);
    } else if (isMember) {
      // A straggler from before its death must not revive a member: only an answer does.
      if (!this.#tombstones.get(sender) || message.type === 'pong') this.#turnover.admit(peer);
      else this.#hearsay.mentioned(contact);
    }
    if (message.type === 'pong' || (isMember && table.get(sender))) this.#detection.answered(sender);
    return contact;
  }

  /** Somebody else lives where a frame for `meant` went. */
  onStranger(from: Contact, meant: Key): void {
    const known = this.#ground.table.get(meant);
    if (known?.address === from.address) this.#turnover.replaced(known);
  }

  onLinkDown(address: Address, reason: string): void {
    const contact = this.#ground.table.at(address);
    if (contact) this.suspect(contact, `link down: ${reason}`);
  }

  /** Some attempt to reach the peer failed: see whether it lives. */
  suspect(contact: Contact, reason: string): void {
    const { table } = this.#ground;
    const known = table.get(contact.id);
    if (known && known.id !== table.self.id) this.#detection.suspect(known, reason);
  }

  // ---- What is told

  /** Where its answer goes: a single frame, not repeated. */
  ping(to: Target): void {
    this.#pings.send(to);
  }

  /** The same, to exchange adverts with a member that may be no neighbour. */
  askAdvert(to: Target): void {
    this.#pings.send(to, { asks: true });
  }

  /** What this node tells of its copies has changed: tells its leaf set soon. */
  advertise(): void {
    const { table, runtime } = this.#ground;
    if (!this.#isMember && table.size === 1) return;
    this.#advertiser ??= runtime.after(this.#options.advertDelayMs, () => {
      this.#advertiser = null;
      this.#tellAdverts(0);
    });
  }

  forgetSilent(beforeMs: number): void {
    const { table, runtime } = this.#ground;
    this.#tombstones.forgetOld(runtime.now());
    this.#adverts.forgetSilent(beforeMs, (id) => table.isLeaf(id));
  }

  #tellAdverts(retryMs: number): void {
    const { table, runtime } = this.#ground;
    const nowMs = runtime.now();
    this.#adverts.refresh();
    for (const leaf of this.#adverts.unaware(table.leaves(), retryMs, nowMs)) {
      if (!this.#detection.isProbing(leaf.id)) this.ping(leaf);
    }
  }

  #greet(contact: Contact): void {
    // Who was buried is most likely dead, and whoever mentions it has not heard so yet: others have tried and will try.
    const isPingedOnce = this.#ground.table.get(contact.id) ?? this.#tombstones.get(contact.id);
    if (isPingedOnce) this.ping(contact);
    else this.#detection.check(contact, 'unheard');
  }

  /**
   * Looks for those around this node: in place of each that is silent the next one, or everybody known would seem to
   * belong into a leaf set with gaps.
   */
  async #meetNeighbours(contacts: readonly Contact[]): Promise<void> {
    const { table } = this.#ground;
    let candidates = contacts;
    for (let round = 0; round < neighbourRoundsMax; round++) {
      const unheard = table.bearingsAmong(candidates).filter(({ id }) => !table.get(id));
      if (unheard.length === 0) return;
      await Promise.all(unheard.map((contact) => this.#checked(contact)));
      if (this.#isClosed) throw new OverlayError('closed', 'this node was closed while it looked for its neighbours');
      const silent = new Set(unheard.filter(({ id }) => !table.get(id)));
      candidates = candidates.filter((contact) => !silent.has(contact));
    }
  }

  /** Resolves when the contact has answered or was given up. */
  #checked(contact: Contact): Promise<void> {
    return this.#ground.table.get(contact.id) ? Promise.resolve() : this.#detection.checked(contact);
  }

  // ---- Duties

  #enter(): void {
    const { runtime } = this.#ground;
    this.#isMember = true;
    this.#output.setMember(true);
    // A random phase, so that a fleet started at once does not tick at once.
    this.#ticker = runtime.after(this.#options.tickMs * runtime.random(), () => this.#tick());
    this.#roster.entered();
    this.#entrance.begin(this.#ground.table.leaves());
  }

  #standing(id: Key): Standing {
    if (this.#ground.table.isLeaf(id)) return 'leaf';
    return this.#greetings.has(id) || this.#detection.isProbing(id) ? 'unheard' : 'other';
  }

  #tick(): void {
    const { runtime } = this.#ground;
    const nowMs = runtime.now();
    this.#ticker = runtime.after(this.#options.tickMs, () => this.#tick());
    this.#detection.tick(nowMs, this.#turnover.weather(nowMs));
    // What is about to be told need not be told twice.
    if (!this.#advertiser) this.#tellAdverts(this.#options.advertRetryMs);
    this.#entrance.remind();
    this.#reunion.tick(nowMs, () => this.#tombstones.failed(nowMs));
  }

  #anyMember(): Contact | undefined {
    const { runtime, table } = this.#ground;
    const contact = table.sample(runtime.random());
    return contact.id === table.self.id ? undefined : contact;
  }

  // ---- Construction

  #buildTurnover(): Turnover {
    return new Turnover(this.#ground, this.#roster, this.#tombstones, {
      tell: (news) => this.#gossip.tell(news),
      greet: (contact) => this.#greetings.add(contact),
      metLeaf: (contact) => this.#entrance.met(contact.id),
      removed: (contact, kind) => {
        this.#adverts.forget(contact.id);
        this.#entrance.settled(contact.id);
        if (kind === 'failed') this.#reunion.failed(contact);
      },
      dead: (contact, reason) => this.#output.dead(contact, reason),
    });
  }

  #buildHearsay(): Hearsay {
    return new Hearsay(this.#ground, this.#options, this.#roster, this.#tombstones, {
      isProbing: (id) => this.#detection.isProbing(id),
      isToBeGreeted: (id) => this.#greetings.has(id),
      isEngaged: (id) => this.#output.isEngaged(id),
      greet: (contact) => this.#greetings.add(contact),
      named: (id) => this.#entrance.named(id),
      trust: (contact) => this.#turnover.trust(contact),
      check: (known, kind) => this.#detection.check(known, kind),
      remove: (known, kind, atMs) => this.#turnover.remove(known, kind, 'by hearsay', atMs),
      refute: () => {
        if (this.#isMember) this.#gossip.tell({ kind: 'joined', contact: this.#ground.table.self, agoMs: 0 });
      },
    });
  }
}
