import { type BroadcastMessage, broadcastRequest, pulledBroadcast } from './broadcast-messages.ts';
import { BroadcastRepair, type BroadcastRepairOptions, nameOf } from './broadcast-repair.ts';
import { decode, encode } from './codec.ts';
import { type AppId, type Contact, type Key, OverlayError } from './overlay.ts';
import { Recent } from './recent.ts';
import { RegionSet } from './region.ts';
import type { RoutingTable } from './routing-table.ts';
import type { Runtime } from './runtime.ts';

export interface BroadcasterOptions extends BroadcastRepairOptions {
  readonly broadcastFanout: number;
  readonly broadcastBytesMax: number;
  readonly broadcastBytesPerMsMin: number;
  readonly broadcastAvoidMs: number;
  readonly hopsMax: number;
  readonly deliveredMax: number;
  readonly deliveredRememberedMs: number;
}

export interface BroadcasterOutput {
  /** Asks another node's broadcaster. @throws OverlayError */
  ask(to: Contact, payload: Uint8Array, timeoutMs: number): Promise<Uint8Array>;
  /** False when the app found the payload malformed. `via` is the node that it came from: its origin, or another. */
  deliver(message: BroadcastMessage, via: Contact): boolean;
}

export interface BroadcasterCounters {
  broadcastsIn: number;
  /** Copies of payloads sent, to children and to those who pulled. */
  broadcastsOut: number;
  broadcastsRepeated: number;
  /** Received because a neighbour told that it had them. */
  broadcastsPulled: number;
  /** Children that did not take over their region, which another was then given. */
  broadcastChildrenLost: number;
}

const headerBytes = 256;

/**
 * One message to every member. Each node passes disjoint parts of its region to children, who are to reach those whose
 * ids are there: N - 1 payloads for N members while leaf sets are right. A child acknowledges its part; the part of one that
 * does not goes to another member within it. What is lost nevertheless, such as the part of a child that dies
 * right after its acknowledgement, `BroadcastRepair` makes good.
 *
 * @see El-Ansary et al., "Efficient Broadcast in Structured P2P Networks", IPTPS 2003
 */
export class Broadcaster {
  readonly counters: BroadcasterCounters = {
    broadcastsIn: 0,
    broadcastsOut: 0,
    broadcastsRepeated: 0,
    broadcastsPulled: 0,
    broadcastChildrenLost: 0,
  };
  readonly #runtime: Runtime;
  readonly #options: BroadcasterOptions;
  readonly #table: RoutingTable;
  readonly #output: BroadcasterOutput;
  readonly #delivered: Recent;
  readonly #repair: BroadcastRepair;
  /** Members that did not acknowledge of late: not worth another wait until then. */
  readonly #avoided = new Map<Key, number>();
  #number: number;

