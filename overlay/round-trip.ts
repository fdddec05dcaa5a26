export interface RoundTripOptions {
  readonly roundTripInitialMs: number;
  readonly timeoutMinMs: number;
  readonly timeoutMaxMs: number;
}

/**
 * The measured round trip to a peer, and the timeout that follows from it: mean plus four mean deviations.
 *
 * @see Jacobson and Karels, "Congestion Avoidance and Control", 1988; RFC 6298
 */
export class RoundTrip {
  readonly #options: RoundTripOptions;
  #meanMs: number | null = null;
  #deviationMs = 0;
  #leastMs = Number.POSITIVE_INFINITY;

  constructor(options: RoundTripOptions) {
    this.#options = options;
  }

  /** Milliseconds; null before the first sample. */
  get meanMs(): number | null {
    return this.#meanMs;
  }

  /** The shortest round trip so far: what the path takes when nothing is queued on it. */
  get leastMs(): number {
    return this.#leastMs;
  }

  sample(elapsedMs: number): void {
    const rttMs = Math.max(0, elapsedMs);
    this.#leastMs = Math.min(this.#leastMs, rttMs);
    if (this.#meanMs === null) {
      this.#meanMs = rttMs;
      this.#deviationMs = rttMs / 2;
      return;
    }
    const error = rttMs - this.#meanMs;
    this.#deviationMs += (Math.abs(error) - this.#deviationMs) / 4;
    this.#meanMs += error / 8;
  }

  /** How long to wait for an answer before asking again, doubled for each earlier attempt. */
  timeoutMs(attempt = 0): number {
    const { roundTripInitialMs, timeoutMinMs, timeoutMaxMs } = this.#options;
    const onceMs = this.#meanMs === null ? roundTripInitialMs : this.#meanMs + 4 * this.#deviationMs;
    return Math.min(timeoutMaxMs, Math.max(timeoutMinMs, onceMs) * 2 ** attempt);
  }
}
