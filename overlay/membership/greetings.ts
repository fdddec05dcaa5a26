import type { Contact, Key } from '../overlay.ts';
import type { Runtime, Timer } from '../runtime.ts';

export interface GreetingOptions {
  readonly verifyQueueMax: number;
  readonly verifyBurst: number;
  readonly verifyEveryMs: number;
}

/** Contacts to ping in bursts: those known are told of this node, those heard of are checked. */
export class Greetings {
  readonly #runtime: Runtime;
  readonly #options: GreetingOptions;
  readonly #greet: (contact: Contact) => void;
  readonly #waiting = new Map<Key, Contact>();
  #timer: Timer | null = null;
  #isClosed = false;

  constructor(runtime: Runtime, options: GreetingOptions, greet: (contact: Contact) => void) {
    this.#runtime = runtime;
    this.#options = options;
    this.#greet = greet;
  }

  has(id: Key): boolean {
    return this.#waiting.has(id);
  }

  /** Of more than `verifyQueueMax` that wait, the later are forgotten: others will mention them again. */
  add(contact: Contact): void {
    if (this.#isClosed || this.#waiting.size >= this.#options.verifyQueueMax) return;
    this.#waiting.set(contact.id, contact);
    this.#timer ??= this.#runtime.after(1, () => this.#burst());
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  #burst(): void {
    const { verifyBurst, verifyEveryMs } = this.#options;
    let left = verifyBurst;
    for (const [id, contact] of this.#waiting) {
      if (left === 0) break;
      left -= 1;
      this.#waiting.delete(id);
      this.#greet(contact);
    }
    this.#timer = this.#waiting.size > 0 ? this.#runtime.after(verifyEveryMs, () => this.#burst()) : null;
  }
}
