import assert from 'node:assert/strict';

/** Something that happens at one virtual instant. `atTick` and `slot` belong to the queue; `slot` is -1 outside it. */
export interface Event {
  atTick: number;
  slot: number;
  fire(): void;
}

/** The events of one instant, in the order they were scheduled; those cancelled or taken are null. */
interface Instant {
  readonly tick: number;
  readonly events: (Event | null)[];
  /** Slots before it are taken. */
  cursor: number;
  live: number;
}

/**
 * Events by time, and by order of scheduling within one instant. Time is in whole ticks, so a list for each instant
 * and a binary heap of instants do: adding, taking and cancelling an event mostly cost the same however many wait.
 */
export class EventQueue {
  readonly #instants = new Map<number, Instant>();
  readonly #heap: Instant[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** The time of the earliest event; `Infinity` when there is none. */
  nextTick(): number {
    return this.#first()?.tick ?? Number.POSITIVE_INFINITY;
  }

  push(event: Event, atTick: number): void {
    let instant = this.#instants.get(atTick);
    if (!instant) {
      instant = { tick: atTick, events: [], cursor: 0, live: 0 };
      this.#instants.set(atTick, instant);
      this.#rise(instant);
    }
    event.atTick = atTick;
    event.slot = instant.events.push(event) - 1;
    instant.live += 1;
    this.#length += 1;
  }

  /** Takes the earliest event out; there must be one. */
  pop(): Event {
    const instant = this.#first();
    assert(instant, 'the queue is empty');
    const { events } = instant;
    let event = events[instant.cursor];
    while (!event) event = events[++instant.cursor];
    this.#takeOut(event, instant);
    return event;
  }

  remove(event: Event): void {
    const instant = this.#instants.get(event.atTick);
    assert(instant?.events[event.slot] === event, 'the event is not in the queue');
    this.#takeOut(event, instant);
  }

  checkInvariants(): void {
    let live = 0;
    for (const [index, instant] of this.#heap.entries()) {
      assert.equal(this.#instants.get(instant.tick), instant);
      const parent = this.#heap[(index - 1) >> 1];
      if (parent && index > 0) assert(parent.tick < instant.tick, 'a parent happens before its children');
      const events = instant.events.filter((event) => event !== null);
      assert.equal(events.length, instant.live);
      for (const event of events) assert.equal(instant.events[event.slot], event);
      live += instant.live;
    }
    assert.equal(this.#instants.size, this.#heap.length);
    assert.equal(live, this.#length);
  }

  #takeOut(event: Event, instant: Instant): void {
    instant.events[event.slot] = null;
    instant.live -= 1;
    event.slot = -1;
    this.#length -= 1;
  }

  /** The earliest instant that has events; instants before it are dropped. */
  #first(): Instant | undefined {
    let first = this.#heap[0];
    while (first?.live === 0) {
      this.#instants.delete(first.tick);
      const last = this.#heap.pop() as Instant;
      if (last !== first) this.#sink(last);
      first = this.#heap[0];
    }
    return first;
  }

  #rise(instant: Instant): void {
    const heap = this.#heap;
    let index = heap.length;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = heap[parentIndex] as Instant;
      if (parent.tick < instant.tick) break;
      heap[index] = parent;
      index = parentIndex;
    }
    heap[index] = instant;
  }

  #sink(instant: Instant): void {
    const heap = this.#heap;
    let index = 0;
    for (;;) {
      let childIndex = 2 * index + 1;
      let child = heap[childIndex];
      if (!child) break;
      const right = heap[childIndex + 1];
      if (right && right.tick < child.tick) {
        child = right;
        childIndex += 1;
      }
      if (instant.tick < child.tick) break;
      heap[index] = child;
      index = childIndex;
    }
    heap[index] = instant;
  }
}
