import {
  type Batch,
  batchBytes,
  concatBatches,
  encodeBatch,
  hashRows,
  partitionRows,
  type Schema,
} from '../../columnar/index.ts';
import type { Operator } from '../../operators/index.ts';
import type { Contact } from '../../overlay/index.ts';
import type { Outbox } from './outbox.ts';

/** A destination's rows are sent once they take this much: below it per-message costs dominate. */
export const batchBytesTarget = 64 * 1024;
/** The same for rows so narrow that their bytes hardly count. */
const batchRowsTarget = 64 * 1024;

/** An operator's output that may ask its producer to wait. */
export interface Downstream extends Operator {
  readonly congested: boolean;
  /** Resolves when it is congested no more, or at once. */
  drained(): Promise<void>;
}

/** Takes rows whenever they come; whoever made it learns of their end in another way. */
export function alwaysReady(push: (batch: Batch) => void): Downstream {
  return { push, complete: () => {}, congested: false, drained: () => Promise.resolve() };
}

/** Rows on their way to one node, gathered into batches worth sending. */
class Lane {
  readonly to: Contact;
  #batches: Batch[] = [];
  #bytes = 0;
  #rows = 0;

  constructor(to: Contact) {
    this.to = to;
  }

  get empty(): boolean {
    return this.#batches.length === 0;
  }

  /** True when the lane should be flushed. */
  add(batch: Batch): boolean {
    this.#batches.push(batch);
    this.#bytes += batchBytes(batch);
    this.#rows += batch.numRows;
    return this.#bytes >= batchBytesTarget || this.#rows >= batchRowsTarget;
  }

  take(schema: Schema): Batch | null {
    const batches = this.#batches;
    this.#batches = [];
    this.#bytes = 0;
    this.#rows = 0;
    if (batches.length === 0) return null;
    return batches.length === 1 ? (batches[0] ?? null) : concatBatches(schema, batches);
  }
}

/** Takes rows for this very node; `taken` is to be called once they have been processed. */
export type Loopback = (batch: Batch, taken: () => void) => void;

/**
 * Sends rows to the nodes of `destinations`: row -> hash of the key columns -> slot -> node, in one
 * vectorised pass. All nodes of a query use the same list, so equal keys meet at one node whatever
 * happens to the ring meanwhile. One destination needs no hashing: that is a gather.
 */
export class ExchangeOutput implements Downstream {
  readonly #schema: Schema;
  readonly #keys: readonly number[];
  readonly #lanes: readonly Lane[];
  readonly #self: string;
  readonly outbox: Outbox;
  readonly #loopback: Loopback;

  constructor(
    exchange: { readonly schema: Schema; readonly keys: readonly number[] },
    destinations: readonly Contact[],
    self: string,
    outbox: Outbox,
    loopback: Loopback,
  ) {
    this.#schema = exchange.schema;
    this.#keys = exchange.keys;
    this.#lanes = destinations.map((to) => new Lane(to));
    this.#self = self;
    this.outbox = outbox;
    this.#loopback = loopback;
  }

  push(batch: Batch): void {
    if (batch.numRows === 0) return;
    if (this.#lanes.length === 1 || this.#keys.length === 0) {
      this.#add(0, batch);
      return;
    }
    const slots = slotsOf(hashRows(batch, this.#keys), this.#lanes.length);
    const parts = partitionRows(batch, slots, this.#lanes.length);
    parts.forEach((part, lane) => {
      if (part.numRows > 0) this.#add(lane, part);
    });
  }

  complete(): void {
    this.flush();
  }

  get congested(): boolean {
    return this.outbox.congested;
  }

  /** True when no row waits for company and everything sent has been settled. */
  get quiet(): boolean {
    return this.empty && this.outbox.quiet;
  }

  get empty(): boolean {
    return this.#lanes.every((lane) => lane.empty);
  }

  drained(): Promise<void> {
    return this.outbox.drained();
  }

  flush(): void {
    for (const lane of this.#lanes) this.#flush(lane);
  }

  #add(index: number, batch: Batch): void {
    const lane = this.#lanes[index];
    if (lane === undefined) throw new Error('a slot without a destination');
    if (lane.add(batch)) this.#flush(lane);
  }

  #flush(lane: Lane): void {
    const batch = lane.take(this.#schema);
    if (batch === null) return;
    if (lane.to.id !== this.#self) {
      this.outbox.send(lane.to, encodeBatch(batch));
      return;
    }
    const bytes = batchBytes(batch);
    this.outbox.kept(bytes);
    this.#loopback(batch, () => this.outbox.taken(bytes));
  }
}

/** Scales 32-bit hashes to 0..count-1 by their high bits, so that every slot is an interval of the hash space. */
function slotsOf(hashes: Uint32Array, count: number): Uint16Array {
  const slots = new Uint16Array(hashes.length);
  for (let i = 0; i < hashes.length; i += 1) slots[i] = Math.floor(((hashes[i] ?? 0) * count) / 4_294_967_296);
  return slots;
}
