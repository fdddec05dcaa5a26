import { strict as assert } from 'node:assert';
import type { BroadcastMessage } from './broadcast-messages.ts';
import { controlApp, objectStoreApp, valuesApp, writesApp } from './control.ts';
import {
  type App,
  type AppId,
  type Contact,
  type Forward,
  type MembershipChange,
  OverlayError,
  type RoutedMessage,
} from './overlay.ts';
import type { Wire } from './wire.ts';

/** Apps of the overlay that are like those of programs. */
const ownApps: readonly AppId[] = [writesApp, objectStoreApp, valuesApp];

/** The apps of a node and the upcalls to them, each guarded: a payload that its app cannot read hurts nobody else. */
export class Apps {
  readonly #self: Contact;
  readonly #wire: Wire;
  readonly #apps = new Map<AppId, App>();

  constructor(self: Contact, wire: Wire) {
    this.#self = self;
    this.#wire = wire;
  }

  /** Ids of programs are 0 to 239, the others are the overlay's own, of which some are apps like any other. */
  register(app: AppId, handlers: App): void {
    assert(!this.#apps.has(app), `app ${app} is registered already`);
    const isFree = app < controlApp || ownApps.includes(app);
    assert(Number.isInteger(app) && app >= 0 && isFree, `app ${app} is not free`);
    this.#apps.set(app, handlers);
  }

  receive(from: Contact, app: AppId, payload: Uint8Array): void {
    this.guard(from, from, app, () => this.#apps.get(app)?.receive?.(from, payload));
  }

  deliver(message: RoutedMessage, via: Contact): void {
    this.guard(message.source, via, message.app, () => this.#apps.get(message.app)?.deliver?.(message));
  }

  forward(message: RoutedMessage, nextHop: Contact, via: Contact): Forward {
    let verdict: Forward = { kind: 'continue' };
    const isRead = this.guard(message.source, via, message.app, () => {
      verdict = this.#apps.get(message.app)?.forward?.(message, nextHop) ?? verdict;
    });
    return isRead ? verdict : { kind: 'absorb' };
  }

  /** Returns false when the app found the payload malformed. */
  broadcast({ origin, app, payload, depth }: BroadcastMessage, via: Contact): boolean {
    return this.guard(origin, via, app, () => this.#apps.get(app)?.broadcast?.(origin, payload, depth));
  }

  /** @throws OverlayError `refused` when no such app answers */
  answer(from: Contact, app: AppId, payload: Uint8Array): Promise<Uint8Array> | Uint8Array {
    const handlers = this.#apps.get(app);
    // Of this node to itself: those of others have been read already.
    if (handlers?.read) return handlers.read(from, payload);
    if (!handlers?.answer) throw new OverlayError('refused', `no app ${app} answers at ${this.#self.address}`);
    return handlers.answer(from, payload);
  }

  /** The answer to a request that changes nothing; undefined when the app has other ones. */
  read(from: Contact, app: AppId, payload: Uint8Array): Uint8Array | undefined {
    return this.#apps.get(app)?.read?.(from, payload);
  }

  update(change: MembershipChange): void {
    for (const app of this.#apps.values()) app.update?.(change);
  }

  /**
   * Runs an upcall with a payload of `source` that came from `via`; false when it was malformed. Only its maker is to
   * blame for what it says.
   */
  guard(source: Contact, via: Contact, app: AppId, run: () => void): boolean {
    const isMaker = source.id === via.id && via.id !== this.#self.id;
    return this.#wire.guard(isMaker ? via.address : null, via.address, app, run);
  }
}
