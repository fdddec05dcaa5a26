import { type ControlRequest, type FindReply, findContactsMax, type Hop } from './control.ts';
import type { Log } from './defaults.ts';
import { type AppId, type Contact, type Forward, type Key, OverlayError, type RoutedMessage } from './overlay.ts';
import { Recent } from './recent.ts';
import type { RoutingTable } from './routing-table.ts';
import type { Runtime } from './runtime.ts';

export interface RouterOptions {
  readonly hopsMax: number;
  readonly hopTimeoutMs: number;
  readonly routeTimeoutMs: number;
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
  /** How long to wait for an answer before asking again, by the round trips of who is asked. */
  timeoutMs(id: Key, attempt: number): number;
  /** `via` is the node that the message came from: its source, or the last hop. */
  deliver(message: RoutedMessage, via: Contact): void;
  forward(message: RoutedMessage, nextHop: Contact, via: Contact): Forward;
}

export interface RouterCounters {
  messagesRouted: number;
  messagesDelivered: number;
  messagesDropped: number;
}

/**
 * Key-based routing of messages, hop by hop: one hop when the owner is known. A hop that is not acknowledged within
 * the time that its round trips suggest is followed by the next best one.
 */
export class Router {
  readonly counters: RouterCounters = { messagesRouted: 0, messagesDelivered: 0, messagesDropped: 0 };
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

  find(key: Key): FindReply {
    const nearer = this.nextHops(key);
    return { isOwner: this.owns(key), isHeir: this.#inherits(key, nearer), nearer };
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

  /**
   * Whom to ask or to send to for `key`, best first but for suspects, which come last;
   * for a node that is no member, those nearest to it.
   */
  nextHops(key: Key): readonly Contact[] {
    const hops = this.#output.isMember()
      ? this.#table.nextHops(key, findContactsMax)
      : this.#table
          .replicas(key, findContactsMax + 1)
          .filter(({ id }) => id !== this.#table.self.id)
          .slice(0, findContactsMax);
    const suspects = hops.filter(({ id }) => this.#output.isSuspect(id));
    return suspects.length === 0 ? hops : [...hops.filter((hop) => !suspects.includes(hop)), ...suspects];
  }

  #inherits(key: Key, nearer: readonly Contact[]): boolean {
    const isSilent = ({ id }: Contact): boolean => this.#output.isSuspect(id);
    if (nearer.length === 0 || !nearer.every(isSilent) || !this.#output.isMember()) return false;
    const next = this.#table.replicas(key, nearer.length + 1).find((contact) => !isSilent(contact));
    return next?.id === this.#table.self.id;
  }

  async #pass(hop: Hop, via: Contact): Promise<void> {
    const { hopsMax, routeTimeoutMs, tickMs } = this.#options;
    const deadlineMs = this.#runtime.now() + routeTimeoutMs;
    const failed = new Set<Key>();
    let { payload } = hop;
    let isSeen = false;
    while (this.#runtime.now() < deadlineMs && hop.hops < hopsMax) {
      if (this.owns(hop.key)) {
        this.#deliver({ ...hop, payload }, via);
        return;
      }
      let next = first(this.nextHops(hop.key), failed);
      if (!next) {
        failed.clear();
        await new Promise<void>((resolve) => this.#runtime.after(tickMs, resolve));
        continue;
      }
      if (!isSeen) {
        isSeen = true;
        const verdict = this.#output.forward({ ...hop, payload }, next, via);
        if (verdict.kind === 'absorb') return;
        payload = verdict.payload ?? payload;
        next = verdict.nextHop ?? next;
      }
      try {
        await this.#output.ask(next, { type: 'hop', ...hop, hops: hop.hops + 1, payload }, this.#hopTimeoutMs(next));
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

  /** Two questions and the waits after them; then another may be quicker. */
  #hopTimeoutMs({ id }: Contact): number {
    const twiceMs = this.#output.timeoutMs(id, 0) + this.#output.timeoutMs(id, 1);
    return Math.min(this.#options.hopTimeoutMs, twiceMs);
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
