import type { Runtime, Timer } from '../runtime.ts';

interface Due {
  readonly atMs: number;
  readonly run: () => void;
}

/** Time that passes when a test says so, and chance that a test draws. */
export class ManualRuntime implements Runtime {
  /** Late enough that whatever was never heard was not heard a moment ago. */
  nowMs = 1_000_000;
  readonly #timers = new Set<Due>();
  readonly #draw: () => number;

  constructor(draw: () => number = () => 0.5) {
    this.#draw = draw;
  }

  now(): number {
    return this.nowMs;
  }

  random(): number {
    return this.#draw();
  }

  after(delayMs: number, run: () => void): Timer {
    const timer = { atMs: this.nowMs + delayMs, run };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }

  /** Timers that have yet to fire. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Lets time pass; whatever follows from a timer, promises included, happens before the next one fires. */
  async pass(durationMs: number): Promise<void> {
    const untilMs = this.nowMs + durationMs;
    for (;;) {
      await new Promise(setImmediate);
      const due = this.#next(untilMs);
      if (!due) break;
      this.#timers.delete(due);
      this.nowMs = due.atMs;
      due.run();
    }
    this.nowMs = untilMs;
  }

  /** Of timers of one moment, the one set first. */
  #next(untilMs: number): Due | undefined {
    let next: Due | undefined;
    for (const timer of this.#timers) {
      if (timer.atMs <= untilMs && (!next || timer.atMs < next.atMs)) next = timer;
    }
    return next;
  }
}

/** Chance that is the same at each run. @see https://github.com/bryc/code/blob/master/jshash/PRNGs.md, mulberry32 */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
