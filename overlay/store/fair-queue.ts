/** A put that waits, with its place in the order of service. */
export interface Queued<T> {
  readonly client: string;
  /** Bytes times milliseconds. */
  readonly cost: number;
  readonly start: number;
  readonly what: T;
}

/** Beyond these, idle clients are forgotten, those that took least first. */
export const clientsMax = 4_096;

interface Client {
  /** Of its latest put. */
  finish: number;
  queuedCost: number;
}

/**
 * Start-time fair queueing of space over time: whose puts have cost least so far is served first. A put starts where
 * the one before it of the same client finishes, its cost further on; virtual time is the latest start served.
 * A client that stayed away is let in up to `credit` before virtual time, so it may catch up a little. Pure.
 * @see Goyal et al., "Start-time Fair Queueing", SIGCOMM 1996; Rhea et al., "OpenDHT", SIGCOMM 2005, section 4.2
 */
export class FairQueue<T> {
  readonly #credit: number;
  readonly #queuedCostMax: number;
  readonly #clients = new Map<string, Client>();
  /** A heap: none starts before its parent, of equal starts the one that came first. */
  readonly #heap: (Queued<T> & { readonly arrival: number })[] = [];
  #virtualTime = 0;
  #arrivals = 0;

  /** @param queuedCostMax of one client; a single put is queued however much it costs */
  constructor(credit: number, queuedCostMax: number) {
    this.#credit = credit;
    this.#queuedCostMax = queuedCostMax;
  }

  get length(): number {
    return this.#heap.length;
  }

  /** False when the client has too much waiting already. */
  offer(client: string, cost: number, what: T): boolean {
    const state = this.#clients.get(client) ?? { finish: 0, queuedCost: 0 };
    if (state.queuedCost > 0 && state.queuedCost + cost > this.#queuedCostMax) return false;
    const start = Math.max(this.#virtualTime - this.#credit, state.finish, 0);
    state.finish = start + cost;
    state.queuedCost += cost;
    if (!this.#clients.has(client)) this.#forgetIdle();
    this.#clients.set(client, state);
    this.#heap.push({ client, cost, start, what, arrival: this.#arrivals++ });
    this.#up(this.#heap.length - 1);
    return true;
  }

  /** The put to be served next. */
  first(): Queued<T> | undefined {
    return this.#heap[0];
  }

  /** Serves the first. */
  shift(): void {
    const first = this.#heap[0];
    if (!first) return;
    this.#virtualTime = Math.max(this.#virtualTime, first.start);
    this.#removeAt(0);
  }

  /** Takes back a put that waits. What it would have cost is not given back. */
  withdraw(what: T): void {
    const at = this.#heap.findIndex((one) => one.what === what);
    if (at >= 0) this.#removeAt(at);
  }

  get clientsRemembered(): number {
    return this.#clients.size;
  }

  #removeAt(at: number): void {
    const gone = this.#heap[at];
    const last = this.#heap.pop();
    if (!gone || !last) return;
    const state = this.#clients.get(gone.client);
    if (state) state.queuedCost -= gone.cost;
    if (gone === last) return;
    this.#heap[at] = last;
    this.#up(at);
    this.#down(at);
  }

  /** Half of them at a time, so that it costs little a put. */
  #forgetIdle(): void {
    if (this.#clients.size < clientsMax) return;
    const idle = [...this.#clients].filter(([, { queuedCost }]) => queuedCost <= 0);
    idle.sort(([, a], [, b]) => a.finish - b.finish);
    for (const [name] of idle.slice(0, Math.ceil(idle.length / 2))) this.#clients.delete(name);
  }

  #up(from: number): void {
    for (let at = from; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (!this.#isBefore(at, parent)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #down(from: number): void {
    for (let at = from; ; ) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < this.#heap.length && this.#isBefore(child, least)) least = child;
      }
      if (least === at) return;
      this.#swap(at, least);
      at = least;
    }
  }

  #isBefore(a: number, b: number): boolean {
    const [one, other] = [this.#heap[a], this.#heap[b]];
    if (!one || !other) return false;
    return one.start !== other.start ? one.start < other.start : one.arrival < other.arrival;
  }

  #swap(a: number, b: number): void {
    const [one, other] = [this.#heap[a], this.#heap[b]];
    if (one && other) [this.#heap[a], this.#heap[b]] = [other, one];
  }
}
