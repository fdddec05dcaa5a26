/** A token bucket: so much may be spent at once, so much comes back each second. */
export class Budget {
  readonly #perSecond: number;
  readonly #max: number;
  #left: number;
  #atMs: number;

  constructor(perSecond: number, max: number, nowMs: number) {
    this.#perSecond = perSecond;
    this.#max = max;
    this.#left = max;
    this.#atMs = nowMs;
  }

  left(nowMs: number): number {
    const backSince = (Math.max(0, nowMs - this.#atMs) / 1_000) * this.#perSecond;
    this.#left = Math.min(this.#max, this.#left + backSince);
    this.#atMs = nowMs;
    return this.#left;
  }

  /** Spends an amount if there is that much; returns whether there was. */
  take(amount: number, nowMs: number): boolean {
    if (this.left(nowMs) < amount) return false;
    this.#left -= amount;
    return true;
  }
}
