import { decode, encode } from './codec.ts';
import { type BroadcastMessage, broadcastApp, broadcastMessage } from './control.ts';
import type { AppId, Contact } from './overlay.ts';
import { Recent } from './recent.ts';
import { wholeRing } from './region.ts';
import type { RoutingTable } from './routing-table.ts';
import type { Runtime } from './runtime.ts';

export interface BroadcasterOptions {
  readonly broadcastFanout: number;
  readonly broadcastWatchMs: number;
  readonly hopsMax: number;
  readonly deliveredMax: number;
  readonly deliveredRememberedMs: number;
}

export interface BroadcasterOutput {
  send(to: Contact, app: AppId, payload: Uint8Array): void;
  watch(peer: Contact, onLost: (reason: string) => void): () => void;
  /** False when the app found the payload malformed. `via` is the node that it came from: its origin, or a parent. */
  deliver(origin: Contact, app: AppId, payload: Uint8Array, via: Contact): boolean;
}

export interface BroadcasterCounters {
  broadcastsIn: number;
  broadcastsRepeated: number;
  /** Children lost soon after they were given a region, which others were then given. */
  broadcastChildrenLost: number;
}

const headerBytes = 160;

/**
 * One message to every member: each node keeps its own region and passes disjoint parts of the rest on. When a
 * child is lost, its part is divided anew; nodes that had the message already pass it on but do not deliver it again.
 */
export class Broadcaster {
  readonly counters: BroadcasterCounters = { broadcastsIn: 0, broadcastsRepeated: 0, broadcastChildrenLost: 0 };
  readonly #runtime: Runtime;
  readonly #options: BroadcasterOptions;
  readonly #table: RoutingTable;
  readonly #output: BroadcasterOutput;
  readonly #delivered: Recent;
  #number: number;

  constructor(runtime: Runtime, options: BroadcasterOptions, table: RoutingTable, output: BroadcasterOutput) {
    this.#runtime = runtime;
    this.#options = options;
    this.#table = table;
    this.#output = output;
    this.#delivered = new Recent(options.deliveredMax, options.deliveredRememberedMs);
    this.#number = Math.floor(runtime.random() * 2 ** 31);
  }

  broadcast(app: AppId, payload: Uint8Array): void {
    this.#number = (this.#number + 1) >>> 0;
    const { self } = this.#table;
    this.#take({ origin: self, number: this.#number, app, depth: 0, region: wholeRing, payload }, self);
  }

  /** @throws CodecError */
  onMessage(payload: Uint8Array, from: Contact): void {
    this.#take(decode(broadcastMessage, payload), from);
  }

  #take(message: BroadcastMessage, via: Contact): void {
    const { origin, number, app, payload } = message;
    if (this.#delivered.isNew(`${origin.id}/${number}`, this.#runtime.now())) {
      this.counters.broadcastsIn += 1;
      // What cannot be read here cannot be read elsewhere.
      if (!this.#output.deliver(origin, app, payload, via)) return;
    } else {
      this.counters.broadcastsRepeated += 1;
    }
    this.#pass(message);
  }

  #pass(message: BroadcastMessage): void {
    const { broadcastFanout, broadcastWatchMs, hopsMax } = this.#options;
    if (message.depth >= hopsMax) return;
    for (const { to, region } of this.#table.split(message.region, broadcastFanout).delegate) {
      const passed = { ...message, region, depth: message.depth + 1 };
      this.#output.send(to, broadcastApp, encode(broadcastMessage, passed, headerBytes + message.payload.length));
      const unwatch = this.#output.watch(to, () => {
        this.counters.broadcastChildrenLost += 1;
        this.#pass(passed);
      });
      this.#runtime.after(broadcastWatchMs, unwatch);
    }
  }
}
