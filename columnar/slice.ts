import assert from 'node:assert/strict';
import type { Batch, Column } from './batch.ts';
import { sliceBits } from './bitmap.ts';
import { layoutOf } from './layout.ts';

/** Rows `start` to `end`, sharing memory with `batch` but for bitmaps that do not start at a byte. */
export function sliceBatch(batch: Batch, start: number, end: number): Batch {
  assert(start >= 0 && start <= end && end <= batch.numRows, `rows ${start} to ${end} of ${batch.numRows}`);
  if (start === 0 && end === batch.numRows) return batch;
  return {
    schema: batch.schema,
    numRows: end - start,
    columns: batch.columns.map((column) => sliceColumn(column, start, end)),
  };
}

export function sliceColumn(column: Column, start: number, end: number): Column {
  const { type, validity, values, offsets } = column;
  const layout = layoutOf(type);
  return {
    type,
    length: end - start,
    validity: validity === null ? null : sliceBits(validity, start, end),
    values:
      layout.kind === 'bytes'
        ? values
        : layout.kind === 'bits'
          ? sliceBits(values as Uint8Array, start, end)
          : values.subarray(start * layout.width, end * layout.width),
    offsets: offsets === null ? null : offsets.subarray(start, end + 1),
  };
}

/** The given columns, in the given order; a column may come more than once. */
export function selectColumns(batch: Batch, columns: readonly number[]): Batch {
  const { schema, numRows } = batch;
  const pick = <T>(from: readonly T[], index: number): T => {
    const found = from[index];
    assert(found !== undefined, `no column ${index}`);
    return found;
  };
  return {
    schema: { fields: columns.map((index) => pick(schema.fields, index)) },
    numRows,
    columns: columns.map((index) => pick(batch.columns, index)),
  };
}

/** Bytes of memory that the rows of a batch refer to. */
export function batchBytes(batch: Batch): number {
  let bytes = 0;
  for (const { length, validity, values, offsets } of batch.columns) {
    bytes += validity?.byteLength ?? 0;
    bytes +=
      offsets === null ? values.byteLength : (offsets[length] as number) - (offsets[0] as number) + offsets.byteLength;
  }
  return bytes;
}
