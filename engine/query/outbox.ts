import type { Contact, Overlay } from '../../overlay/index.ts';
import type { ReportBuilder } from './report.ts';

/** Bytes of one exchange sent to one node and not settled; beyond it the exchange's producer at this node pauses. */
export const creditBytes = 1024 * 1024;

export type Transmit = (to: Contact, sequence: number, batch: Uint8Array) => void;

interface Destination {
  readonly contact: Contact;
  readonly unsettled: Map<number, number>;
  bytes: number;
  readonly unwatch: () => void;
}

/**
 * Batches of one exchange on their way to other nodes: counts them until they are settled, so that the
 * execution knows when it is quiet, and holds the producer back when a destination falls behind. Credit is
 * counted by exchange: plans are acyclic, so the last exchange always drains and none can wait for itself.
 * A destination that is given up turns its unsettled batches into a loss, never into silence.
 */
export class Outbox {
  readonly #overlay: Overlay;
  readonly #transmit: Transmit;
  readonly #report: ReportBuilder;
  readonly #changed: () => void;
  readonly #destinations = new Map<string, Destination>();
  readonly #lost = new Map<string, string>();
  #sequence = 0;
  #isClosed = false;
  /** Rows of this node for itself that wait to be taken in. */
  #ownBytes = 0;
  #waiting: (() => void)[] = [];

  constructor(overlay: Overlay, transmit: Transmit, report: ReportBuilder, changed: () => void) {
    this.#overlay = overlay;
    this.#transmit = transmit;
    this.#report = report;
    this.#changed = changed;
  }

  /** True when everything sent has been settled or counted as lost. */
  get quiet(): boolean {
    for (const destination of this.#destinations.values()) if (destination.unsettled.size > 0) return false;
    return true;
  }

  get congested(): boolean {
    if (this.#ownBytes >= creditBytes) return true;
    for (const destination of this.#destinations.values()) if (destination.bytes >= creditBytes) return true;
    return false;
  }

  /** Resolves when no destination is behind any more, or at once. */
  drained(): Promise<void> {
    if (!this.congested) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** After the end nothing is sent: operators that fail half-way may still push. */
  send(to: Contact, batch: Uint8Array): void {
    if (this.#isClosed) return;
    const gone = this.#lost.get(to.id);
    if (gone !== undefined) {
      this.#report.batchesLost(1, gone);
      return;
    }
    const destination = this.#destination(to);
    const sequence = this.#sequence;
    this.#sequence += 1;
    destination.unsettled.set(sequence, batch.length);
    destination.bytes += batch.length;
    this.#transmit(to, sequence, batch);
  }

  /** Rows for this very node take no message, but credit like any others. */
  kept(bytes: number): void {
    this.#ownBytes += bytes;
  }

  taken(bytes: number): void {
    this.#ownBytes -= bytes;
    this.#wake();
  }

  /** @param lost the rows, or something that followed from them, did not reach their end */
  settled(from: Contact, sequence: number, lost: boolean): void {
    const destination = this.#destinations.get(from.id);
    const bytes = destination?.unsettled.get(sequence);
    if (destination === undefined || bytes === undefined) return;
    destination.unsettled.delete(sequence);
    destination.bytes -= bytes;
    if (lost) this.#report.batchesLost(1, `rows sent to node ${from.address} were lost there`);
    if (destination.unsettled.size === 0) this.#retire(destination);
    this.#wake();
    this.#changed();
  }

  close(): void {
    this.#isClosed = true;
    for (const destination of this.#destinations.values()) destination.unwatch();
    this.#destinations.clear();
    this.#wake();
  }

  #destination(to: Contact): Destination {
    const known = this.#destinations.get(to.id);
    if (known !== undefined) return known;
    const created: Destination = {
      contact: to,
      unsettled: new Map(),
      bytes: 0,
      unwatch: this.#overlay.watch(to, (reason) => this.#giveUp(to, reason)),
    };
    this.#destinations.set(to.id, created);
    return created;
  }

  #retire(destination: Destination): void {
    destination.unwatch();
    this.#destinations.delete(destination.contact.id);
  }

  #giveUp(peer: Contact, reason: string): void {
    const destination = this.#destinations.get(peer.id);
    if (destination === undefined) return;
    const words = `node ${peer.address} was lost while rows were on their way to it (${reason})`;
    this.#lost.set(peer.id, words);
    if (destination.unsettled.size > 0) this.#report.batchesLost(destination.unsettled.size, words);
    this.#retire(destination);
    this.#wake();
    this.#changed();
  }

  #wake(): void {
    if (this.congested) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resume of waiting) resume();
  }
}
