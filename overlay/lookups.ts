import { decode, encode, u32 } from './codec.ts';
import { type ControlRequest, type FindReply, type FindRequest, lookupApp } from './control.ts';
import { type Contact, type Key, type LookupManner, OverlayError, type RoutedMessage } from './overlay.ts';
import type { Router } from './router.ts';
import type { Runtime, Timer } from './runtime.ts';
import { Search, type SearchOptions } from './search.ts';

export interface LookupOptions extends SearchOptions {
  readonly hopTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly tickMs: number;
}

export interface LookupOutput {
  /** @throws OverlayError */
  ask(to: Contact, request: ControlRequest, timeoutMs: number): Promise<Uint8Array>;
  /** Who owns the key, or is nearer to it, by that member's table; asked again while it is wanted. @throws OverlayError */
  find(to: Contact, request: FindRequest, isWanted: () => boolean): Promise<FindReply>;
  /** Whether a member has left a ping unanswered. */
  isSuspect(id: Key): boolean;
  /** How long an answer from there may take, by its round trips; of nobody in particular when `id` is null. */
  timeoutMs(id: Key | null, attempt: number): number;
  /** The member of this id, if this node knows it. */
  get(id: Key): Contact | undefined;
  /** How far from the key a member stands: see `RoutingTable`. */
  distance(key: Key, id: Key): bigint;
}

export interface LookupCounters {
  lookups: number;
  /** Members asked by iterative lookups of this node. */
  lookupQuestions: number;
}

/**
 * Finding the owner of a key by asking the ring.
 *
 * An iterative lookup asks ever nearer members itself. Each is given the time that its round trips suggest; then the
 * next best is asked, too, while the answer of the first is still welcome: most lookups have one question under
 * way, and one slow or dead member costs the timeout that its round trips suggest. An owner that has just died costs
 * two: whoever will take its keys over, maybe this node, says so once it is silent to that one, too. A recursive lookup is
 * a routed message that the owner answers directly: half the round trips, but the asking node cannot tell which hop fails.
 */
export class Lookups {
  readonly counters: LookupCounters = { lookups: 0, lookupQuestions: 0 };
  readonly #runtime: Runtime;
  readonly #options: LookupOptions;
  readonly #router: Router;
  readonly #self: Contact;
  readonly #output: LookupOutput;
  /** Recursive lookups under way, by the number that their questions carry. */
  readonly #awaited = new Map<number, (owner: Contact) => void>();
  /** What lookups wait for, each to be ended when the node closes. */
  readonly #waits = new Set<(error: OverlayError) => void>();
  #isClosed = false;
  #number: number;

  constructor(runtime: Runtime, options: LookupOptions, self: Contact, router: Router, output: LookupOutput) {
    this.#runtime = runtime;
    this.#options = options;
    this.#self = self;
    this.#router = router;
    this.#output = output;
    this.#number = Math.floor(runtime.random() * 2 ** 31);
  }

