import { type News, nameOf } from '../messages.ts';
import type { Contact } from '../overlay.ts';
import { ChurnMeter } from './churn-meter.ts';
import type { Weather } from './detection.ts';
import type { Ground } from './ground.ts';
import type { Peer } from './peers.ts';
import type { Suspicion } from './probes.ts';
import type { Roster } from './roster.ts';
import type { Tombstone, Tombstones } from './tombstones.ts';

export interface TurnoverOutput {
  /** Something that this node saw itself, or believes. */
  tell(news: News): void;
  /** A member of the leaf set that this node has not heard yet. */
  greet(contact: Contact): void;
  /** A member has come into the leaf set. */
  metLeaf(contact: Contact): void;
  /** Nothing that it told holds any more. */
  removed(contact: Contact, kind: 'failed' | 'left'): void;
  /** Nobody should wait for it, nor count on the data that it had. */
  dead(contact: Contact, reason: string): void;
}

/** How members come and go: what enters the table, what leaves it, and which traces that leaves. */
export class Turnover {
  readonly #ground: Ground;
  readonly #roster: Roster;
  readonly #tombstones: Tombstones;
  readonly #output: TurnoverOutput;
  readonly #churn: ChurnMeter;

  constructor(ground: Ground, roster: Roster, tombstones: Tombstones, output: TurnoverOutput) {
    this.#ground = ground;
    this.#roster = roster;
    this.#tombstones = tombstones;
    this.#output = output;
    this.#churn = new ChurnMeter(ground.runtime.now());
  }

  /** A member that was heard. */
  admit({ contact, roundTrip }: Peer): void {
    const resident = this.#ground.table.at(contact.address);
    if (resident && resident.id !== contact.id) this.replaced(resident);
    this.#tombstones.succeeded(contact);
    const isLeaf = this.#takeIn(contact, roundTrip.meanMs ?? undefined);
    // Only neighbours announce an arrival: others may just not have met this member before.
    if (isLeaf) this.#output.tell({ kind: 'joined', contact, agoMs: 0 });
  }

  /** A member that was heard of. */
  trust(contact: Contact): void {
    this.#tombstones.remove(contact.id);
    if (this.#takeIn(contact)) this.#output.greet(contact);
  }

  /** Another node lives at its address: it is no more, and its data with it, but nobody need look for it. */
  replaced(contact: Contact): void {
    const reason = 'another node lives at its address';
    this.remove(contact, 'left', reason);
    this.#output.dead(contact, reason);
  }

  remove(contact: Contact, kind: 'failed' | 'left', reason: string, atMs = this.#ground.runtime.now()): void {
    if (!this.#roster.remove(contact, kind, reason)) return;
    const nowMs = this.#ground.runtime.now();
    this.#churn.changed(true, nowMs);
    this.#tombstones.bury(contact, kind, atMs, nowMs);
    this.#output.removed(contact, kind);
    if (kind === 'failed') this.#output.dead(contact, reason);
    this.#output.tell({ kind, name: nameOf(contact.id), agoMs: Math.max(0, nowMs - atMs) });
  }

  /** It answered none of its pings. */
  silent(contact: Contact, suspicion: Suspicion): void {
    const { table, runtime } = this.#ground;
    const known = table.get(contact.id);
    const nowMs = runtime.now();
    if (known) this.remove(known, suspicion === 'left' ? 'left' : 'failed', 'does not answer');
    else if (!this.#tombstones.get(contact.id)) this.#tombstones.bury(contact, 'unheard', nowMs, nowMs);
  }

  /** Members that failed of late, as far as is known: news of a death may come later than another node at its address. */
  failed(): Tombstone[] {
    const { self } = this.#ground.table;
    return this.#tombstones.failed(this.#ground.runtime.now()).filter(({ contact: { id, address } }) => {
      const resident = this.#ground.table.at(address);
      return address !== self.address && (resident === undefined || resident.id === id);
    });
  }

  weather(nowMs: number): Weather {
    const { table } = this.#ground;
    return { calmMs: this.#churn.calmMs(nowMs), lifetimeMs: this.#churn.lifetimeMs(table.size, nowMs) };
  }

  /** Returns whether it is a new member of the leaf set. */
  #takeIn(contact: Contact, rttMs?: number): boolean {
    if (!this.#roster.add(contact, rttMs)) return false;
    this.#churn.changed(false, this.#ground.runtime.now());
    const isLeaf = this.#ground.table.isLeaf(contact.id);
    if (isLeaf) this.#output.metLeaf(contact);
    return isLeaf;
  }
}
