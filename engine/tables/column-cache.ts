import type { Column } from '../../columnar/index.ts';

/** Whole columns of one version of a file, each in the pieces it was read in; least recently used go first. */
export class ColumnCache {
  readonly #bytesMax: number;
  readonly #columns = new Map<number, { readonly pieces: readonly Column[]; readonly bytes: number }>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get(column: number): readonly Column[] | undefined {
    const found = this.#columns.get(column);
    if (!found) return undefined;
    this.#columns.delete(column); // A Map keeps insertion order: put back as the newest.
    this.#columns.set(column, found);
    return found.pieces;
  }

  put(column: number, pieces: readonly Column[], bytes: number): void {
    if (bytes > this.#bytesMax || this.#columns.has(column)) return;
    this.#columns.set(column, { pieces, bytes });
    this.#bytes += bytes;
    for (const [oldest, { bytes: freed }] of this.#columns) {
      if (this.#bytes <= this.#bytesMax) break;
      this.#columns.delete(oldest);
      this.#bytes -= freed;
    }
  }
}

export function columnBytes(column: Column): number {
  return column.values.byteLength + (column.validity?.byteLength ?? 0) + (column.offsets?.byteLength ?? 0);
}
