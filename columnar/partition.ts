import assert from 'node:assert/strict';
import type { Batch } from './batch.ts';
import { emptyBatch } from './build.ts';
import { sliceBatch } from './slice.ts';
import { takeRows } from './take.ts';

/**
 * Splits a batch by destination, keeping the order of rows within each: one counting sort and one gather.
 * The parts are slices of one batch and share its memory.
 *
 * @param destinations for each row a number below `count`
 * @returns `count` batches, empty ones included
 */
export function partitionRows(batch: Batch, destinations: Uint16Array | Uint32Array, count: number): Batch[] {
  assert(destinations.length === batch.numRows);
  const ends = new Uint32Array(count);
  for (let row = 0; row < destinations.length; row++) {
    const destination = destinations[row] as number;
    assert(destination < count);
    ends[destination] = (ends[destination] as number) + 1;
  }
  if (ends.includes(batch.numRows)) return whole(batch, ends);
  let sum = 0;
  for (let destination = 0; destination < count; destination++) {
    const rows = ends[destination] as number;
    ends[destination] = sum;
    sum += rows;
  }
  const order = new Uint32Array(batch.numRows);
  for (let row = 0; row < destinations.length; row++) {
    const destination = destinations[row] as number;
    const at = ends[destination] as number;
    order[at] = row;
    ends[destination] = at + 1;
  }
  const sorted = takeRows(batch, order);
  const none = emptyBatch(batch.schema);
  let start = 0;
  return Array.from(ends, (end) => {
    const part = end === start ? none : sliceBatch(sorted, start, end);
    start = end;
    return part;
  });
}

/** All rows go to one destination: nothing to move. */
function whole(batch: Batch, counts: Uint32Array): Batch[] {
  const none = emptyBatch(batch.schema);
  return Array.from(counts, (rows) => (rows > 0 ? batch : none));
}
