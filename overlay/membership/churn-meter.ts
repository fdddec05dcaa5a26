/** Half of what was counted is forgotten after so long. */
const halfLifeMs = 30_000;
const windowMs = halfLifeMs / Math.LN2;

/** How quickly members come and go, by what one node sees. */
export class ChurnMeter {
  #departures = 0;
  #atMs: number;
  #changedAtMs = Number.NEGATIVE_INFINITY;

  constructor(nowMs: number) {
    this.#atMs = nowMs;
  }

  /** A member came, or went. */
  changed(isDeparture: boolean, nowMs: number): void {
    this.#decay(nowMs);
    this.#changedAtMs = nowMs;
    if (isDeparture) this.#departures += 1;
  }

  /** Milliseconds since the last change. */
  calmMs(nowMs: number): number {
    return nowMs - this.#changedAtMs;
  }

  /** Mean time that one of so many members stays, in milliseconds; `Infinity` when none has gone. */
  lifetimeMs(members: number, nowMs: number): number {
    this.#decay(nowMs);
    return (members * windowMs) / this.#departures;
  }

  #decay(nowMs: number): void {
    const elapsedMs = Math.max(0, nowMs - this.#atMs);
    this.#atMs = nowMs;
    if (this.#departures === 0) return;
    this.#departures *= 2 ** (-elapsedMs / halfLifeMs);
    // Less than any fleet would notice.
    if (this.#departures < 1e-3) this.#departures = 0;
  }
}