  /** @throws OverlayError `timeout` when no owner was found in time, `closed` */
  lookup(key: Key, manner: LookupManner): Promise<Contact> {
    if (this.#isClosed) return Promise.reject(closed());
    this.counters.lookups += 1;
    const deadlineMs = this.#runtime.now() + this.#options.requestTimeoutMs;
    return manner === 'iterative' ? this.#iterative(key, deadlineMs) : this.#recursive(key, deadlineMs);
  }

  /** Lookups under way fail with `closed`. */
  close(): void {
    this.#isClosed = true;
    for (const end of [...this.#waits]) end(closed());
  }

  /** A question of a recursive lookup arrived at the owner, this node. @throws CodecError */
  onQuestion({ source, payload }: RoutedMessage): void {
    const number = decode(u32, payload);
    if (source.id === this.#self.id) {
      this.onFound(this.#self, number);
      return;
    }
    // Whoever made the message wrote its source: nobody is to be sent answers in the name of a member.
    const known = this.#output.get(source.id);
    if (known && known.address !== source.address) return;
    // Should the answer be lost for good, the question comes again.
    this.#output.ask(source, { type: 'found', number }, this.#options.hopTimeoutMs).catch(() => {});
  }

  onFound(owner: Contact, number: number): void {
    this.#awaited.get(number)?.(owner);
  }

  // ---- Iterative

  async #iterative(key: Key, deadlineMs: number): Promise<Contact> {
    for (;;) {
      if (this.#router.owns(key)) return this.#self;
      const owner = await this.#search(key, deadlineMs);
      if (owner) return owner;
      if (this.#runtime.now() >= deadlineMs) throw notFound(key);
      // Neighbours that disagree will agree soon, and the dead be noticed.
      await this.#pause(this.#options.tickMs);
    }
  }

  /** Asks until the owner is found, or nobody is left to ask, or it is too late to ask anybody: null. */
  #search(key: Key, deadlineMs: number): Promise<Contact | null> {
    const search = new Search(this.#options, this.#self.id, this.#router.nextHops(key), {
      distance: (id) => this.#output.distance(key, id),
      isSuspect: (id) => this.#output.isSuspect(id),
    });
    /** Of each who was asked and has not answered, until when others wait for it. */
    const impatient = new Map<Key, Timer>();
    let isOver = false;
    return this.#until((resolve, reject) => {
      const askNext = (): void => {
        while (!isOver && this.#runtime.now() < deadlineMs) {
          const next = search.next();
          if (!next) break;
          ask(next);
        }
        if (search.owner || !search.isWaiting) resolve(search.owner);
      };
      const inherits = (): boolean => {
        const { isHeir, nearer } = this.#router.find(key);
        return isHeir && search.haveNotAnswered(nearer);
      };
      const goOn = (): void => {
        if (search.hasWaited && inherits()) resolve(this.#self);
        else askNext();
      };
      const wait = (id: Key): void => {
        const again = (): void => {
          wait(id);
          search.waited(id);
          goOn();
        };
        impatient.set(id, this.#runtime.after(this.#output.timeoutMs(id, 0), again));
      };
      const ask = (next: Contact): void => {
        const inVain = search.hasWaited;
        wait(next.id);
        const answered = (reply: FindReply | null): void => {
          impatient.get(next.id)?.cancel();
          impatient.delete(next.id);
          search.answered(next, reply);
          goOn();
        };
        this.#find(next, { key, inVain }, () => !isOver).then(answered, reject);
      };
      askNext();
      return () => {
        isOver = true;
        for (const timer of impatient.values()) timer.cancel();
      };
    });
  }

  async #find(contact: Contact, request: FindRequest, isWanted: () => boolean): Promise<FindReply | null> {
    this.counters.lookupQuestions += 1;
    try {
      return await this.#output.find(contact, request, isWanted);
    } catch (error) {
      if (!(error instanceof OverlayError) || error.code === 'closed') throw error;
      return null;
    }
  }

  // ---- Recursive

  async #recursive(key: Key, deadlineMs: number): Promise<Contact> {
    this.#number = (this.#number + 1) >>> 0;
    const number = this.#number;
    const question = encode(u32, number);
    try {
      for (let attempt = 0; ; attempt++) {
        const found = this.#until<Contact | null>((resolve) => {
          this.#awaited.set(number, resolve);
          const timer = this.#runtime.after(this.#output.timeoutMs(null, attempt), () => resolve(null));
          return () => timer.cancel();
        });
        this.#router.route(key, lookupApp, question);
        const owner = await found;
        if (owner) return owner;
        if (this.#runtime.now() >= deadlineMs) throw notFound(key);
      }
    } finally {
      this.#awaited.delete(number);
    }
  }

  // ---- Waiting

  #pause(delayMs: number): Promise<null> {
    return this.#until((resolve) => {
      const timer = this.#runtime.after(delayMs, () => resolve(null));
      return () => timer.cancel();
    });
  }

  /** A wait that closing ends. `begin` starts what settles it and returns how to stop that. */
  #until<T>(begin: (resolve: (value: T) => void, reject: (error: unknown) => void) => () => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let stop = (): void => {};
      const over = (): void => {
        this.#waits.delete(fail);
        stop();
      };
      const fail = (error: unknown): void => {
        over();
        reject(error);
      };
      this.#waits.add(fail);
      stop = begin((value) => {
        over();
        resolve(value);
      }, fail);
    });
  }
}

function closed(): OverlayError {
  return new OverlayError('closed', 'this node is closed');
}

function notFound(key: Key): OverlayError {
  return new OverlayError('timeout', `no owner of ${key} was found in time`);
}
