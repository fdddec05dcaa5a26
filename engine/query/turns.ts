import type { Runtime } from '../../overlay/index.ts';

/** A stretch of work after which the event loop gets a turn: others, cancels among them, wait no longer. */
export const turnMs = 10;

const rowsMin = 16;
const rowsMax = 65_536;

/**
 * Divides work that cannot be interrupted into stretches. How long rows take is not known beforehand, since a join makes
 * any number of rows of one: the next part is sized by how long the last one took.
 */
export class Turns {
  readonly #runtime: Runtime;
  /** End of the present stretch; null between two. */
  #endsAtMs: number | null = null;
  #rows = 64;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** Rows to work on in one go. */
  get rows(): number {
    return this.#rows;
  }

  get isOver(): boolean {
    return this.#endsAtMs !== null && this.#runtime.now() >= this.#endsAtMs;
  }

  /** Works on some rows. */
  run(work: () => void): void {
    const beganAtMs = this.#runtime.now();
    if (this.#endsAtMs === null) {
      this.#endsAtMs = beganAtMs + turnMs;
      this.#runtime.after(0, () => {
        this.#endsAtMs = null;
      });
    }
    work();
    const tookMs = this.#runtime.now() - beganAtMs;
    if (tookMs > turnMs / 2) this.#rows = Math.max(rowsMin, Math.floor((this.#rows * turnMs) / (4 * tookMs)));
    else if (tookMs < turnMs / 8) this.#rows = Math.min(rowsMax, this.#rows << 1);
  }
}
