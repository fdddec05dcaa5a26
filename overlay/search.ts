import type { FindReply } from './control.ts';
import type { Contact, Key } from './overlay.ts';

export interface SearchOptions {
  /** Questions under way at once, but for those that are late. */
  readonly lookupParallelMax: number;
  /** Members that one search asks: they may be invented by who names them. */
  readonly lookupQuestionsMax: number;
}

/** What a search knows of members. */
export interface SearchGround {
  /** How far from the key a member stands, as the geometry's hops go. */
  distance(id: Key): bigint;
  /** Whether it is silent to the node that searches: maybe dead. */
  isSuspect(id: Key): boolean;
}

/** What one member named, and how far from the key that member stands. */
interface Advice {
  /** Null for the node that searches. */
  readonly author: Contact | null;
  readonly distance: bigint;
  readonly contacts: readonly Contact[];
}

/** Waits for the same answer after which a member counts as silent: a question, its repetition and a ping were lost, or it is dead. */
const silentAfterWaits = 2;

/**
 * Whom an iterative lookup asks next. Pure: others ask, keep the time and tell what was answered.
 *
 * The advice of whoever stands nearest to the key is followed first, in its order: it knows best who is nearer still and
 * who is suspect. Nobody is believed beyond that: what an answer names must lead nearer than its author, but for one
 * contact, since in Chord the owner stands past the key; and the questions are counted.
 *
 * One question is under way until it has been awaited for long. Each such wait allows one more, so that a row of dead
 * members is gone through ever faster, while answers that lead nearer are followed at once.
 *
 * An owner that has just died is still everybody's. Once it is silent to the searching node, too, the member that knows
 * nobody else nearer is asked again, until that one finds it silent as well: then it takes the owner's place.
 */
export class Search {
  readonly #options: SearchOptions;
  readonly #ground: SearchGround;
  readonly #asked: Set<Key>;
  /** Those of them asked since it was last waited for long. */
  readonly #askedLate = new Set<Key>();
  #advice: readonly Advice[];
  #questions = 0;
  /** How often each answer that is still to come has been awaited for long. */
  readonly #underWay = new Map<Key, number>();
  /** Questions that may be asked beside those under way. */
  #spare = 0;
  readonly #silent = new Set<Key>();
  #owner: Contact | null = null;

  /** @param self who searches, and is not asked @param hops whom it would ask, best first */
  constructor(options: SearchOptions, self: Key, hops: readonly Contact[], ground: SearchGround) {
    this.#options = options;
    this.#ground = ground;
    this.#asked = new Set([self]);
    this.#advice = [{ author: null, distance: ground.distance(self), contacts: hops }];
  }

  /** Who said that it owns the key, or takes the place of a silent owner. */
  get owner(): Contact | null {
    return this.#owner;
  }

  /** Whether any answer is still to come. */
  get isWaiting(): boolean {
    return this.#underWay.size > 0;
  }

  /** Whether some answer has been awaited for long, or in vain. */
  get hasWaited(): boolean {
    return this.#underWay.size > this.#fresh || this.#silent.size > 0;
  }

  /** Whom to ask now, each member once but for heirs; null when nobody is left, or enough are asked already. */
  next(): Contact | null {
    const { lookupParallelMax, lookupQuestionsMax } = this.#options;
    if (this.#owner || this.#fresh >= lookupParallelMax || this.#questions >= lookupQuestionsMax) return null;
    for (const advice of this.#advice) {
      if (!this.#mayFollow(advice)) return null;
      const { author, contacts } = advice;
      const unasked = contacts.find(({ id }) => !this.#asked.has(id));
      const next = unasked ?? (author && this.#isToldAgain(author, contacts) ? author : null);
      if (next) return this.#ask(next, advice);
    }
    return null;
  }

  /** The answer of one who was asked has been awaited for long, or as long again. */
  waited(id: Key): void {
    const waits = this.#underWay.get(id);
    if (waits === undefined) return;
    this.#underWay.set(id, waits + 1);
    if (waits + 1 >= silentAfterWaits) this.#silent.add(id);
    this.#spare = Math.min(this.#options.lookupParallelMax, this.#spare + 1);
    // Who knows of nobody but the silent may have found out more meanwhile.
    this.#askedLate.clear();
  }

  /** One who was asked answered, or did not: null. */
  answered(from: Contact, reply: FindReply | null): void {
    this.#underWay.delete(from.id);
    if (this.#underWay.size === 0) this.#spare = 0;
    if (!reply) {
      this.#silent.add(from.id);
      return;
    }
    this.#silent.delete(from.id);
    if (reply.isOwner || (reply.isHeir && this.#areSilent(reply.nearer))) {
      this.#owner ??= from;
      return;
    }
    const distance = this.#ground.distance(from.id);
    let isOtherNamed = false;
    const contacts = reply.nearer.filter(({ id }) => {
      if (this.#ground.distance(id) < distance) return true;
      const isFirst = !isOtherNamed;
      isOtherNamed = true;
      return isFirst;
    });
    const others = this.#advice.filter(({ author }) => author?.id !== from.id);
    this.#advice = [...others, { author: from, distance, contacts }].sort((a, b) =>
      a.distance < b.distance ? -1 : a.distance > b.distance ? 1 : 0,
    );
  }

  /** Whether questions of this search, not only what the node found before, say that all of them are silent. */
  haveNotAnswered(contacts: readonly Contact[]): boolean {
    return contacts.every(({ id }) => this.#silent.has(id));
  }

  #areSilent(contacts: readonly Contact[]): boolean {
    return contacts.length > 0 && contacts.every(({ id }) => this.#silent.has(id) || this.#ground.isSuspect(id));
  }

  /** Answers to come that have not been awaited for long; nearly always there are none or one. */
  get #fresh(): number {
    let fresh = 0;
    for (const waits of this.#underWay.values()) if (waits === 0) fresh += 1;
    return fresh;
  }

  /** Whether there is a question to spare for it, or it needs none. */
  #mayFollow(advice: Advice): boolean {
    return this.#spare > 0 || this.#isFree(advice);
  }

  /** Nothing is under way, or nothing that is not late, and an answer leads on. */
  #isFree(advice: Advice): boolean {
    return this.#underWay.size === 0 || (this.#fresh === 0 && advice === this.#advice[0] && advice.author !== null);
  }

  #ask(next: Contact, advice: Advice): Contact {
    if (!this.#isFree(advice)) this.#spare -= 1;
    this.#asked.add(next.id);
    this.#askedLate.add(next.id);
    this.#questions += 1;
    this.#underWay.set(next.id, 0);
    return next;
  }

  /** Whether to ask once more who knows nobody nearer than some that are silent by now. */
  #isToldAgain({ id }: Contact, contacts: readonly Contact[]): boolean {
    return !this.#askedLate.has(id) && !this.#underWay.has(id) && this.#areSilent(contacts);
  }
}
