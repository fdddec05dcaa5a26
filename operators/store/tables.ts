import { type Batch, hashRows } from '../../columnar/index.ts';

/** Hash exchanges use seed 0; rows that came to one node by its bits must still spread over a table's slots. */
const tableHashSeed = 0x9e3779b9 | 0;

/** The same numbers with room for at least `length`; capacity doubles. */
export function grownInts(array: Int32Array, length: number): Int32Array<ArrayBuffer> {
  if (length <= array.length) return array as Int32Array<ArrayBuffer>;
  const grown = new Int32Array(Math.max(length, 2 * array.length));
  grown.set(array);
  return grown;
}

/** Hashes of a batch's keys as signed words. */
export function keyHashes(batch: Batch, keys: readonly number[]): Int32Array {
  const hashes = hashRows(batch, keys, tableHashSeed);
  return new Int32Array(hashes.buffer, hashes.byteOffset, batch.numRows);
}
