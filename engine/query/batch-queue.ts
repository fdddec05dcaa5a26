import { type Batch, batchBytes } from '../../columnar/index.ts';
import type { Downstream } from './exchange.ts';

/** Bytes of answer that wait for the client before the fleet is asked to pause. */
export const answerBytesMax = 8 * 1024 * 1024;

/** From operators that push to a client that pulls. Rows pushed after the end are dropped. */
export class BatchQueue implements Downstream {
  readonly #batches: Batch[] = [];
  readonly #drained: () => void;
  #bytes = 0;
  #state:
    | { readonly kind: 'open' }
    | { readonly kind: 'ended' }
    | { readonly kind: 'failed'; readonly error: unknown } = {
    kind: 'open',
  };
  #wake: (() => void) | null = null;

  /** @param drained called when a congested queue has room again */
  constructor(drained: () => void) {
    this.#drained = drained;
  }

  get congested(): boolean {
    return this.#bytes >= answerBytesMax;
  }

  drained(): Promise<void> {
    throw new Error('rows for the client are held back at their exchange');
  }

  push(batch: Batch): void {
    if (this.#state.kind !== 'open' || batch.numRows === 0) return;
    this.#batches.push(batch);
    this.#bytes += batchBytes(batch);
    this.#notify();
  }

  /** Operators are done; the queue ends only when the query says so, with its coverage known. */
  complete(): void {}

  end(): void {
    if (this.#state.kind === 'open') this.#state = { kind: 'ended' };
    this.#notify();
  }

  fail(error: unknown): void {
    if (this.#state.kind === 'open') this.#state = { kind: 'failed', error };
    this.#notify();
  }

  /** The next batch, or `null` at the end. Rows that arrived before a failure are withheld: the answer is not theirs. */
  async next(): Promise<Batch | null> {
    for (;;) {
      if (this.#state.kind === 'failed') throw this.#state.error;
      const batch = this.#batches.shift();
      if (batch !== undefined) {
        const wasCongested = this.congested;
        this.#bytes -= batchBytes(batch);
        if (wasCongested && !this.congested) this.#drained();
        return batch;
      }
      if (this.#state.kind === 'ended') return null;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #notify(): void {
    this.#wake?.();
    this.#wake = null;
  }
}
