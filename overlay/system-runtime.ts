import type { Runtime, Timer } from './runtime.ts';

/** Node's timers hold their delay in 31 bits and fire at once beyond it. */
const timerDelayMsMax = 2 ** 31 - 1;

/**
 * The machine's own clock, timers and chance. The wall clock is read once, at the start, and then advanced by the
 * monotonic clock, so that an administrator or NTP who sets it back cannot make a node's time run backwards.
 */
export class SystemRuntime implements Runtime {
  readonly #startedAtMs = Date.now() - performance.now();

  now(): number {
    return this.#startedAtMs + performance.now();
  }

  after(delayMs: number, run: () => void): Timer {
    let handle: NodeJS.Timeout;
    const wait = (leftMs: number) => {
      handle =
        leftMs > timerDelayMsMax
          ? setTimeout(() => wait(leftMs - timerDelayMsMax), timerDelayMsMax)
          : // Rounded up: a fraction of a millisecond is cut off by Node, and would fire early.
            setTimeout(run, Math.ceil(leftMs));
    };
    wait(delayMs);
    return { cancel: () => clearTimeout(handle) };
  }

  /** Good enough to spread load; secrets come from node:crypto. */
  random(): number {
    return Math.random();
  }
}