  constructor(runtime: Runtime, options: BroadcasterOptions, table: RoutingTable, output: BroadcasterOutput) {
    this.#runtime = runtime;
    this.#options = options;
    this.#table = table;
    this.#output = output;
    this.#delivered = new Recent(options.deliveredMax, options.deliveredRememberedMs);
    this.#number = Math.floor(runtime.random() * 2 ** 31);
    this.#repair = new BroadcastRepair(runtime, options, table, {
      ask: async (to, request) => {
        const timeoutMs = options.broadcastHopTimeoutMs;
        return output.ask(to, encode(broadcastRequest, request, headerBytes), timeoutMs);
      },
      isDelivered: (name) => this.#delivered.has(name),
      take: (message, via) => void this.#take(message, via),
      counters: this.counters,
    });
  }

  /** @throws OverlayError `refused` when the payload is too large */
  broadcast(app: AppId, payload: Uint8Array): void {
    const { broadcastBytesMax } = this.#options;
    if (payload.length > broadcastBytesMax) {
      throw new OverlayError('refused', `a broadcast of ${payload.length} bytes exceeds ${broadcastBytesMax}`);
    }
    this.#number = (this.#number + 1) >>> 0;
    // The caller may use its array again while others still fetch what it said.
    const kept = new Uint8Array(payload);
    const message = { origin: this.#table.self, number: this.#number, app, depth: 0, ageMs: 0, payload: kept };
    this.#take(message, this.#table.self);
    this.#pass(message, RegionSet.whole());
  }

  /** @throws CodecError */
  answer(from: Contact, request: Uint8Array): Uint8Array {
    const message = decode(broadcastRequest, request);
    switch (message.type) {
      case 'pass':
        // What cannot be read here cannot be read elsewhere.
        if (!this.#take(message, from)) return new Uint8Array(0);
        this.#repair.knows(from, message);
        this.#pass(message, message.region);
        return new Uint8Array(0);
      case 'have':
        this.#repair.onHave(from, message.broadcasts);
        return new Uint8Array(0);
      case 'pull': {
        const kept = this.#repair.onPull(from, message);
        return encode(pulledBroadcast, kept, headerBytes + (kept?.payload.length ?? 0));
      }
    }
  }

  close(): void {
    this.#repair.close();
  }

  /** False when the payload is malformed. */
  #take(message: BroadcastMessage, via: Contact): boolean {
    const isForgotten = message.ageMs >= this.#options.broadcastKeptMs;
    if (isForgotten || !this.#delivered.isNew(nameOf(message), this.#runtime.now())) {
      this.counters.broadcastsRepeated += 1;
      return true;
    }
    this.counters.broadcastsIn += 1;
    if (!this.#output.deliver(message, via)) return false;
    this.#repair.keep(message);
    return true;
  }

  #pass(message: BroadcastMessage, region: RegionSet): void {
    if (message.depth >= this.#options.hopsMax) return;
    const bornAtMs = this.#runtime.now() - message.ageMs;
    for (const { to, region: part } of this.#table.spread(region, this.#options.broadcastFanout)) {
      void this.#delegate(message, bornAtMs, to, part);
    }
  }

  /** To the child chosen, or else to others within its part, one after the other, until one takes it over. */
  async #delegate(message: BroadcastMessage, bornAtMs: number, chosen: Contact, region: RegionSet): Promise<void> {
    const { broadcastHopTimeoutMs, broadcastBytesPerMsMin, broadcastKeptMs } = this.#options;
    const timeoutMs = broadcastHopTimeoutMs + message.payload.length / broadcastBytesPerMsMin;
    let child = this.#isAvoided(chosen) ? this.#another(region) : chosen;
    while (child) {
      const ageMs = this.#runtime.now() - bornAtMs;
      if (ageMs >= broadcastKeptMs) return;
      const { origin, number, app, payload } = message;
      const depth = message.depth + 1;
      const request = { type: 'pass', region, origin, number, app, depth, ageMs, payload } as const;
      try {
        this.counters.broadcastsOut += 1;
        const bytes = encode(broadcastRequest, request, headerBytes + message.payload.length);
        await this.#output.ask(child, bytes, timeoutMs);
        this.#repair.knows(child, message);
        return;
      } catch (error) {
        if (!(error instanceof OverlayError)) throw error;
        if (error.code === 'closed') return;
        this.counters.broadcastChildrenLost += 1;
        this.#avoid(child);
      }
      child = this.#another(region);
    }
  }

  /** The middle one of the members known in a region, which has about as much to do on either side. */
  #another(region: RegionSet): Contact | undefined {
    const { self } = this.#table;
    const others = this.#table
      .contacts()
      .filter((contact) => contact.id !== self.id && region.has(contact.id) && !this.#isAvoided(contact));
    return others[others.length >>> 1];
  }

  #avoid({ id }: Contact): void {
    const nowMs = this.#runtime.now();
    this.#avoided.delete(id);
    this.#avoided.set(id, nowMs + this.#options.broadcastAvoidMs);
    for (const [oldest, untilMs] of this.#avoided) {
      if (untilMs > nowMs) break;
      this.#avoided.delete(oldest);
    }
  }

  #isAvoided({ id }: Contact): boolean {
    return (this.#avoided.get(id) ?? 0) > this.#runtime.now();
  }
}
