// When what has expired stops counting as a difference between two copies.
//
// Copies of one item expire at nearly, not exactly, the same time: clocks differ, and so do the moments at which two nodes
// compute their digests. So a digest does not ask what is alive now. It counts what had not expired at a horizon, which
// lies in the past, moves in steps and is told in each comparison; stores keep what has expired until the horizon
// has passed it. Two copies at one horizon leave out the very same items, and nothing that is alive.

import { SortedMap } from './sorted-map.ts';

/** How far the horizon is behind: more than clocks differ. */
const horizonLagMs = 20_000;
/** Long enough for most comparisons to find both sides at the same step. */
const horizonStepMs = 10_000;

/** The latest horizon that may be used now: what expires by then has expired by any reasonable clock. */
export function horizonOf(nowMs: number): number {
  return Math.max(0, Math.floor((nowMs - horizonLagMs) / horizonStepMs) * horizonStepMs);
}

/** When the horizon passes a time: by then it is part of no digest any more. */
export function horizonPassesAtMs(atMs: number): number {
  return stepOf(atMs) * horizonStepMs + horizonLagMs;
}

/** Things by the step at which they end: the next after their time, a step of the horizon if that is what they wait for. */
export class ExpirySteps<T> {
  readonly #steps = new SortedMap<number, Set<T>>();

  add(thing: T, endsAtMs: number): void {
    const step = stepOf(endsAtMs);
    const things = this.#steps.get(step);
    if (things) things.add(thing);
    else this.#steps.set(step, new Set([thing]));
  }

  /** Returns whether it was there. */
  delete(thing: T, endsAtMs: number): boolean {
    const step = stepOf(endsAtMs);
    const things = this.#steps.get(step);
    if (!things?.delete(thing)) return false;
    if (things.size === 0) this.#steps.delete(step);
    return true;
  }

  /** Takes out what ends by then, earlier steps first: as much of it as is asked for. */
  *take(untilMs: number): Generator<T> {
    for (let step = this.#steps.minKey(); step !== undefined; step = this.#steps.minKey()) {
      if (step * horizonStepMs > untilMs) return;
      const things = this.#steps.get(step) as Set<T>;
      for (const thing of things) {
        things.delete(thing);
        if (things.size === 0) this.#steps.delete(step);
        yield thing;
      }
    }
  }
}

function stepOf(atMs: number): number {
  return Math.ceil(atMs / horizonStepMs);
}
