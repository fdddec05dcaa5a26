/** A running hash of what happened: two 32-bit lanes mixed as in MurmurHash3. For comparing runs, not for secrets. */
export class Digest {
  #low = 0x9e3779b9 | 0;
  #high = 0x85ebca6b | 0;

  addNumber(value: number): void {
    this.#mix(value | 0);
    this.#mix((value / 2 ** 32) | 0);
  }

  addBytes(bytes: Uint8Array): void {
    const { length } = bytes;
    const wholeWords = length & ~3;
    this.#mix(length);
    for (let i = 0; i < wholeWords; i += 4) {
      // In range by the loop bounds, here and below.
      this.#mix(
        (bytes[i] as number) |
          ((bytes[i + 1] as number) << 8) |
          ((bytes[i + 2] as number) << 16) |
          ((bytes[i + 3] as number) << 24),
      );
    }
    let rest = 0;
    for (let i = wholeWords; i < length; i++) rest = (rest << 8) | (bytes[i] as number);
    this.#mix(rest);
  }

  addText(text: string): void {
    this.addBytes(Buffer.from(text));
  }

  /** 16 hexadecimal digits. */
  toString(): string {
    return [this.#low, this.#high].map((lane) => (lane >>> 0).toString(16).padStart(8, '0')).join('');
  }

  #mix(word: number): void {
    let scrambled = Math.imul(word, 0xcc9e2d51);
    scrambled = Math.imul((scrambled << 15) | (scrambled >>> 17), 0x1b873593);
    const low = this.#low ^ scrambled;
    this.#low = (Math.imul((low << 13) | (low >>> 19), 5) + 0xe6546b64) | 0;
    const high = this.#high ^ Math.imul(this.#low ^ word, 0x2c1b3c6d);
    this.#high = (Math.imul((high << 17) | (high >>> 15), 5) + 0x38495ab5) | 0;
  }
}
