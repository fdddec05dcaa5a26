import { FairQueue } from './fair-queue.ts';
import { SpaceTime } from './space-time.ts';

export interface AdmissionOptions {
  readonly capacityBytes: number;
  /** Longest lifetime and largest value of a put; with the capacity they say at which rate puts are always accepted. */
  readonly lifetimeMaxMs: number;
  readonly valueBytesMax: number;
}

/** A put that asks for storage. */
export interface Bid {
  readonly client: string;
  readonly bytes: number;
  readonly lifetimeMs: number;
}

/** Bytes a millisecond that can be accepted for ever, beside a put that waits. */
export function rateMin({ capacityBytes, lifetimeMaxMs, valueBytesMax }: AdmissionOptions): number {
  return Math.max(0, capacityBytes - valueBytesMax) / lifetimeMaxMs;
}

/**
 * Who may store what, and when: puts wait in fair order, and the first is accepted as soon as it fits. No other is
 * accepted before it, or large and long puts would never be; but one that comes later may be first. Pure.
 */
export class FairAdmission<T extends Bid> {
  readonly space: SpaceTime;
  readonly #queue: FairQueue<T>;

  constructor(options: AdmissionOptions) {
    const { capacityBytes, lifetimeMaxMs, valueBytesMax } = options;
    this.space = new SpaceTime(capacityBytes, rateMin(options));
    const costMax = lifetimeMaxMs * valueBytesMax;
    this.#queue = new FairQueue(costMax, costMax);
  }

  get waiting(): number {
    return this.#queue.length;
  }

  /** False when its client has too much waiting already. */
  offer(bid: T): boolean {
    return this.#queue.offer(bid.client, bid.bytes * bid.lifetimeMs, bid);
  }

  withdraw(bid: T): void {
    this.#queue.withdraw(bid);
  }

  /** The next put that is accepted now, if any; its space is taken. */
  accept(nowMs: number): T | null {
    this.space.advance(nowMs);
    const first = this.#queue.first();
    if (!first || !this.space.fits(first.what.bytes, first.what.lifetimeMs, nowMs)) return null;
    this.#queue.shift();
    this.space.add(first.what.bytes, nowMs + first.what.lifetimeMs);
    return first.what;
  }

  /** When to ask again if nothing changes before; infinite when nothing waits, or what waits can never fit. */
  nextAtMs(nowMs: number): number {
    const first = this.#queue.first();
    return first ? this.space.fitsAtMs(first.what.bytes, first.what.lifetimeMs, nowMs) : Number.POSITIVE_INFINITY;
  }
}
