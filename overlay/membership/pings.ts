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
  /** The other side says that this is a member. */
  mentioned(contact: Contact): void;
  /** The other side knows other members than this node does. */
  differs(from: Contact, census: Census): void;
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

  constructor(ground: Ground, roster: Roster, adverts: Adverts, output: PingsOutput) {
    this.#ground = ground;
    this.#roster = roster;
    this.#adverts = adverts;
    this.#output = output;
  }

  send(to: Target, { asks = false, census = false, contacts = [] }: PingExtras = {}): void {
    const { table, runtime } = this.#ground;
    const nowMs = runtime.now();
    const id = to.id ?? '';
    const isLeaf = table.isLeaf(id);
    this.#output.transmit(to, {
      type: 'ping',
      stamp: stampAt(nowMs),
      ...this.#adverts.compose(id, isLeaf || asks, nowMs),
      asks,
      view: isLeaf && this.#output.isMember() && this.#output.isNear(id) ? this.#roster.viewAround(id) : null,
      census: census ? this.#roster.census : null,
      contacts,
    });
  }

  onPing(from: Contact, message: PingMessage): void {
    const { table, runtime } = this.#ground;
    const nowMs = runtime.now();
    const isLeaf = this.#exchanged(from, message, nowMs);
    const { view, census } = message;
    this.#output.transmit(from, {
      type: 'pong',
      stamp: message.stamp,
      ...this.#adverts.compose(from.id, isLeaf || message.asks, nowMs),
      asks: false,
      view: null,
      census: census && !this.#roster.agrees(census) ? this.#roster.census : null,
      contacts: view !== null && view !== this.#roster.viewAround(table.self.id) ? this.#around(from.id) : [],
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
    if (message.contacts.length > 0) this.send(from, { contacts: this.#around(from.id) });
    if (message.census && !this.#roster.agrees(message.census)) this.#output.differs(from, message.census);
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

  #around(id: Key): readonly Contact[] {
    if (!this.#output.isMember()) return [];
    return this.#ground.table.around(id, this.#roster.viewSize).filter((contact) => contact.id !== id);
  }
}

function stampAt(nowMs: number): number {
  return Math.floor(nowMs * stampUnitsPerMs) % 2 ** 32;
}
