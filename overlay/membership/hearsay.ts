import { type News, nameOf } from '../messages.ts';
import type { Contact, Key } from '../overlay.ts';
import type { Ground } from './ground.ts';
import type { Suspicion } from './probes.ts';
import type { Roster } from './roster.ts';
import type { Tombstones } from './tombstones.ts';

export interface HearsayOptions {
  readonly missingRememberedMs: number;
}

export interface HearsayOutput {
  /** Whether this node is finding out already whether the contact answers. */
  isProbing(id: Key): boolean;
  isToBeGreeted(id: Key): boolean;
  /** Whether this node is talking with the member: then it sees for itself whether that is dead. */
  isEngaged(id: Key): boolean;
  greet(contact: Contact): void;
  /** There is a member that may come to decide regions, and has not been heard. */
  named(id: Key): void;
  /** Takes it in unheard. */
  trust(contact: Contact): void;
  /** Sees whether a member is gone, as was said, or back: then it answers. */
  check(contact: Contact, kind: Suspicion): void;
  /** Takes it for gone. */
  remove(known: Contact, kind: 'failed' | 'left', atMs: number): void;
  /** It is this node that is said to be gone. */
  refute(): void;
}

/**
 * What others say of members, and how far it is believed. Whoever would decide regions, a member of the leaf set, is
 * looked at before it is taken in or dropped; the rest is believed. The dead come back only by news of a life after
 * their death, or by an answer.
 */
export class Hearsay {
  readonly #ground: Ground;
  readonly #options: HearsayOptions;
  readonly #roster: Roster;
  readonly #tombstones: Tombstones;
  readonly #output: HearsayOutput;

  constructor(ground: Ground, options: HearsayOptions, roster: Roster, tombstones: Tombstones, output: HearsayOutput) {
    this.#ground = ground;
    this.#options = options;
    this.#roster = roster;
    this.#tombstones = tombstones;
    this.#output = output;
  }

  /** Somebody claims that this is a member, or, with a time, that it was one then. */
  mentioned(contact: Contact, atMs?: number): void {
    const { table, runtime } = this.#ground;
    const { id } = contact;
    if (id === table.self.id || table.get(id)) return;
    const tombstone = this.#tombstones.get(id);
    if (!tombstone && table.wouldBeLeaf(id)) this.#output.named(id);
    if (this.#output.isProbing(id)) return;
    const isBack = tombstone !== undefined && atMs !== undefined && atMs > tombstone.atMs;
    if (tombstone && !isBack) {
      if (this.#tombstones.mayRetry(tombstone, runtime.now())) this.#output.greet(contact);
    } else if (table.wants(contact)) {
      const isToBeHeard = table.wouldBeLeaf(id) || table.at(contact.address) !== undefined;
      if (isToBeHeard && tombstone) this.#output.check(contact, tombstone.kind);
      else if (isToBeHeard) this.#output.greet(contact);
      else this.#output.trust(contact);
    }
  }

  /** Returns whether a piece of gossip was new, and is worth being told on. */
  consider(news: News): boolean {
    const { table, runtime, peers } = this.#ground;
    const atMs = runtime.now() - news.agoMs;
    if (news.kind === 'joined') {
      const { contact } = news;
      if (table.get(contact.id)) return false;
      this.mentioned(contact, atMs);
      const { id } = contact;
      return table.get(id) !== undefined || this.#output.isToBeGreeted(id) || this.#output.isProbing(id);
    }
    const { name, kind } = news;
    if (name === nameOf(table.self.id)) {
      this.#output.refute();
      return false;
    }
    const known = this.#roster.named(name);
    if (!known) return !this.#tombstones.isBuried(name);
    if ((peers.get(known.id)?.heardAtMs ?? 0) > atMs) return false;
    if (table.isLeaf(known.id) || this.#output.isEngaged(known.id)) this.#output.check(known, kind);
    else this.#output.remove(known, kind, atMs);
    return true;
  }

  /** Somebody is said to have failed. Returns whether this node never met it: from now on it is missing. */
  mourn(contact: Contact, atMs: number): boolean {
    const { table, runtime } = this.#ground;
    const nowMs = runtime.now();
    const { id } = contact;
    const isNews = id !== table.self.id && !table.get(id) && !this.#tombstones.get(id);
    if (!isNews || nowMs - atMs > this.#options.missingRememberedMs) return false;
    this.#tombstones.bury(contact, 'failed', atMs, nowMs);
    return true;
  }
}
