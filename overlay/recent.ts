/** Names met of late, to tell repetitions: at most `namesMax` of them, none for longer than `rememberedMs`. */
export class Recent {
  readonly #namesMax: number;
  readonly #rememberedMs: number;
  readonly #names = new Map<string, number>();

  constructor(namesMax: number, rememberedMs: number) {
    this.#namesMax = namesMax;
    this.#rememberedMs = rememberedMs;
  }

  has(name: string): boolean {
    return this.#names.has(name);
  }

  /** Whether this is the first time; either way the name is remembered. */
  isNew(name: string, nowMs: number): boolean {
    if (this.#names.has(name)) return false;
    this.#names.set(name, nowMs);
    for (const [oldest, atMs] of this.#names) {
      if (this.#names.size <= this.#namesMax && nowMs - atMs <= this.#rememberedMs) break;
      this.#names.delete(oldest);
    }
    return true;
  }
}
