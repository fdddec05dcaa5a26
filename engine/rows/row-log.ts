import { strict as assert } from 'node:assert';
import { diskKey, diskPrefix, type Journal } from '../../overlay/index.ts';

/** A chunk of the log, and how many of its rows still live. */
interface Slot {
  number: number;
  bytes: number;
  rows: number;
  alive: number;
}

/** Rows that are in no chunk: those of a node without a disk. */
const noChunk = 0;
/** Chunks of which less than this share lives are written anew together. */
const aliveShareMin = 0.5;
/** The log is let grow to twice what lives in it, and this much more. */
const garbageBytesMax = 16 * 1024 * 1024;
/** Of living rows that are written anew at once. */
const rewrittenBytesMax = 4 * 1024 * 1024;

/**
 * The log of the rows at a node, in its journal: the chunks in which they came, one entry each. A chunk of which no row lives
 * any more is removed; those with many dead ones are written anew.
 * @see Rosenblum and Ousterhout, "The Design and Implementation of a Log-structured File System", 1992
 */
export class RowLog {
  readonly #journal: Journal;
  /** By id, 0 being none; undefined ones are free. */
  readonly #slots: (Slot | undefined)[] = [undefined];
  readonly #free: number[] = [];
  #nextNumber = 1;
  #bytes = 0;
  #bytesAlive = 0;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  get isDurable(): boolean {
    return this.#journal.isDurable;
  }

  /** A chunk whose rows are about to come. Its id goes with them; `commit` ends it. */
  begin(): number {
    if (!this.isDurable) return noChunk;
    const id = this.#free.pop() ?? this.#slots.length;
    this.#slots[id] = { number: 0, bytes: 0, rows: 0, alive: 0 };
    return id;
  }

  /** A row of the chunk lives here. */
  born(id: number): void {
    if (id === noChunk) return;
    const slot = this.#slot(id);
    slot.alive += 1;
    this.#bytesAlive += rowBytes(slot);
  }

  died(id: number): void {
    if (id === noChunk) return;
    const slot = this.#slot(id);
    slot.alive -= 1;
    this.#bytesAlive -= rowBytes(slot);
    assert(slot.alive >= 0, 'a row dies once');
    if (slot.alive === 0 && slot.number !== 0) this.#remove(id, slot);
  }

  /** Writes the chunk, if any of its rows lives. @param number where it is on disk already, if so */
  commit(id: number, chunk: Uint8Array, rows: number, number: number | null = null): void {
    if (id === noChunk) return;
    const slot = this.#slot(id);
    slot.number = number ?? this.#nextNumber++;
    slot.bytes = chunk.length;
    slot.rows = rows;
    this.#nextNumber = Math.max(this.#nextNumber, slot.number + 1);
    this.#bytes += slot.bytes;
    this.#bytesAlive += slot.alive * rowBytes(slot);
    if (slot.alive === 0) this.#remove(id, slot);
    else if (number === null) this.#journal.write(keyOf(slot.number), chunk);
  }

  /** A chunk on disk of which nothing is taken up. */
  discard(number: number | null): void {
    if (number === null) return;
    this.#nextNumber = Math.max(this.#nextNumber, number + 1);
    this.#journal.write(keyOf(number), null);
  }

  /** Chunks whose living rows should be written anew now, the emptiest first; none when there is little to gain. */
  sparse(): ReadonlySet<number> {
    if (this.#bytes <= 2 * this.#bytesAlive + garbageBytesMax) return new Set();
    const shares = this.#slots.flatMap((slot, id) => {
      if (!slot || slot.number === 0) return [];
      const share = slot.alive / slot.rows;
      return share < aliveShareMin ? [{ id, share, bytes: slot.alive * rowBytes(slot) }] : [];
    });
    const chosen = new Set<number>();
    let bytes = 0;
    for (const candidate of shares.sort((a, b) => a.share - b.share)) {
      if (bytes > rewrittenBytesMax) break;
      bytes += candidate.bytes;
      chosen.add(candidate.id);
    }
    return chosen;
  }

  /** What an earlier life wrote, in that order. @throws StorageError */
  async *recover(): AsyncIterable<{ readonly number: number; readonly chunk: Uint8Array }> {
    for await (const { key, value } of this.#journal.read(diskPrefix.rows)) {
      if (key.length === keyBytes) yield { number: numberOf(key), chunk: value };
      else this.damaged('the key of a chunk of rows');
    }
  }

  damaged(what: string): void {
    this.#journal.damaged(what);
  }

  checkInvariants(living: ReadonlyMap<number, number>): void {
    for (const [id, slot] of this.#slots.entries()) {
      if (slot) assert.equal(slot.alive, living.get(id) ?? 0, 'a chunk counts its living rows');
    }
  }

  #remove(id: number, slot: Slot): void {
    this.#journal.write(keyOf(slot.number), null);
    this.#bytes -= slot.bytes;
    this.#slots[id] = undefined;
    this.#free.push(id);
  }

  #slot(id: number): Slot {
    const slot = this.#slots[id];
    assert(slot, 'a living row is in a chunk');
    return slot;
  }
}

function rowBytes({ bytes, rows }: Slot): number {
  return rows === 0 ? 0 : bytes / rows;
}

const keyBytes = 9;

function keyOf(number: number): Uint8Array {
  const digits = Buffer.alloc(keyBytes - 1);
  digits.writeBigUInt64BE(BigInt(number));
  return diskKey(diskPrefix.rows, digits);
}

function numberOf(key: Uint8Array): number {
  return Number(Buffer.from(key).readBigUInt64BE(1));
}
