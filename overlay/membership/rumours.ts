import { type MemberName, type News, nameOf } from '../messages.ts';
import type { Contact, Key } from '../overlay.ts';

export interface RumourOptions {
  readonly newsMax: number;
  readonly newsRepeats: number;
  readonly newsAgeMaxMs: number;
}

/** One piece of news as it is remembered. */
interface Rumour {
  readonly kind: News['kind'];
  readonly name: MemberName;
  /** Of an arrival. */
  readonly contact: Contact | null;
  readonly atMs: number;
  /** How many listeners who know it already it will still be told to. */
  interest: number;
  tellingsLeft: number;
}

/** Ages are rounded and leave out the time on the way, so the same event seems a little younger at each hop. */
const sameEventMs = 5_000;

/**
 * News on its round. Whoever hears a piece tells it on until several listeners in turn had known it, which
 * leaves out few; whoever is left out finds the difference when tables are compared.
 *
 * @see Demers et al., "Epidemic Algorithms for Replicated Database Maintenance", PODC 1987: push, feedback, counter
 */
export class Rumours {
  readonly #options: RumourOptions;
  /** Heard of late, told out or not, oldest first. */
  readonly #known = new Map<MemberName, Rumour>();
  /** Those of them still to tell. */
  readonly #hot = new Map<MemberName, Rumour>();

  constructor(options: RumourOptions) {
    this.#options = options;
  }

  get isQuiet(): boolean {
    return this.#hot.size === 0;
  }

  /** Whether the piece says what was heard before, or less. */
  isKnown(news: News, nowMs: number): boolean {
    const known = this.#known.get(nameIn(news));
    if (!known) return false;
    const atMs = nowMs - news.agoMs;
    return atMs <= known.atMs + (news.kind === known.kind ? sameEventMs : 0);
  }

  /** Takes a piece in, to be told on; it replaces what was said of the same member. `members` are those to reach. */
  add(news: News, nowMs: number, members: number): void {
    const { newsMax, newsRepeats, newsAgeMaxMs } = this.#options;
    this.#forget(nowMs);
    if (news.agoMs > newsAgeMaxMs) return;
    const name = nameIn(news);
    const rumour: Rumour = {
      kind: news.kind,
      name,
      contact: news.kind === 'joined' ? news.contact : null,
      atMs: nowMs - news.agoMs,
      interest: newsRepeats,
      tellingsLeft: Math.ceil(newsRepeats * Math.log2(members + 1)),
    };
    this.#known.delete(name);
    this.#known.set(name, rumour);
    this.#hot.set(name, rumour);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= newsMax) break;
      this.#drop(oldest);
    }
  }

  /** Up to `n` pieces that are no news of the listener itself: departures first, since they mislead; then the least told. */
  tell(listener: Key, n: number, nowMs: number): News[] {
    this.#forget(nowMs);
    const told = [...this.#hot.values()]
      .filter(({ name }) => !listener.startsWith(name))
      .sort((a, b) => Number(a.kind === 'joined') - Number(b.kind === 'joined') || b.tellingsLeft - a.tellingsLeft)
      .slice(0, n);
    return told.map((rumour) => {
      rumour.tellingsLeft -= 1;
      if (rumour.tellingsLeft <= 0) this.#hot.delete(rumour.name);
      const { kind, name, contact } = rumour;
      const agoMs = Math.max(0, nowMs - rumour.atMs);
      return kind === 'joined' ? { kind, contact: contact as Contact, agoMs } : { kind, name, agoMs };
    });
  }

  /** A listener had known these already. */
  wear(names: Iterable<MemberName>): void {
    for (const name of names) {
      const rumour = this.#hot.get(name);
      if (!rumour) continue;
      rumour.interest -= 1;
      if (rumour.interest <= 0) this.#hot.delete(name);
    }
  }

  #forget(nowMs: number): void {
    for (const [name, { atMs }] of this.#known) {
      if (nowMs - atMs <= this.#options.newsAgeMaxMs) break;
      this.#drop(name);
    }
  }

  #drop(name: MemberName): void {
    this.#known.delete(name);
    this.#hot.delete(name);
  }
}

export function nameIn(news: News): MemberName {
  return news.kind === 'joined' ? nameOf(news.contact.id) : news.name;
}
