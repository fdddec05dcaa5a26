import assert from 'node:assert/strict';

/** Something that happens at one virtual instant. Its fields belong to the queue. */
export abstract class Event {
  /** When it happens; -1 outside the queue. */
  atTick = -1;
  /** Its neighbours among the events that the queue keeps in one list. */
  previous: Event | null = null;
  next: Event | null = null;

  abstract fire(): void;
}

interface List {
  first: Event | null;
  last: Event | null;
}

/** Ticks that one turn of the wheel covers. */
const turnTicks = 2 ** 16;
/** Of a place in a bitmap so many bits say which bit of a word it is; the others say which word. */
const placeBits = 5;
const placeMask = 2 ** placeBits - 1;

/**
 * Events by time, and by order of scheduling within one instant. A timing wheel: time is in whole ticks, so each instant
 * of the present turn has a list of its own, and each later turn one list, which is dealt out when its time comes. To add,
 * to take and to cancel an event costs the same however many wait.
 *
 * @see Varghese and Lauck, "Hashed and Hierarchical Timing Wheels", SOSP 1987
 */
export class EventQueue {
  /** One list for each instant of the turn. */
  readonly #wheel: (List | null)[] = new Array<List | null>(turnTicks).fill(null);
  /** Which of them have events, a bit each; and which words of that have any. */
  readonly #words = new Uint32Array(turnTicks >>> placeBits);
  readonly #summary = new Uint32Array(turnTicks >>> (2 * placeBits));
  readonly #later = new Map<number, List>();
  #turn = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /**
   * The time of the earliest event, if it is not after `tickMax`; otherwise `Infinity`.
   * From then on nothing may be pushed that is earlier than this event or than `tickMax`.
   */
  nextTick(tickMax = Number.POSITIVE_INFINITY): number {
    let slot = this.#firstSlot();
    while (slot < 0) {
      if (!this.#nextTurn(tickMax)) return Number.POSITIVE_INFINITY;
      slot = this.#firstSlot();
    }
    const tick = this.#turn * turnTicks + slot;
    return tick <= tickMax ? tick : Number.POSITIVE_INFINITY;
  }

  push(event: Event, atTick: number): void {
    event.atTick = atTick;
    this.#length += 1;
    this.#append(event);
  }

  /** Takes out the first event of an instant; null when it has none. */
  take(tick: number): Event | null {
    if (turnOf(tick) !== this.#turn) return null;
    const event = this.#wheel[tick - this.#turn * turnTicks]?.first ?? null;
    if (event) this.remove(event);
    return event;
  }

  remove(event: Event): void {
    const { atTick, previous, next } = event;
    const list = this.#listAt(atTick);
    assert(atTick >= 0 && list, 'the event is not in the queue');
    if (previous) previous.next = next;
    else list.first = next;
    if (next) next.previous = previous;
    else list.last = previous;
    event.atTick = -1;
    event.previous = null;
    event.next = null;
    this.#length -= 1;
    if (list.first) return;
    const turn = turnOf(atTick);
    if (turn === this.#turn) this.#unmark(atTick - turn * turnTicks);
    else this.#later.delete(turn);
  }

  checkInvariants(): void {
    let length = 0;
    const check = (list: List, isHere: (event: Event) => boolean): void => {
      assert(list.first && list.last, 'a list that is kept has events');
      let previous: Event | null = null;
      for (let event: Event | null = list.first; event; event = event.next) {
        assert(event.previous === previous && isHere(event), 'events stand in the list of their time');
        previous = event;
        length += 1;
      }
      assert(list.last === previous, 'the last event ends its list');
    };
    for (const [slot, list] of this.#wheel.entries()) {
      const isMarked = ((this.#words[slot >>> placeBits] as number) >>> (slot & placeMask)) & 1;
      assert.equal(isMarked === 1, list?.first != null, 'instants that have events are marked');
      if (list?.first) check(list, ({ atTick }) => atTick === this.#turn * turnTicks + slot);
    }
    for (const [word, bits] of this.#words.entries()) {
      const isMarked = ((this.#summary[word >>> placeBits] as number) >>> (word & placeMask)) & 1;
      assert.equal(isMarked === 1, bits !== 0, 'so are words that have instants');
    }
    for (const [turn, list] of this.#later) {
      assert(turn > this.#turn, 'later turns are later');
      check(list, ({ atTick }) => turnOf(atTick) === turn);
    }
    assert.equal(length, this.#length);
  }

  #append(event: Event): void {
    const list = this.#listFor(event.atTick);
    event.previous = list.last;
    event.next = null;
    if (list.last) list.last.next = event;
    else list.first = event;
    list.last = event;
  }

  #listAt(tick: number): List | null | undefined {
    const turn = turnOf(tick);
    return turn === this.#turn ? this.#wheel[tick - turn * turnTicks] : this.#later.get(turn);
  }

  #listFor(tick: number): List {
    const turn = turnOf(tick);
    assert(turn >= this.#turn, 'time does not go back');
    if (turn === this.#turn) {
      const slot = tick - turn * turnTicks;
      this.#mark(slot);
      // Lists are kept when they are empty, for the turns to come.
      this.#wheel[slot] ??= { first: null, last: null };
      return this.#wheel[slot];
    }
    let list = this.#later.get(turn);
    if (!list) {
      list = { first: null, last: null };
      this.#later.set(turn, list);
    }
    return list;
  }

  /** Deals out the events of the next turn that has any; false when it begins after `tickMax`, or there is none. */
  #nextTurn(tickMax: number): boolean {
    let turn = Number.POSITIVE_INFINITY;
    for (const later of this.#later.keys()) turn = Math.min(turn, later);
    if (turn === Number.POSITIVE_INFINITY || turn * turnTicks > tickMax) return false;
    const { first } = this.#later.get(turn) as List;
    this.#later.delete(turn);
    this.#turn = turn;
    for (let event = first; event; ) {
      const { next } = event;
      this.#append(event);
      event = next;
    }
    return true;
  }

  /** The first instant of the turn that has events; -1 when none has. */
  #firstSlot(): number {
    const summary = this.#summary;
    for (let i = 0; i < summary.length; i++) {
      if (summary[i] === 0) continue;
      const word = (i << placeBits) | lowestBit(summary[i] as number);
      return (word << placeBits) | lowestBit(this.#words[word] as number);
    }
    return -1;
  }

  #mark(slot: number): void {
    const word = slot >>> placeBits;
    this.#words[word] = (this.#words[word] as number) | (1 << (slot & placeMask));
    this.#summary[word >>> placeBits] = (this.#summary[word >>> placeBits] as number) | (1 << (word & placeMask));
  }

  #unmark(slot: number): void {
    const word = slot >>> placeBits;
    const left = (this.#words[word] as number) & ~(1 << (slot & placeMask));
    this.#words[word] = left;
    if (left === 0)
      this.#summary[word >>> placeBits] = (this.#summary[word >>> placeBits] as number) & ~(1 << (word & placeMask));
  }
}

function turnOf(tick: number): number {
  return Math.floor(tick / turnTicks);
}

function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}
