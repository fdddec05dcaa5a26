import type { Batch, Column } from './batch.ts';
import { bitmapBytes, getBit, setBit } from './bitmap.ts';
import { columnTooLarge } from './column-builder.ts';
import { asWords, columnBytesMax, type FixedArray, layoutOf } from './layout.ts';

/** Positions of rows. */
export type Rows = Uint32Array | Int32Array;

/** The rows at the given positions, in that order; a row may come more than once. */
export function takeRows(batch: Batch, rows: Rows): Batch {
  return {
    schema: batch.schema,
    numRows: rows.length,
    columns: batch.columns.map((column) => takeColumn(column, rows)),
  };
}

/** As `takeRows`, where -1 stands for a row of NULLs: the outer side of a join. */
export function takeRowsOrNull(batch: Batch, rows: Int32Array): Batch {
  const missing = rows.includes(-1);
  if (!missing) return takeRows(batch, rows);
  return {
    schema: batch.schema,
    numRows: rows.length,
    columns: batch.columns.map((column) => {
      const taken = takeColumn(column, rows);
      return column.validity === null ? { ...taken, validity: presentRows(rows) } : taken;
    }),
  };
}

/** -1 takes zero bits and empty strings; the caller adds validity if the column has none. */
export function takeColumn(column: Column, rows: Rows): Column {
  const { type, values } = column;
  const layout = layoutOf(type);
  const length = rows.length;
  const validity = column.validity === null ? null : takeBits(column.validity, rows);
  switch (layout.kind) {
    case 'bits':
      return { type, length, validity, values: takeBits(values as Uint8Array, rows), offsets: null };
    case 'fixed': {
      const target = new layout.array(length * layout.width);
      if (layout.rowBytes === 2) takeShorts(values as Int16Array, rows, target as Int16Array);
      else takeWords(asWords(values as FixedArray), layout.rowBytes / 4, rows, asWords(target));
      return { type, length, validity, values: target, offsets: null };
    }
    case 'bytes':
      return { type, length, validity, ...takeBytes(values as Uint8Array, column.offsets as Int32Array, rows) };
  }
}

function presentRows(rows: Int32Array): Uint8Array {
  const bits = new Uint8Array(bitmapBytes(rows.length));
  for (let i = 0; i < rows.length; i++) {
    if ((rows[i] as number) >= 0) setBit(bits, i);
  }
  return bits;
}

function takeBits(source: Uint8Array, rows: Rows): Uint8Array {
  const bits = new Uint8Array(bitmapBytes(rows.length));
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number;
    if (row >= 0 && getBit(source, row)) setBit(bits, i);
  }
  return bits;
}

function takeShorts(source: Int16Array, rows: Rows, target: Int16Array): void {
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number;
    if (row >= 0) target[i] = source[row] as number;
  }
}

function takeWords(source: Int32Array, width: number, rows: Rows, target: Int32Array): void {
  if (width === 1) takeSingleWords(source, rows, target);
  else if (width === 2) takeDoubleWords(source, rows, target);
  else takeQuadWords(source, rows, target);
}

function takeSingleWords(source: Int32Array, rows: Rows, target: Int32Array): void {
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number;
    if (row >= 0) target[i] = source[row] as number;
  }
}

function takeDoubleWords(source: Int32Array, rows: Rows, target: Int32Array): void {
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number;
    if (row < 0) continue;
    target[2 * i] = source[2 * row] as number;
    target[2 * i + 1] = source[2 * row + 1] as number;
  }
}

function takeQuadWords(source: Int32Array, rows: Rows, target: Int32Array): void {
  for (let i = 0; i < rows.length; i++) {
    const from = 4 * (rows[i] as number);
    if (from < 0) continue;
    const to = 4 * i;
    target[to] = source[from] as number;
    target[to + 1] = source[from + 1] as number;
    target[to + 2] = source[from + 2] as number;
    target[to + 3] = source[from + 3] as number;
  }
}

/** Longer strings are copied by `set`, whose fixed cost then pays. */
const copiedByHandMax = 32;

function takeBytes(
  source: Uint8Array,
  sourceOffsets: Int32Array,
  rows: Rows,
): { values: Uint8Array; offsets: Int32Array } {
  const offsets = new Int32Array(rows.length + 1);
  let total = 0;
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number;
    if (row >= 0) total += (sourceOffsets[row + 1] as number) - (sourceOffsets[row] as number);
    if (total > columnBytesMax) throw columnTooLarge();
    offsets[i + 1] = total;
  }
  const values = new Uint8Array(total);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number;
    if (row < 0) continue;
    const start = sourceOffsets[row] as number;
    const end = sourceOffsets[row + 1] as number;
    let to = offsets[i] as number;
    if (end - start > copiedByHandMax) values.set(source.subarray(start, end), to);
    else for (let from = start; from < end; from++) values[to++] = source[from] as number;
  }
  return { values, offsets };
}
