import type { Census, Message, PingMessage } from '../messages.ts';
import type { Contact, Key } from '../overlay.ts';
import type { Target } from '../wire.ts';
import type { Adverts } from './adverts.ts';
import type { Ground } from './ground.ts';
import type { Peer } from './peers.ts';
import type { Roster } from './roster.ts';

export interface PingsOutput {
  transmit(to: Target, message: Message): void;
  isMember(): boolean;
  /** Whether the member stands next to this node on the ring. */
  isNear(id: Key): boolean;
  /** Whether this node waits for the member to name those around it. */
  awaits(id: Key): boolean;
  /** The member has named them. */
  settled(id: Key): void;
  /** The other side says that this is a member. */
  mentioned(contact: Contact): void;
  /** The other side knows other members than this node does. */
  differs(from: Contact, census: Census): void;
}

export interface PingOptions {
  readonly leafSetSize: number;
  readonly replicas: number;
}

export interface PingExtras {
  /** Exchange adverts though the other may be no neighbour. */
  readonly asks?: boolean;
  /** Compare what both know. */
  readonly census?: boolean;
  readonly contacts?: readonly Contact[];
}

const stampUnitsPerMs = 16;
/** More than the longest timeout is a stamp that is not ours. */
const roundTripMaxMs = 60_000;

/**
 * A ping and its pong, single frames and not repeated: they tell that both sides live and how far apart they are, and
 * carry what neighbours owe each other: adverts, and, where their views of the ring differ, contacts.
 */
export class Pings {
  readonly #ground: Ground;
  readonly #roster: Roster;
  readonly #adverts: Adverts;
  readonly #output: PingsOutput;
  /** Members around a neighbour that both must know, since both have them as leaves. */
  readonly #viewSize: number;
  /** Members around a newcomer with whom it may share copies. */
  readonly #entrySize: number;

  constructor(ground: Ground, options: PingOptions, roster: Roster, adverts: Adverts, output: PingsOutput) {
    this.#ground = ground;
    this.#roster = roster;
    this.#adverts = adverts;
    this.#output = output;
    this.#viewSize = Math.max(1, options.leafSetSize >> 2);
    this.#entrySize = Math.min(options.leafSetSize, 2 * options.replicas);
  }

  send(to: Target, { asks = false, census = false, contacts = [] }: PingExtras = {}): void {
    const { table, runtime } = this.#ground;
    const nowMs = runtime.now();
    const id = to.id ?? '';
    const isLeaf = table.isLeaf(id);
    // Whoever names contacts has seen already that the views differ, and must not be answered with the same again.
    const compares = contacts.length === 0 && isLeaf && this.#output.isMember() && this.#output.isNear(id);
    this.#output.transmit(to, {
      type: 'ping',
      stamp: stampAt(nowMs),
      ...this.#adverts.compose(id, isLeaf || asks, nowMs),
      asks,
      view: compares ? this.#roster.viewAround(id, this.#viewSize) : null,
      entry: this.#output.awaits(id) ? this.#roster.viewAround(table.self.id, this.#entrySize) : null,
      census: census ? this.#roster.census : null,
      contacts,
    });
  }

  onPing(from: Contact, message: PingMessage): void {
    const { table, runtime } = this.#ground;
    const nowMs = runtime.now();
    const isLeaf = this.#exchanged(from, message, nowMs);
    const { census } = message;
    // Whoever should be known here and is not yet has to ask again.
    const isKnown = isLeaf || !table.wouldBeLeaf(from.id);
    const entry = message.entry !== null && isKnown ? this.#roster.viewAround(from.id, this.#entrySize) : null;
    this.#output.transmit(from, {
      type: 'pong',
      stamp: message.stamp,
      ...this.#adverts.compose(from.id, isLeaf || message.asks, nowMs),
      asks: false,
      view: null,
      entry,
      census: census && !this.#roster.agrees(census) ? this.#roster.census : null,
      contacts: this.#lackedBy(from, message, entry),
    });
  }

  onPong(from: Contact, message: PingMessage): void {
    const { table, runtime, peers } = this.#ground;
    const nowMs = runtime.now();
    const elapsedMs = ((stampAt(nowMs) - message.stamp) >>> 0) / stampUnitsPerMs;
    const { roundTrip } = peers.get(from.id) as Peer;
    if (elapsedMs < roundTripMaxMs) {
      roundTrip.sample(elapsedMs);
      if (table.get(from.id)) table.heard(from, roundTrip.meanMs ?? undefined);
    }
    this.#exchanged(from, message, nowMs);
    if (message.entry !== null) this.#output.settled(from.id);
    else if (message.contacts.length > 0) this.#answerView(from, message.contacts);
    if (message.census && !this.#roster.agrees(message.census)) this.#output.differs(from, message.census);
  }

  /** The views of the ring differ: names those around the other whom it did not name. */
  #answerView(from: Contact, named: readonly Contact[]): void {
    const known = new Set(named.map(({ id }) => id));
    const contacts = this.#around(from.id, this.#viewSize).filter(({ id }) => !known.has(id));
    if (contacts.length > 0) this.send(from, { contacts });
  }

  /** What pings and pongs have in common. Returns whether the sender belongs to the leaf set. */
  #exchanged(from: Contact, message: PingMessage, nowMs: number): boolean {
    const { table, peers } = this.#ground;
    const peer = peers.get(from.id);
    if (peer) peer.exchangedAtMs = nowMs;
    for (const contact of message.contacts) this.#output.mentioned(contact);
    const isLeaf = table.isLeaf(from.id);
    this.#adverts.received(from, message, isLeaf, nowMs);
    return isLeaf;
  }

  /** Members next to the pinging node, or to this one, where the two views differ. */
  #lackedBy(from: Contact, { view, entry }: PingMessage, ownEntry: number | null): readonly Contact[] {
    if (ownEntry !== null && ownEntry !== entry) return this.#around(from.id, this.#entrySize);
    const differs = view !== null && view !== this.#roster.viewAround(this.#ground.table.self.id, this.#viewSize);
    return differs ? this.#around(from.id, this.#viewSize) : [];
  }

  #around(id: Key, n: number): readonly Contact[] {
    return this.#output.isMember() ? this.#ground.table.around(id, n) : [];
  }
}

function stampAt(nowMs: number): number {
  return Math.floor(nowMs * stampUnitsPerMs) % 2 ** 32;
}
