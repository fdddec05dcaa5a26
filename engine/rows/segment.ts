import { type Batch, batchBytes, concatBatches, hashRows, takeRows } from '../../columnar/index.ts';
import type { KeyedRows } from './keyed-rows.ts';
import { keyBytes, type RegionFilter } from './ring.ts';

/** Rows in a segment at most: what a scan gives as one batch. */
export { batchRowsMax as segmentRowsMax } from '../table.ts';

/** Bytes a row takes beside its columns: what `KeyedRows` and `Segment` hold of it, and its part of the index and the digests. */
export const rowOverheadBytes = 150;

/**
 * Some rows of a table, stored together. The rows never change; they only die, and a segment with too many
 * dead ones is written anew.
 */
export class Segment {
  readonly id: number;
  readonly rows: KeyedRows;
  /** Hash of what makes the row this row: its primary key, or its version if the table has none. */
  readonly identity: Uint32Array;
  /** 64 bits over columns, version and expiry; the key follows from the columns. */
  readonly hashLow: Uint32Array;
  readonly hashHigh: Uint32Array;
  /** In which chunk of the log a row is. */
  readonly chunkOf: Uint32Array;
  /** 1: alive. */
  readonly alive: Uint8Array;
  aliveRows = 0;
  /** No living row expires before. */
  firstExpiryMs = Number.POSITIVE_INFINITY;
  readonly bytes: number;

  /** All rows are dead at first. */
  constructor(id: number, rows: KeyedRows, hashes: RowHashes) {
    this.id = id;
    this.rows = rows;
    this.identity = hashes.identity;
    this.hashLow = hashes.hashLow;
    this.hashHigh = hashes.hashHigh;
    this.chunkOf = new Uint32Array(rows.batch.numRows);
    this.alive = new Uint8Array(rows.batch.numRows);
    this.bytes = batchBytes(rows.batch) + rows.batch.numRows * rowOverheadBytes;
  }

  get numRows(): number {
    return this.rows.batch.numRows;
  }

  raise(row: number): void {
    this.alive[row] = 1;
    this.aliveRows++;
    this.firstExpiryMs = Math.min(this.firstExpiryMs, this.rows.expiresAtMs[row] as number);
  }

  kill(row: number): void {
    this.alive[row] = 0;
    this.aliveRows--;
  }

  /** Rows alive at `nowMs` whose keys pass; `null`: every row there is. */
  select(filter: RegionFilter, nowMs: number): Uint32Array | null {
    const { alive, rows } = this;
    const mayExpire = this.firstExpiryMs <= nowMs;
    if (filter.isWhole && !mayExpire && this.aliveRows === this.numRows) return null;
    const selected = new Uint32Array(this.aliveRows);
    let count = 0;
    for (let row = 0; row < alive.length; row++) {
      if (alive[row] === 0 || (mayExpire && (rows.expiresAtMs[row] as number) <= nowMs)) continue;
      if (filter.has(rows.keys, row)) selected[count++] = row;
    }
    return selected.subarray(0, count);
  }

  aliveRowNumbers(): Uint32Array {
    const numbers = new Uint32Array(this.aliveRows);
    let count = 0;
    for (let row = 0; row < this.alive.length; row++) if (this.alive[row] === 1) numbers[count++] = row;
    return numbers;
  }
}

export interface RowHashes {
  readonly identity: Uint32Array;
  readonly hashLow: Uint32Array;
  readonly hashHigh: Uint32Array;
}

const lowSeed = 0x3c6ef372;
const highSeed = 0x1f83d9ab;

/** @param primaryKey positions of columns; empty: every version is a row of its own */
export function hashesOf(rows: KeyedRows, primaryKey: readonly number[]): RowHashes {
  const { batch } = rows;
  const all = batch.columns.map((_, i) => i);
  const writerHashes = Uint32Array.from(rows.writers, hashText);
  const hashLow = hashRows(batch, all, lowSeed);
  const hashHigh = hashRows(batch, all, highSeed);
  const versions = new Uint32Array(batch.numRows);
  mixVersions(versions, rows, writerHashes);
  for (const hashes of [hashLow, hashHigh]) {
    mixVersions(hashes, rows, writerHashes);
    mixWords(hashes, new Uint32Array(rows.expiresAtMs.buffer, rows.expiresAtMs.byteOffset, batch.numRows * 2), 2);
  }
  return { identity: primaryKey.length > 0 ? hashRows(batch, primaryKey) : versions, hashLow, hashHigh };
}

function mixVersions(hashes: Uint32Array, rows: KeyedRows, writerHashes: Uint32Array): void {
  mixWords(hashes, new Uint32Array(rows.atMs.buffer, rows.atMs.byteOffset, hashes.length * 2), 2);
  mixWords(hashes, rows.ordinals, 1);
  for (let row = 0; row < hashes.length; row++) {
    hashes[row] = mix(hashes[row] as number, writerHashes[rows.writerOf[row] as number] as number);
  }
}

function mixWords(hashes: Uint32Array, words: Uint32Array, perRow: number): void {
  for (let row = 0; row < hashes.length; row++) {
    let hash = hashes[row] as number;
    for (let i = 0; i < perRow; i++) hash = mix(hash, words[row * perRow + i] as number);
    hashes[row] = hash;
  }
}

/** One round of murmur3 with its finish: versions differ in few bits and are added up. */
function mix(hash: number, word: number): number {
  let h = hash ^ Math.imul(word, 0xcc9e2d51);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) + 0x9e3779b9;
}

function hashText(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = mix(hash, text.charCodeAt(i));
  return hash;
}

/** The chosen rows of several sources, in order, in memory of their own. */
export function gather(sources: readonly { readonly rows: KeyedRows; readonly chosen: Uint32Array }[]): KeyedRows {
  const [first] = sources;
  if (!first) throw new Error('nothing to gather');
  const count = sources.reduce((sum, { chosen }) => sum + chosen.length, 0);
  const batches: Batch[] = [];
  const keys = new Uint8Array(count * keyBytes);
  const atMs = new Float64Array(count);
  const writerOf = new Uint32Array(count);
  const ordinals = new Uint32Array(count);
  const expiresAtMs = new Float64Array(count);
  const writers = new Map<string, number>();
  let at = 0;
  for (const { rows, chosen } of sources) {
    batches.push(takeRows(rows.batch, chosen));
    const positions = new Map<number, number>(); // of the source's writers among those gathered
    for (const row of chosen) {
      for (let i = 0; i < keyBytes; i++) keys[at * keyBytes + i] = rows.keys[row * keyBytes + i] as number;
      atMs[at] = rows.atMs[row] as number;
      ordinals[at] = rows.ordinals[row] as number;
      expiresAtMs[at] = rows.expiresAtMs[row] as number;
      const writer = rows.writerOf[row] as number;
      const position = positions.get(writer) ?? intern(writers, rows.writers[writer] as string);
      positions.set(writer, position);
      writerOf[at] = position;
      at++;
    }
  }
  const batch = concatBatches(first.rows.batch.schema, batches);
  return { batch, keys, atMs, writerOf, writers: [...writers.keys()], ordinals, expiresAtMs };
}

function intern(positions: Map<string, number>, name: string): number {
  const known = positions.get(name);
  if (known !== undefined) return known;
  positions.set(name, positions.size);
  return positions.size - 1;
}
