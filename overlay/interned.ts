const slotsMin = 2 ** 6;

/**
 * Values by the bytes that stand for them, so that what is read again and again is made once: members name the same
 * members all the time. A value may be forgotten whenever another takes its place, so nothing depends on being found;
 * values must be immutable. The bytes' beginning is taken for random, as that of ids is.
 *
 * One slot a value, chosen by its first four bytes: there are twice as many when values have got in each other's way
 * that often, up to `slotsMax`.
 */
export class Interned<T> {
  readonly #bytesMax: number;
  readonly #slotsMax: number;
  #slots = 0;
  #bytes = new Uint8Array(0);
  #values: (T | undefined)[] = [];
  #evictions = 0;

  /** @param bytesMax values that stand for more bytes are not kept @param slotsMax a power of 2 */
  constructor(bytesMax: number, slotsMax: number) {
    this.#bytesMax = bytesMax;
    this.#slotsMax = slotsMax;
    this.#resize(slotsMin);
  }

  /** What was kept for these bytes, at least four; their length must follow from the bytes themselves. */
  get(buffer: Uint8Array, at: number, length: number): T | undefined {
    const slot = this.#slotOf(buffer, at);
    const value = this.#values[slot];
    if (value === undefined || length > this.#bytesMax) return undefined;
    const kept = this.#bytes;
    const keptAt = slot * this.#bytesMax;
    for (let i = 0; i < length; i++) if (kept[keptAt + i] !== buffer[at + i]) return undefined;
    return value;
  }

  keep(buffer: Uint8Array, at: number, length: number, value: T): void {
    if (length > this.#bytesMax) return;
    let slot = this.#slotOf(buffer, at);
    if (this.#values[slot] !== undefined && this.#slots < this.#slotsMax) {
      this.#evictions += 1;
      if (this.#evictions > this.#slots / 8) {
        this.#resize(2 * this.#slots);
        slot = this.#slotOf(buffer, at);
      }
    }
    this.#values[slot] = value;
    this.#bytes.set(buffer.subarray(at, at + length), slot * this.#bytesMax);
  }

  #slotOf(buffer: Uint8Array, at: number): number {
    // In range by the contract of `get`.
    const word =
      ((buffer[at] as number) << 24) |
      ((buffer[at + 1] as number) << 16) |
      ((buffer[at + 2] as number) << 8) |
      (buffer[at + 3] as number);
    return Math.imul(word, 0x9e3779b1) >>> (Math.clz32(this.#slots) + 1);
  }

  /** Keeps nothing: it is soon read again. */
  #resize(slots: number): void {
    this.#slots = slots;
    this.#bytes = new Uint8Array(slots * this.#bytesMax);
    this.#values = new Array<T | undefined>(slots).fill(undefined);
    this.#evictions = 0;
  }
}
