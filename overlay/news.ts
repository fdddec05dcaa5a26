import type { News } from './messages.ts';
import type { Contact, Key } from './overlay.ts';

interface Item {
  readonly kind: News['kind'];
  readonly contact: Contact;
  readonly atMs: number;
  tellings: number;
}

/**
 * News that travels on pings. Each node that learns something tells it a number of times, freshest first,
 * which reaches all of a fleet when that number grows with the logarithm of its size.
 *
 * @see Das, Gupta and Motivala, "SWIM", DSN 2002
 */
export class NewsQueue {
  readonly #itemsMax: number;
  readonly #items = new Map<Key, Item>();

  constructor(itemsMax: number) {
    this.#itemsMax = itemsMax;
  }

  /** Replaces older news of the same member. */
  add(kind: News['kind'], contact: Contact, atMs: number, tellings: number): void {
    this.#items.delete(contact.id);
    this.#items.set(contact.id, { kind, contact, atMs, tellings });
    if (this.#items.size > this.#itemsMax) {
      for (const oldest of this.#items.keys()) {
        this.#items.delete(oldest);
        break;
      }
    }
  }

  /** Up to `n` pieces that are no news of the listener itself; telling wears them out. */
  tell(listener: Key | null, n: number, nowMs: number): News[] {
    if (this.#items.size === 0) return [];
    const fresh = [...this.#items.values()]
      .filter((item) => item.contact.id !== listener)
      .sort((a, b) => b.tellings - a.tellings)
      .slice(0, n);
    for (const item of fresh) {
      item.tellings -= 1;
      if (item.tellings <= 0) this.#items.delete(item.contact.id);
    }
    return fresh.map(({ kind, contact, atMs }) => ({ kind, contact, agoMs: Math.max(0, nowMs - atMs) }));
  }
}
