import type { Runtime, Timer } from './runtime.ts';

/**
 * Many deadlines, one timer. Nearly all are met, so none is worth a timer of its own: this one is set to the earliest,
 * and when that was met meanwhile, to the earliest of those that are left.
 */
export class Deadlines<T> {
  readonly #runtime: Runtime;
  readonly #missed: (what: T) => void;
  readonly #atMs = new Map<T, number>();
  #timer: Timer | null = null;
  #timerAtMs = Number.POSITIVE_INFINITY;

  /** @param missed told of each deadline that passed, which is over then; it may set another */
  constructor(runtime: Runtime, missed: (what: T) => void) {
    this.#runtime = runtime;
    this.#missed = missed;
  }

  /** In place of an earlier one for the same, if there is any. */
  set(what: T, atMs: number): void {
    this.#atMs.set(what, atMs);
    if (atMs < this.#timerAtMs) this.#arm(atMs);
  }

  met(what: T): void {
    this.#atMs.delete(what);
  }

  /** All are met. */
  clear(): void {
    this.#atMs.clear();
    this.#disarm();
  }

  #arm(atMs: number): void {
    this.#timer?.cancel();
    this.#timerAtMs = atMs;
    this.#timer = this.#runtime.after(Math.max(0, atMs - this.#runtime.now()), () => this.#fire());
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#timerAtMs = Number.POSITIVE_INFINITY;
  }

  #fire(): void {
    this.#disarm();
    const nowMs = this.#runtime.now();
    const due: (readonly [T, number])[] = [];
    for (const entry of this.#atMs) if (entry[1] <= nowMs) due.push(entry);
    due.sort(([, a], [, b]) => a - b);
    try {
      for (const [what, atMs] of due) {
        // Whoever was told of an earlier one may have met this, or set it anew.
        if (this.#atMs.get(what) !== atMs) continue;
        this.#atMs.delete(what);
        this.#missed(what);
      }
    } finally {
      this.#armEarliest();
    }
  }

  #armEarliest(): void {
    let earliestMs = Number.POSITIVE_INFINITY;
    for (const atMs of this.#atMs.values()) earliestMs = Math.min(earliestMs, atMs);
    if (earliestMs < this.#timerAtMs) this.#arm(earliestMs);
  }
}
