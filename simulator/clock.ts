import assert from 'node:assert/strict';
import { Event, EventQueue } from './event-queue.ts';

/**
 * Virtual time moves in steps of 1/16 ms: exact in binary, and coarse enough that a busy network has many events at
 * one instant, so that the cost of draining microtasks is shared among them.
 */
export const ticksPerMs = 16;

/** Virtual time and what is still to happen. */
export class Clock {
  readonly #events = new EventQueue();
  #tick = 0;

  get tick(): number {
    return this.#tick;
  }

  /** Virtual milliseconds since the start. */
  get nowMs(): number {
    return this.#tick / ticksPerMs;
  }

  get idle(): boolean {
    return this.#events.length === 0;
  }

  schedule(event: Event, atTick: number): void {
    assert(atTick >= this.#tick, 'nothing happens in the past');
    this.#events.push(event, atTick);
  }

  /** The first tick at least `delayMs` from now, and never the present one: whoever waits lets time pass. */
  tickAfter(delayMs: number): number {
    assert(!Number.isNaN(delayMs), 'a delay is a number');
    return Math.max(this.#tick + 1, Math.ceil(this.#tick + delayMs * ticksPerMs));
  }

  cancel(event: Event): void {
    if (event.row >= 0) this.#events.remove(event);
  }

  call(atTick: number, run: () => void): void {
    this.schedule(new Call(run), atTick);
  }

  /** Moves to the next instant and fires all its events; false when there is none up to `tickMax`. */
  step(tickMax: number): boolean {
    const events = this.#events;
    const instant = events.nextTick(tickMax);
    if (instant === Number.POSITIVE_INFINITY) return false;
    this.#tick = instant;
    // Also those that are scheduled for this instant meanwhile.
    for (let event = events.take(instant); event; event = events.take(instant)) event.fire();
    return true;
  }

  /** Lets time pass in which nothing happens. */
  skipTo(tick: number): void {
    this.#tick = Math.max(this.#tick, tick);
  }
}

class Call extends Event {
  readonly #run: () => void;

  constructor(run: () => void) {
    super();
    this.#run = run;
  }

  fire(): void {
    this.#run();
  }
}
