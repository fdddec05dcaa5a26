import assert from 'node:assert/strict';
import type { Batch, Column } from './batch.ts';
import { bitmapBytes, copyBits, setBits } from './bitmap.ts';
import { emptyBatch } from './build.ts';
import { columnTooLarge } from './column-builder.ts';
import { columnBytesMax, type FixedArray, layoutOf } from './layout.ts';
import type { Schema, SqlType } from './types.ts';

/** All rows of batches of one schema, in order. */
export function concatBatches(schema: Schema, batches: readonly Batch[]): Batch {
  const filled = batches.filter((batch) => batch.numRows > 0);
  const [first] = filled;
  if (first === undefined) return emptyBatch(schema);
  if (filled.length === 1) return { ...first, schema };
  const numRows = filled.reduce((sum, batch) => sum + batch.numRows, 0);
  const columns = schema.fields.map(({ type }, index) => {
    const parts = filled.map(({ columns }) => columns[index] as Column);
    assert(parts.every((part) => part.type.kind === type.kind));
    return concatColumns(type, parts, numRows);
  });
  return { schema, numRows, columns };
}

/** The rows of all parts, of which there are `length` in all. */
export function concatColumns(type: SqlType, parts: readonly Column[], length: number): Column {
  const layout = layoutOf(type);
  const validity = concatValidity(parts, length);
  if (layout.kind === 'bytes') return { type, length, validity, ...concatBytes(parts, length) };
  if (layout.kind === 'bits') return { type, length, validity, values: concatBits(parts, length), offsets: null };
  const values = new layout.array(length * layout.width);
  let at = 0;
  for (const part of parts) {
    assert(part.values.constructor === layout.array);
    (values as Int32Array).set(part.values as FixedArray as Int32Array, at);
    at += part.values.length;
  }
  return { type, length, validity, values, offsets: null };
}

function concatValidity(parts: readonly Column[], length: number): Uint8Array | null {
  if (parts.every((part) => part.validity === null)) return null;
  const bits = new Uint8Array(bitmapBytes(length));
  let at = 0;
  for (const part of parts) {
    if (part.validity === null) setBits(bits, at, part.length);
    else copyBits(part.validity, 0, bits, at, part.length);
    at += part.length;
  }
  return bits;
}

function concatBits(parts: readonly Column[], length: number): Uint8Array {
  const bits = new Uint8Array(bitmapBytes(length));
  let at = 0;
  for (const part of parts) {
    copyBits(part.values as Uint8Array, 0, bits, at, part.length);
    at += part.length;
  }
  return bits;
}

function concatBytes(parts: readonly Column[], length: number): { values: Uint8Array; offsets: Int32Array } {
  const total = parts.reduce((sum, part) => sum + bytesIn(part), 0);
  if (total > columnBytesMax) throw columnTooLarge();
  const values = new Uint8Array(total);
  const offsets = new Int32Array(length + 1);
  let row = 0;
  let at = 0;
  for (const part of parts) {
    const partOffsets = part.offsets as Int32Array;
    const start = partOffsets[0] as number;
    values.set((part.values as Uint8Array).subarray(start, partOffsets[part.length] as number), at);
    for (let i = 1; i <= part.length; i++) offsets[++row] = (partOffsets[i] as number) - start + at;
    at += bytesIn(part);
  }
  return { values, offsets };
}

function bytesIn(column: Column): number {
  const offsets = column.offsets as Int32Array;
  return (offsets[column.length] as number) - (offsets[0] as number);
}
