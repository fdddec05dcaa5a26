import assert from 'node:assert/strict';

/** Something that happens at one virtual instant. */
export abstract class Event {
  /** Its row in the queue, to which this field belongs; -1 outside. */
  row = -1;

  abstract fire(): void;
}

/** No row. */
const none = -1;
/** Made for the first event; whenever all rows are taken, as many again. */
export const rowsInitial = 1_024;

/** Rows of events, from the first to the last. */
interface List {
  first: number;
  last: number;
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
 * What the queue knows of an event stands in a row of a few dense columns, small enough to stay in a processor's caches.
 * The events themselves, and their neighbours in the lists, are not looked at until their time comes.
 *
 * @see Varghese and Lauck, "Hashed and Hierarchical Timing Wheels", SOSP 1987
 */
export class EventQueue {
  // ---- Columns: a row is that of one event, or one of the free ones, which `#next` chains.
  #events: (Event | null)[] = [];
  #ticks = new Float64Array(0);
  #previous = new Int32Array(0);
  #next = new Int32Array(0);
  #free = none;

  // ---- Lists
  /** The list of each instant of the turn, by its first and its last row. */
  readonly #firsts = new Int32Array(turnTicks).fill(none);
  readonly #lasts = new Int32Array(turnTicks).fill(none);
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
    assert(event.row === none, 'the event is in the queue already');
    if (this.#free === none) this.#grow();
    const row = this.#free;
    this.#free = this.#next[row] as number;
    event.row = row;
    this.#events[row] = event;
    this.#ticks[row] = atTick;
    this.#length += 1;
    this.#append(row);
  }

  /** Takes out the first event of an instant; null when it has none. */
  take(tick: number): Event | null {
    const slot = tick - this.#turn * turnTicks;
    const row = slot >= 0 && slot < turnTicks ? (this.#firsts[slot] as number) : none;
    if (row === none) return null;
    const event = this.#events[row] as Event;
    this.remove(event);
    return event;
  }

  remove(event: Event): void {
    const { row } = event;
    assert(this.#events[row] === event, 'the event is not in the queue');
    this.#unlink(row);
    event.row = none;
    this.#events[row] = null;
    this.#next[row] = this.#free;
    this.#free = row;
    this.#length -= 1;
  }

  checkInvariants(): void {
    let length = 0;
    const check = ({ first, last }: List, isHere: (tick: number) => boolean): void => {
      let previous = none;
      for (let row = first; row !== none; row = this.#next[row] as number) {
        assert.equal(this.#events[row]?.row, row, 'an event knows its row');
        assert(
          this.#previous[row] === previous && isHere(this.#ticks[row] as number),
          'and stands in the list of its time',
        );
        previous = row;
        length += 1;
      }
      assert(first !== none && last === previous, 'a list that is kept has events, and ends with the last');
    };
    for (const [slot, first] of this.#firsts.entries()) {
      const isMarked = ((this.#words[slot >>> placeBits] as number) >>> (slot & placeMask)) & 1;
      assert.equal(isMarked === 1, first !== none, 'instants that have events are marked');
      const list = { first, last: this.#lasts[slot] as number };
      if (first !== none) check(list, (tick) => tick === this.#turn * turnTicks + slot);
    }
    for (const [word, bits] of this.#words.entries()) {
      const isMarked = ((this.#summary[word >>> placeBits] as number) >>> (word & placeMask)) & 1;
      assert.equal(isMarked === 1, bits !== 0, 'so are words that have instants');
    }
    for (const [turn, list] of this.#later) {
      assert(turn > this.#turn, 'later turns are later');
      check(list, (tick) => turnOf(tick) === turn);
    }
    assert.equal(length, this.#length);
    let free = 0;
    for (let row = this.#free; row !== none; row = this.#next[row] as number) free += 1;
    assert.equal(length + free, this.#events.length, 'a row that is not free has an event');
  }

  // ---- Rows

  #grow(): void {
    const rows = this.#events.length;
    const more = Math.max(rowsInitial, rows);
    this.#ticks = grown(this.#ticks, new Float64Array(rows + more));
    this.#previous = grown(this.#previous, new Int32Array(rows + more));
    this.#next = grown(this.#next, new Int32Array(rows + more));
    for (let row = rows; row < rows + more; row++) {
      this.#events.push(null);
      this.#next[row] = row + 1 < rows + more ? row + 1 : none;
    }
    this.#free = rows;
  }

  // ---- Lists

  /** Puts a row at the end of the list of its time. */
  #append(row: number): void {
    const tick = this.#ticks[row] as number;
    const turn = turnOf(tick);
    assert(turn >= this.#turn, 'time does not go back');
    this.#next[row] = none;
    if (turn === this.#turn) {
      const slot = tick - turn * turnTicks;
      const last = this.#lasts[slot] as number;
      this.#previous[row] = last;
      this.#lasts[slot] = row;
      if (last !== none) this.#next[last] = row;
      else {
        this.#firsts[slot] = row;
        this.#mark(slot);
      }
      return;
    }
    const list = this.#later.get(turn);
    this.#previous[row] = list?.last ?? none;
    if (list) {
      this.#next[list.last] = row;
      list.last = row;
    } else this.#later.set(turn, { first: row, last: row });
  }

  #unlink(row: number): void {
    const previous = this.#previous[row] as number;
    const next = this.#next[row] as number;
    if (previous !== none) this.#next[previous] = next;
    if (next !== none) this.#previous[next] = previous;
    if (previous !== none && next !== none) return;
    // At least one of them is none; equal, both are.
    const isOnly = previous === next;
    const tick = this.#ticks[row] as number;
    const turn = turnOf(tick);
    if (turn === this.#turn) {
      const slot = tick - turn * turnTicks;
      if (previous === none) this.#firsts[slot] = next;
      if (next === none) this.#lasts[slot] = previous;
      if (isOnly) this.#unmark(slot);
    } else if (isOnly) this.#later.delete(turn);
    else {
      const list = this.#later.get(turn) as List;
      if (previous === none) list.first = next;
      else list.last = previous;
    }
  }

  /** Deals out the events of the next turn that has any; false when it begins after `tickMax`, or there is none. */
  #nextTurn(tickMax: number): boolean {
    let turn = Number.POSITIVE_INFINITY;
    for (const later of this.#later.keys()) turn = Math.min(turn, later);
    if (turn === Number.POSITIVE_INFINITY || turn * turnTicks > tickMax) return false;
    const { first } = this.#later.get(turn) as List;
    this.#later.delete(turn);
    this.#turn = turn;
    for (let row = first; row !== none; ) {
      const next = this.#next[row] as number;
      this.#append(row);
      row = next;
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

function grown<T extends Float64Array | Int32Array>(column: T, larger: T): T {
  larger.set(column);
  return larger;
}

function turnOf(tick: number): number {
  return Math.floor(tick / turnTicks);
}

function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}
