import type { FindReply } from './control.ts';
import type { Contact, Key } from './overlay.ts';

export interface SearchOptions {
  /** Questions under way at once. */
  readonly lookupParallelMax: number;
  /** Members that one search asks: they may be invented by who names them. */
  readonly lookupQuestionsMax: number;
}

/** What one member named, and how far from the key that member stands. */
interface Advice {
  readonly distance: bigint;
  readonly contacts: readonly Contact[];
}

/**
 * Whom an iterative lookup asks next. Pure: others ask, keep the time and tell what was answered.
 *
 * The advice of whoever stands nearest to the key is followed first, in its order: it knows best who is nearer still and
 * who is suspect. Nobody is believed beyond that: what an answer names must lead nearer than its author, but for one
 * contact, since in Chord the owner stands past the key; and the members asked are counted.
 */
export class Search {
  readonly #options: SearchOptions;
  readonly #distance: (id: Key) => bigint;
  readonly #asked: Set<Key>;
  #advice: readonly Advice[];
  #questions = 0;
  #underWay = 0;
  #owner: Contact | null = null;

  /**
   * @param self who searches, and is not asked @param hops whom it would ask, best first
   * @param distance how far from the key a member stands, as the geometry's hops go
   */
  constructor(options: SearchOptions, self: Key, hops: readonly Contact[], distance: (id: Key) => bigint) {
    this.#options = options;
    this.#distance = distance;
    this.#asked = new Set([self]);
    this.#advice = [{ distance: distance(self), contacts: hops }];
  }

  /** Who said that it owns the key. */
  get owner(): Contact | null {
    return this.#owner;
  }

  /** Whether any answer is still to come. */
  get isWaiting(): boolean {
    return this.#underWay > 0;
  }

  /** Whom to ask now, each member once; null when nobody is left, or enough are asked already. */
  next(): Contact | null {
    const { lookupParallelMax, lookupQuestionsMax } = this.#options;
    if (this.#owner || this.#underWay >= lookupParallelMax || this.#questions >= lookupQuestionsMax) return null;
    for (const { contacts } of this.#advice) {
      const next = contacts.find(({ id }) => !this.#asked.has(id));
      if (!next) continue;
      this.#asked.add(next.id);
      this.#questions += 1;
      this.#underWay += 1;
      return next;
    }
    return null;
  }

  /** One who was asked answered, or did not: null. */
  answered(from: Contact, reply: FindReply | null): void {
    this.#underWay -= 1;
    if (!reply) return;
    if (reply.isOwner) {
      this.#owner ??= from;
      return;
    }
    const distance = this.#distance(from.id);
    let isOtherNamed = false;
    const contacts = reply.nearer.filter(({ id }) => {
      if (this.#distance(id) < distance) return true;
      const isFirst = !isOtherNamed;
      isOtherNamed = true;
      return isFirst;
    });
    this.#advice = [...this.#advice, { distance, contacts }].sort((a, b) =>
      a.distance < b.distance ? -1 : a.distance > b.distance ? 1 : 0,
    );
  }
}
