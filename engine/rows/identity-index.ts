/** Where a row is: a segment's id and a row of it. */
export interface Place {
  readonly segment: number;
  readonly row: number;
}

const slotsAtLeast = 16;
const empty = -1;

/**
 * Finds rows by a 32-bit hash: open addressing with linear probing, at most half full; removal moves
 * later entries back, so that no tombstones pile up.
 */
export class IdentityIndex {
  #hashes = new Uint32Array(slotsAtLeast);
  #segments = new Int32Array(slotsAtLeast).fill(empty);
  #rows = new Uint32Array(slotsAtLeast);
  #entries = 0;

  get entries(): number {
    return this.#entries;
  }

  /** The first place under `hash` that `matches` accepts. */
  find(hash: number, matches: (segment: number, row: number) => boolean): Place | null {
    const slot = this.#slotOf(hash, matches);
    return slot === empty ? null : { segment: this.#segments[slot] as number, row: this.#rows[slot] as number };
  }

  insert(hash: number, segment: number, row: number): void {
    if ((this.#entries + 1) * 2 > this.#segments.length) this.#resize(this.#segments.length * 2);
    const mask = this.#segments.length - 1;
    let slot = hash & mask;
    while (this.#segments[slot] !== empty) slot = (slot + 1) & mask;
    this.#put(slot, hash, segment, row);
    this.#entries++;
  }

  /** @returns whether the entry was there */
  remove(hash: number, { segment, row }: Place): boolean {
    let hole = this.#slotOf(hash, (s, r) => s === segment && r === row);
    if (hole === empty) return false;
    const mask = this.#segments.length - 1;
    for (let slot = (hole + 1) & mask; this.#segments[slot] !== empty; slot = (slot + 1) & mask) {
      const home = (this.#hashes[slot] as number) & mask;
      // Only an entry that its probing would still reach in the hole may move there.
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
      this.#put(hole, this.#hashes[slot] as number, this.#segments[slot] as number, this.#rows[slot] as number);
      hole = slot;
    }
    this.#segments[hole] = empty;
    this.#entries--;
    return true;
  }

  /** @returns whether the entry was there */
  move(hash: number, from: Place, to: Place): boolean {
    const slot = this.#slotOf(hash, (s, r) => s === from.segment && r === from.row);
    if (slot === empty) return false;
    this.#put(slot, hash, to.segment, to.row);
    return true;
  }

  #slotOf(hash: number, matches: (segment: number, row: number) => boolean): number {
    const mask = this.#segments.length - 1;
    for (let slot = hash & mask; this.#segments[slot] !== empty; slot = (slot + 1) & mask) {
      if (this.#hashes[slot] === hash && matches(this.#segments[slot] as number, this.#rows[slot] as number))
        return slot;
    }
    return empty;
  }

  #put(slot: number, hash: number, segment: number, row: number): void {
    this.#hashes[slot] = hash;
    this.#segments[slot] = segment;
    this.#rows[slot] = row;
  }

  #resize(slots: number): void {
    const [hashes, segments, rows] = [this.#hashes, this.#segments, this.#rows];
    this.#hashes = new Uint32Array(slots);
    this.#segments = new Int32Array(slots).fill(empty);
    this.#rows = new Uint32Array(slots);
    this.#entries = 0;
    for (let slot = 0; slot < segments.length; slot++) {
      if (segments[slot] !== empty) this.insert(hashes[slot] as number, segments[slot] as number, rows[slot] as number);
    }
  }
}
