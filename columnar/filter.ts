import assert from 'node:assert/strict';
import type { Batch, Column } from './batch.ts';
import { bitmapBytes, countSetBits } from './bitmap.ts';
import { takeRows } from './take.ts';

/** Positions of the rows where a boolean column is true: neither false nor NULL. */
export function trueRows(condition: Column): Uint32Array {
  assert(condition.type.kind === 'boolean');
  const { length, validity } = condition;
  const bits =
    validity === null ? (condition.values as Uint8Array) : intersect(condition.values as Uint8Array, validity);
  const rows = new Uint32Array(countSetBits(bits, length));
  let count = 0;
  for (let byteIndex = 0; count < rows.length; byteIndex++) {
    let byte = bits[byteIndex] as number;
    // Lowest set bit first, until none is left; bits behind the last row never fit into `rows`.
    while (byte !== 0 && count < rows.length) {
      rows[count++] = 8 * byteIndex + (31 - Math.clz32(byte & -byte));
      byte &= byte - 1;
    }
  }
  return rows;
}

function intersect(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(Math.min(a.length, b.length));
  for (let i = 0; i < both.length; i++) both[i] = (a[i] as number) & (b[i] as number);
  return both;
}

/** The rows for which `condition` is true. */
export function filterRows(batch: Batch, condition: Column): Batch {
  assert(condition.length === batch.numRows && condition.values.length >= bitmapBytes(batch.numRows));
  const rows = trueRows(condition);
  return rows.length === batch.numRows ? batch : takeRows(batch, rows);
}
