import type { Key, Region, Replicated } from './overlay.ts';

export interface ExportOptions {
  readonly exportsMax: number;
  readonly exportIdleMs: number;
}

/** One kind of data, by its number on the wire. */
export type Kinds = ReadonlyMap<number, Replicated>;

export interface Part {
  readonly kind: number;
  readonly chunk: Uint8Array;
}

interface Export {
  readonly reader: Key;
  /** Until it is read. */
  first: Part | null;
  readonly parts: Iterator<Part>;
  readAtMs: number;
  index: number;
}

/** Regions that other nodes are reading from this one, chunk by chunk. */
export class Exports {
  readonly #options: ExportOptions;
  readonly #exports = new Map<number, Export>();
  #opened = 0;

  constructor(options: ExportOptions) {
    this.#options = options;
  }

  /**
   * Returns the number by which the reader goes on, 0 when there is nothing to read; the least recently opened export
   * gives way when there are too many.
   */
  open(reader: Key, kinds: Kinds, regions: readonly Region[], nowMs: number): number {
    this.#forgetIdle(nowMs);
    const parts = partsOf(kinds, regions);
    const first = parts.next();
    if (first.done) return 0;
    for (const oldest of this.#exports.keys()) {
      if (this.#exports.size < this.#options.exportsMax) break;
      this.#exports.delete(oldest);
    }
    this.#opened += 1;
    this.#exports.set(this.#opened, { reader, first: first.value, parts, readAtMs: nowMs, index: 0 });
    return this.#opened;
  }

  /** The next chunk; null when there is none left; undefined when there is no such export. */
  next(reader: Key, number: number, index: number, nowMs: number): Part | null | undefined {
    const open = this.#exports.get(number);
    if (!open || open.reader !== reader || open.index !== index) return undefined;
    open.readAtMs = nowMs;
    open.index += 1;
    const { first } = open;
    open.first = null;
    if (first) return first;
    const { done, value } = open.parts.next();
    if (!done) return value;
    this.#exports.delete(number);
    return null;
  }

  #forgetIdle(nowMs: number): void {
    for (const [number, { readAtMs }] of this.#exports) {
      if (nowMs - readAtMs > this.#options.exportIdleMs) this.#exports.delete(number);
    }
  }
}

function* partsOf(kinds: Kinds, regions: readonly Region[]): Generator<Part> {
  for (const [kind, replicated] of kinds) {
    for (const chunk of replicated.export(regions)) yield { kind, chunk };
  }
}
