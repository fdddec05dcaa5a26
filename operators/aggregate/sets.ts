import assert from 'node:assert/strict';
import {
  booleanColumn,
  type Column,
  columnFromValues,
  QueryError,
  type SqlType,
  takeColumn,
  types,
} from '../../columnar/index.ts';

// The state of a DISTINCT aggregate: one bytea a group, its values one after the other, in no order.
// boolean: one byte each. Fixed-width types: the column's little-endian bytes. text, bytea: a 32-bit
// little-endian length and the bytes. An empty set is an empty bytea.

/** Encodes the values of each group; `groups[row]` is the group of value `row`, and no value is NULL. */
export function encodeSets(groups: Int32Array, values: Column, groupCount: number): Column {
  const rows = rowsByGroup(groups, groupCount);
  const sorted = takeColumn(values, rows);
  const cells = sorted.offsets === null ? fixedCells(sorted) : bytesCells(sorted, sorted.offsets);
  const offsets = new Int32Array(groupCount + 1);
  let row = 0;
  for (let group = 0; group < groupCount; group++) {
    while (row < rows.length && groups[rows[row] as number] === group) row++;
    offsets[group + 1] = cells.endOf(row);
  }
  return { type: types.bytea, length: groupCount, validity: null, values: cells.bytes, offsets };
}

/** Rows in the order of their groups, by counting. */
function rowsByGroup(groups: Int32Array, groupCount: number): Int32Array {
  const ends = new Int32Array(groupCount + 1);
  for (const group of groups) ends[group + 1] = (ends[group + 1] as number) + 1;
  for (let group = 0; group < groupCount; group++)
    ends[group + 1] = (ends[group + 1] as number) + (ends[group] as number);
  const rows = new Int32Array(groups.length);
  for (let row = 0; row < groups.length; row++) {
    const group = groups[row] as number;
    const at = ends[group] as number;
    ends[group] = at + 1;
    rows[at] = row;
  }
  return rows;
}

interface EncodedCells {
  readonly bytes: Uint8Array;
  /** Where the first `rows` cells end. */
  endOf(rows: number): number;
}

function fixedCells(column: Column): EncodedCells {
  const width = widthOf(column.type);
  if (column.type.kind === 'boolean') {
    const bits = column.values as Uint8Array;
    const bytes = Uint8Array.from({ length: column.length }, (_, row) => ((bits[row >> 3] as number) >> (row & 7)) & 1);
    return { bytes, endOf: (rows) => rows };
  }
  const { buffer, byteOffset } = column.values;
  return { bytes: new Uint8Array(buffer, byteOffset, column.length * width), endOf: (rows) => rows * width };
}

function bytesCells(column: Column, offsets: Int32Array): EncodedCells {
  const source = column.values as Uint8Array;
  const first = offsets[0] as number;
  const bytes = new Uint8Array((offsets[column.length] as number) - first + lengthBytes * column.length);
  const lengths = new DataView(bytes.buffer);
  const endOf = (rows: number): number => (offsets[rows] as number) - first + lengthBytes * rows;
  for (let row = 0; row < column.length; row++) {
    const start = offsets[row] as number;
    const end = offsets[row + 1] as number;
    lengths.setInt32(endOf(row), end - start, true);
    bytes.set(source.subarray(start, end), endOf(row) + lengthBytes);
  }
  return { bytes, endOf };
}

const lengthBytes = 4;

/** Bytes of one encoded value of a type of fixed width. */
function widthOf(type: SqlType): number {
  switch (type.kind) {
    case 'boolean':
      return 1;
    case 'int2':
      return 2;
    case 'int4':
    case 'date':
    case 'float4':
      return 4;
    case 'numeric':
    case 'interval':
      return 16;
    default:
      return 8;
  }
}

export interface DecodedSets {
  /** The row of `sets` that each value comes from. */
  readonly owners: Int32Array;
  readonly values: Column;
}

/** @throws QueryError `protocol` for bytes that `encodeSets` does not write: they come from other nodes */
export function decodeSets(sets: Column, type: SqlType): DecodedSets {
  assert(sets.offsets !== null);
  const first = sets.offsets[0] as number;
  const bytes = (sets.values as Uint8Array).subarray(first, sets.offsets[sets.length]);
  const ends = Array.from({ length: sets.length }, (_, row) => (sets.offsets?.[row + 1] as number) - first);
  return type.kind === 'text' || type.kind === 'bytea'
    ? decodeBytes(bytes, ends, type)
    : decodeFixed(bytes, ends, type);
}

function malformed(): never {
  throw new QueryError('protocol', 'the state of a DISTINCT aggregate is malformed');
}

function decodeFixed(bytes: Uint8Array, ends: readonly number[], type: SqlType): DecodedSets {
  const width = widthOf(type);
  const owners = new Int32Array(bytes.length / width);
  let count = 0;
  for (const [row, end] of ends.entries()) {
    if (end % width !== 0) malformed();
    owners.fill(row, count, end / width);
    count = end / width;
  }
  return { owners, values: fixedColumn(bytes, type) };
}

function fixedColumn(bytes: Uint8Array, type: SqlType): Column {
  if (type.kind === 'boolean') return booleanColumn(bytes);
  // A copy of its own is aligned for any array.
  const { buffer } = new Uint8Array(bytes);
  switch (type.kind) {
    case 'int2':
      return columnFromValues(type, new Int16Array(buffer));
    case 'int4':
    case 'date':
    case 'interval':
      return columnFromValues(type, new Int32Array(buffer));
    case 'float4':
      return columnFromValues(type, new Float32Array(buffer));
    case 'float8':
      return columnFromValues(type, new Float64Array(buffer));
    default:
      return columnFromValues(type, new BigInt64Array(buffer));
  }
}

function decodeBytes(bytes: Uint8Array, ends: readonly number[], type: SqlType): DecodedSets {
  const lengths = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const owners: number[] = [];
  const offsets: number[] = [0];
  const values = new Uint8Array(bytes.length);
  let at = 0;
  let used = 0;
  for (const [row, end] of ends.entries()) {
    while (at < end) {
      if (end - at < lengthBytes) malformed();
      const length = lengths.getInt32(at, true);
      at += lengthBytes;
      if (length < 0 || length > end - at) malformed();
      values.set(bytes.subarray(at, at + length), used);
      at += length;
      used += length;
      owners.push(row);
      offsets.push(used);
    }
  }
  const column: Column = { type, length: owners.length, validity: null, values, offsets: Int32Array.from(offsets) };
  return { owners: Int32Array.from(owners), values: column };
}
