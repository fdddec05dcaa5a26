import type { Batch } from '../../columnar/index.ts';
import { type Key, keyBytes } from './ring.ts';

/** Rows with all that the ring keeps beside their columns; every array has an entry a row. Never changed once built. */
export interface KeyedRows {
  readonly batch: Batch;
  /** Where the row lies on the ring, `keyBytes` bytes a row. */
  readonly keys: Uint8Array;
  /** When it was written: milliseconds since 1970 by the writer's clock. */
  readonly atMs: Float64Array;
  /** Positions in `writers`. */
  readonly writerOf: Uint32Array;
  /** Who wrote: distinct names, in any order. */
  readonly writers: readonly string[];
  /** Position of the row in what its writer wrote at that time. */
  readonly ordinals: Uint32Array;
  /** The row is gone from then on: milliseconds since 1970; Infinity: it stays. */
  readonly expiresAtMs: Float64Array;
}

/**
 * One write of some rows. `(atMs, writer, ordinal)` is a row's version: writers must never use one twice
 * for different rows. The greatest wins, compared in this order.
 */
export interface Written {
  readonly atMs: number;
  /** The writing node's id. */
  readonly writer: string;
  /** Ordinal of the first row; the others follow. */
  readonly firstOrdinal: number;
  readonly expiresAtMs: number;
}

/** @param keys one a row */
export function keyedRows(batch: Batch, keys: readonly Key[], written: Written): KeyedRows {
  const rows = batch.numRows;
  const packed = new Uint8Array(rows * keyBytes);
  for (const [row, key] of keys.entries()) packKey(key, packed, row * keyBytes);
  return {
    batch,
    keys: packed,
    atMs: new Float64Array(rows).fill(written.atMs),
    writerOf: new Uint32Array(rows),
    writers: [written.writer],
    ordinals: Uint32Array.from({ length: rows }, (_, row) => written.firstOrdinal + row),
    expiresAtMs: new Float64Array(rows).fill(written.expiresAtMs),
  };
}

function packKey(key: Key, into: Uint8Array, at: number): void {
  for (let i = 0; i < keyBytes; i++)
    into[at + i] = digit(key.charCodeAt(2 * i)) * 16 + digit(key.charCodeAt(2 * i + 1));
}

/** Value of a lower-case hexadecimal digit. */
function digit(charCode: number): number {
  return charCode < 0x3a ? charCode - 0x30 : charCode - 0x57;
}
