import { bitmapBytes, clearBit } from '../../columnar/index.ts';

/** A validity bitmap that exists only once something is NULL. */
export class NullMarks {
  readonly #rows: number;
  #validity: Uint8Array | null = null;

  constructor(rows: number) {
    this.#rows = rows;
  }

  mark(row: number): void {
    this.#validity ??= new Uint8Array(bitmapBytes(this.#rows)).fill(0xff);
    clearBit(this.#validity, row);
  }

  get validity(): Uint8Array | null {
    return this.#validity;
  }
}
