import {
  type BroadcastMessage,
  type BroadcastName,
  type BroadcastRequest,
  depthMax,
  namesMax,
  pulledBroadcast,
} from './broadcast-messages.ts';
import { CodecError, decode } from './codec.ts';
import { compareClockwise } from './keys.ts';
import { type Contact, type Key, OverlayError } from './overlay.ts';
import type { RoutingTable } from './routing-table.ts';
import type { Runtime, Timer } from './runtime.ts';

export interface BroadcastRepairOptions {
  readonly broadcastHopTimeoutMs: number;
  readonly broadcastAnnounceMs: number;
  readonly broadcastAnnounceTries: number;
  readonly broadcastKeptMs: number;
  readonly broadcastsKeptMax: number;
  readonly broadcastsKeptBytesMax: number;
}

export interface BroadcastRepairOutput {
  /** @throws OverlayError */
  ask(to: Contact, request: BroadcastRequest): Promise<Uint8Array>;
  isDelivered(name: string): boolean;
  /** A broadcast that the tree did not bring; it may have come meanwhile. `via` is the node that it was pulled from. */
  take(message: BroadcastMessage, via: Contact): void;
  readonly counters: { broadcastsOut: number; broadcastsPulled: number };
}

/** A broadcast that this node can give to others. */
interface Kept {
  readonly message: BroadcastMessage;
  /** By this node's clock. */
  readonly bornAtMs: number;
  /** Members known to have it: few, each once. */
  readonly knownBy: Key[];
}

/** As it stands in maps: unique among all broadcasts. */
export function nameOf({ origin, number }: { origin: Key | Contact; number: number }): string {
  return `${typeof origin === 'string' ? origin : origin.id}/${number}`;
}

/**
 * Makes good what the tree of a broadcast missed. A while after it received some, a node tells its two neighbours
 * on the ring and one member drawn by chance which broadcasts it has, unless they are known to have them; whoever
 * lacks one pulls it, and tells others in turn. The random member spreads it over gaps as a rumour, the
 * neighbours leave nobody out; nothing but short names travels when nothing is missing.
 *
 * @see Leitao, Pereira and Rodrigues, "Epidemic Broadcast Trees" (Plumtree), SRDS 2007: IHAVE and GRAFT
 */
export class BroadcastRepair {
  readonly #runtime: Runtime;
  readonly #options: BroadcastRepairOptions;
  readonly #table: RoutingTable;
  readonly #output: BroadcastRepairOutput;
  /** Oldest first. */
  readonly #kept = new Map<string, Kept>();
  #keptBytes = 0;
  /** Received since the last announcement. */
  #news: string[] = [];
  #announcer: Timer | null = null;
  /** Who has what this node lacks: the first is being asked. */
  readonly #pulls = new Map<string, Contact[]>();

  constructor(runtime: Runtime, options: BroadcastRepairOptions, table: RoutingTable, output: BroadcastRepairOutput) {
    this.#runtime = runtime;
    this.#options = options;
    this.#table = table;
    this.#output = output;
  }

