interface Entry<T> {
  readonly bytes: Uint8Array;
  readonly value: T;
}

/**
 * Values by the bytes that stand for them, so that what is read again and again is made once: members name the same
 * members all the time. A value may be forgotten at any time, so nothing depends on being found; values must be
 * immutable. The bytes' beginning is taken for random, as that of ids is: of values that begin alike, one is kept.
 */
export class Interned<T> {
  readonly #bytesMax: number;
  readonly #valuesMax: number;
  readonly #entries = new Map<number, Entry<T>>();

  /**
   * @param bytesMax values that stand for more bytes are not kept
   * @param valuesMax beyond which all are forgotten
   */
  constructor(bytesMax: number, valuesMax: number) {
    this.#bytesMax = bytesMax;
    this.#valuesMax = valuesMax;
  }

  /** What was kept for these bytes, at least four. */
  get(buffer: Uint8Array, at: number, length: number): T | undefined {
    const entry = this.#entries.get(beginning(buffer, at));
    if (entry?.bytes.length !== length) return undefined;
    for (let i = 0; i < length; i++) if (entry.bytes[i] !== buffer[at + i]) return undefined;
    return entry.value;
  }

  keep(buffer: Uint8Array, at: number, length: number, value: T): void {
    if (length > this.#bytesMax) return;
    const key = beginning(buffer, at);
    if (this.#entries.size >= this.#valuesMax && !this.#entries.has(key)) this.#entries.clear();
    this.#entries.set(key, {
      bytes: Uint8Array.prototype.slice.call(buffer, at, at + length),
      value,
    });
  }
}

/** 30 bits, which a map finds without making a number of them. */
function beginning(buffer: Uint8Array, at: number): number {
  // In range by the contract of `get`.
  return (
    ((buffer[at] as number) << 22) |
    ((buffer[at + 1] as number) << 14) |
    ((buffer[at + 2] as number) << 6) |
    ((buffer[at + 3] as number) >> 2)
  );
}
