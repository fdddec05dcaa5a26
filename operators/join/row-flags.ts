/** One flag a row, growing with the rows. */
export class RowFlags {
  #flags = new Uint8Array(0);
  #length = 0;

  get bytes(): number {
    return this.#flags.length;
  }

  append(flags: Uint8Array): void {
    const end = this.#length + flags.length;
    if (end > this.#flags.length) {
      const grown = new Uint8Array(Math.max(end, 2 * this.#flags.length));
      grown.set(this.#flags);
      this.#flags = grown;
    }
    this.#flags.set(flags, this.#length);
    this.#length = end;
  }

  set(row: number): void {
    this.#flags[row] = 1;
  }

  /** Shares memory; 1 is set. */
  view(): Uint8Array {
    return this.#flags.subarray(0, this.#length);
  }
}
