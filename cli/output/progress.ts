import type { Writable } from 'node:stream';

const shownAfterMs = 400;
const frameMs = 100;
const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const clearLine = '\r\x1b[K';

/** Tells on a terminal that work goes on. */
export interface Progress {
  start(): void;
  /** Clears the line; does nothing when nothing is shown. */
  stop(): void;
}

export const noProgress: Progress = { start() {}, stop() {} };

/** A line with a turning wheel and the seconds gone by, for work that takes longer than a moment. */
export class Spinner implements Progress {
  readonly #terminal: Writable;
  readonly #label: string;
  #timer: NodeJS.Timeout | null = null;
  #shown = false;

  constructor(terminal: Writable, label: string) {
    this.#terminal = terminal;
    this.#label = label;
  }

  start(): void {
    this.stop();
    const startedAtMs = performance.now();
    this.#timer = setInterval(() => {
      const elapsedMs = performance.now() - startedAtMs;
      if (elapsedMs < shownAfterMs) return;
      const frame = frames[Math.floor(elapsedMs / frameMs) % frames.length] ?? '';
      this.#terminal.write(`${clearLine}${frame} ${this.#label} ${(elapsedMs / 1000).toFixed(1)} s`);
      this.#shown = true;
    }, frameMs);
    this.#timer.unref();
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    if (this.#shown) this.#terminal.write(clearLine);
    this.#shown = false;
  }
}