  /** A broadcast came for the first time. */
  keep(message: BroadcastMessage): void {
    const { broadcastAnnounceMs } = this.#options;
    const name = nameOf(message);
    const bornAtMs = this.#runtime.now() - message.ageMs;
    this.#kept.set(name, { message, bornAtMs, knownBy: [message.origin.id] });
    this.#keptBytes += message.payload.length;
    this.#forget();
    this.#news.push(name);
    // Of two neighbours one is first, which spares the other the word.
    const delayMs = broadcastAnnounceMs * (0.5 + this.#runtime.random());
    this.#announcer ??= this.#runtime.after(delayMs, () => this.#announce());
  }

  /** A member has it: nobody need tell it. */
  knows({ id }: Contact, broadcast: BroadcastMessage): void {
    note(this.#kept.get(nameOf(broadcast)), id);
  }

  onHave(from: Contact, broadcasts: readonly BroadcastName[]): void {
    for (const broadcast of broadcasts) {
      const name = nameOf(broadcast);
      note(this.#kept.get(name), from.id);
      if (this.#output.isDelivered(name)) continue;
      const sources = this.#pulls.get(name);
      if (sources && sources.length < this.#options.broadcastAnnounceTries) sources.push(from);
      else if (!sources && this.#pulls.size < this.#options.broadcastsKeptMax) {
        this.#pulls.set(name, [from]);
        void this.#pull(broadcast);
      }
    }
  }

  onPull(from: Contact, broadcast: BroadcastName): BroadcastMessage | null {
    this.#forget();
    const kept = this.#kept.get(nameOf(broadcast));
    if (!kept) return null;
    note(kept, from.id);
    this.#output.counters.broadcastsOut += 1;
    const { message, bornAtMs } = kept;
    return { ...message, depth: Math.min(message.depth + 1, depthMax), ageMs: this.#runtime.now() - bornAtMs };
  }

  close(): void {
    this.#announcer?.cancel();
    this.#pulls.clear();
  }

  // ---- Telling

  #announce(): void {
    this.#announcer = null;
    this.#forget();
    const names = this.#news.splice(0, namesMax).filter((name) => this.#kept.has(name));
    const { self } = this.#table;
    const clockwise = [...this.#table.leaves()].sort((a, b) => compareClockwise(self.id, a.id, b.id));
    const side = Math.ceil(clockwise.length / 2);
    void this.#tellOne(names, clockwise.slice(0, side));
    void this.#tellOne(names, clockwise.slice(side).reverse());
    void this.#tellOne(names, this.#anybody());
    if (this.#news.length > 0) {
      this.#announcer = this.#runtime.after(this.#options.broadcastAnnounceMs, () => this.#announce());
    }
  }

  /** Tells the first of them that answers. */
  async #tellOne(names: readonly string[], candidates: readonly Contact[]): Promise<void> {
    for (const contact of candidates.slice(0, this.#options.broadcastAnnounceTries)) {
      const untold = names
        .flatMap((name) => this.#kept.get(name) ?? [])
        .filter((kept) => !kept.knownBy.includes(contact.id));
      if (untold.length === 0) return;
      const broadcasts = untold.map(({ message: { origin, number } }) => ({ origin: origin.id, number }));
      if (!(await this.#ask(contact, { type: 'have', broadcasts }))) continue;
      for (const kept of untold) note(kept, contact.id);
      return;
    }
  }

  #anybody(): Contact[] {
    const { broadcastAnnounceTries: length } = this.#options;
    const drawn = Array.from({ length }, () => this.#table.sample(this.#runtime.random()));
    return drawn.filter(({ id }) => id !== this.#table.self.id);
  }

  // ---- Pulling

  /** Asks those who have it, one after the other, unless it comes meanwhile. */
  async #pull(broadcast: BroadcastName): Promise<void> {
    const name = nameOf(broadcast);
    for (;;) {
      const source = this.#pulls.get(name)?.[0];
      if (!source || this.#output.isDelivered(name)) break;
      const message = await this.#fetch(source, broadcast);
      if (message && nameOf(message) === name && !this.#output.isDelivered(name)) {
        this.#output.counters.broadcastsPulled += 1;
        this.#output.take(message, source);
        this.knows(source, message);
      }
      this.#pulls.get(name)?.shift();
    }
    this.#pulls.delete(name);
  }

  async #fetch(source: Contact, broadcast: BroadcastName): Promise<BroadcastMessage | null> {
    const reply = await this.#ask(source, { type: 'pull', ...broadcast });
    try {
      return reply && decode(pulledBroadcast, reply);
    } catch (error) {
      if (error instanceof CodecError) return null;
      throw error;
    }
  }

  async #ask(to: Contact, request: BroadcastRequest): Promise<Uint8Array | null> {
    try {
      return await this.#output.ask(to, request);
    } catch (error) {
      if (error instanceof OverlayError) return null;
      throw error;
    }
  }

  #forget(): void {
    const { broadcastKeptMs, broadcastsKeptMax, broadcastsKeptBytesMax } = this.#options;
    const nowMs = this.#runtime.now();
    for (const [name, { message, bornAtMs }] of this.#kept) {
      const isOver = this.#kept.size > broadcastsKeptMax || this.#keptBytes > broadcastsKeptBytesMax;
      if (!isOver && nowMs - bornAtMs < broadcastKeptMs) break;
      this.#kept.delete(name);
      this.#keptBytes -= message.payload.length;
    }
  }
}

/** A member has it. */
function note(kept: Kept | undefined, id: Key): void {
  if (kept && !kept.knownBy.includes(id)) kept.knownBy.push(id);
}
