import { decode } from './codec.ts';
import { type ControlRequest, type FindReply, findContactsMax, findReply, type Hop } from './control.ts';
import type { Log } from './defaults.ts';
import { type AppId, type Contact, type Forward, type Key, OverlayError, type RoutedMessage } from './overlay.ts';
import { Recent } from './recent.ts';
import type { RoutingTable } from './routing-table.ts';
import type { Runtime } from './runtime.ts';

export interface RouterOptions {
  readonly hopsMax: number;
  readonly hopAttemptsMax: number;
  readonly hopTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly tickMs: number;
  readonly deliveredMax: number;
  readonly deliveredRememberedMs: number;
}

export interface RouterOutput {
  /** Only a member owns anything. */
  isMember(): boolean;
  /** Whether a member has left a ping unanswered: others are tried first. */
  isSuspect(id: Key): boolean;
  ask(to: Contact, request: ControlRequest, timeoutMs: number): Promise<Uint8Array>;
  /** `via` is the node that the message came from: its source, or the last hop. */
  deliver(message: RoutedMessage, via: Contact): void;
  forward(message: RoutedMessage, nextHop: Contact, via: Contact): Forward;
}

export interface RouterCounters {
  messagesRouted: number;
  messagesDelivered: number;
  messagesDropped: number;
  lookups: number;
}

/** Key-based routing: recursive for messages, iterative for lookups, one hop when the owner is known. */
export class Router {
  readonly counters: RouterCounters = { messagesRouted: 0, messagesDelivered: 0, messagesDropped: 0, lookups: 0 };
  readonly #runtime: Runtime;
  readonly #options: RouterOptions;
  readonly #table: RoutingTable;
  readonly #output: RouterOutput;
  readonly #log: Log;
  readonly #delivered: Recent;
  #number: number;

  constructor(runtime: Runtime, options: RouterOptions, table: RoutingTable, output: RouterOutput, log: Log) {
    this.#runtime = runtime;
    this.#options = options;
    this.#table = table;
    this.#output = output;
    this.#log = log;
    this.#delivered = new Recent(options.deliveredMax, options.deliveredRememberedMs);
    this.#number = Math.floor(runtime.random() * 2 ** 31);
  }

  owns(key: Key): boolean {
    return this.#output.isMember() && this.#table.owns(key);
  }

  /** Asks ever nearer members until one says that it is the owner. @throws OverlayError */
  async lookup(key: Key): Promise<Contact> {
    this.counters.lookups += 1;
    const asked = new Set<Key>();
    const deadlineMs = this.#runtime.now() + this.#options.requestTimeoutMs;
    for (;;) {
      if (this.owns(key)) return this.#table.self;
      let candidates = this.#nextHops(key);
      for (let contact = first(candidates, asked); contact; contact = first(candidates, asked)) {
        asked.add(contact.id);
        const reply = await this.#find(contact, key);
        if (reply?.isOwner) return contact;
        if (reply) candidates = [...reply.nearer.filter(({ id }) => id !== this.#table.self.id), ...candidates];
      }
      if (this.#runtime.now() >= deadlineMs) throw new OverlayError('timeout', `no owner of ${key} was found in time`);
      // Neighbours that disagree will agree soon, and the dead be noticed.
      await new Promise<void>((resolve) => this.#runtime.after(this.#options.tickMs, resolve));
      asked.clear();
    }
  }

  find(key: Key): FindReply {
    return { isOwner: this.owns(key), nearer: this.#nextHops(key) };
  }

  route(key: Key, app: AppId, payload: Uint8Array): void {
    this.#number = (this.#number + 1) >>> 0;
    const hop: Hop = { source: this.#table.self, number: this.#number, key, app, hops: 0, payload };
    this.counters.messagesRouted += 1;
    // Not before the caller is done: it may be routing to itself.
    void Promise.resolve().then(() => this.#pass(hop, this.#table.self));
  }

  /** A message on its way, taken over from the hop before. */
  onHop(hop: Hop, from: Contact): void {
    void this.#pass(hop, from);
  }

  /** Best first, but for suspects, which come last. */
  #nextHops(key: Key): readonly Contact[] {
    const hops = this.#output.isMember()
      ? this.#table.nextHops(key, findContactsMax)
      : this.#table
          .replicas(key, findContactsMax + 1)
          .filter(({ id }) => id !== this.#table.self.id)
          .slice(0, findContactsMax);
    const suspects = hops.filter(({ id }) => this.#output.isSuspect(id));
    return suspects.length === 0 ? hops : [...hops.filter((hop) => !suspects.includes(hop)), ...suspects];
  }

  async #find(contact: Contact, key: Key): Promise<FindReply | null> {
    try {
      return decode(findReply, await this.#output.ask(contact, { type: 'find', key }, this.#options.hopTimeoutMs));
    } catch (error) {
      if (!(error instanceof OverlayError) || error.code === 'closed') throw error;
      return null;
    }
  }

  async #pass(hop: Hop, via: Contact): Promise<void> {
    const { hopsMax, hopAttemptsMax, hopTimeoutMs, tickMs } = this.#options;
    const failed = new Set<Key>();
    let { payload } = hop;
    for (let attempt = 0; attempt < hopAttemptsMax && hop.hops < hopsMax; attempt++) {
      if (this.owns(hop.key)) {
        this.#deliver({ ...hop, payload }, via);
        return;
      }
      let next = first(this.#nextHops(hop.key), failed);
      if (!next) {
        failed.clear();
        await new Promise<void>((resolve) => this.#runtime.after(tickMs, resolve));
        continue;
      }
      if (attempt === 0) {
        const verdict = this.#output.forward({ ...hop, payload }, next, via);
        if (verdict.kind === 'absorb') return;
        payload = verdict.payload ?? payload;
        next = verdict.nextHop ?? next;
      }
      try {
        await this.#output.ask(next, { type: 'hop', ...hop, hops: hop.hops + 1, payload }, hopTimeoutMs);
        return;
      } catch (error) {
        if (!(error instanceof OverlayError)) throw error;
        if (error.code === 'closed') return;
        failed.add(next.id);
      }
    }
    this.counters.messagesDropped += 1;
    this.#log('info', 'routed message dropped', { key: hop.key, source: hop.source.address, hops: hop.hops });
  }

  /** A hop whose acknowledgement was lost may have been taken twice. */
  #deliver(hop: Hop, via: Contact): void {
    if (!this.#delivered.isNew(`${hop.source.id}/${hop.number}`, this.#runtime.now())) return;
    this.counters.messagesDelivered += 1;
    const { key, app, payload, source, hops } = hop;
    this.#output.deliver({ key, app, payload, source, hops }, via);
  }
}

function first(contacts: readonly Contact[], except: ReadonlySet<Key>): Contact | undefined {
  return contacts.find(({ id }) => !except.has(id));
}
