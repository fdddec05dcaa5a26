import assert from 'node:assert/strict';
import type { Batch, Column } from './batch.ts';
import { bitmapBytes, clearTail, countSetBits } from './bitmap.ts';
import { QueryError } from './error.ts';
import { type FixedArray, type Layout, layoutOf } from './layout.ts';
import type { Schema, SqlType } from './types.ts';

// A batch on the wire. Sender and receiver have the schema from the plan, so nothing describes it.
//
//   word   magic
//   word   number of rows
//   words  for each column: 1 if it has a validity bitmap, else 0; bytes of `values`
//   then for each column, each padded with zeros to 8 bytes: validity, offsets (from 0), values
//
// Words are 32 bits, little-endian; buffers are as in `Column`.

/** "WB01" */
const magic = 0x31_30_42_57;
const wordBytes = 4;
const alignment = 8;

/** The most rows of one encoded batch. It bounds what a few bytes, such as a batch without columns, can claim. */
export const encodedRowsMax = 1 << 20;

assert(new Uint8Array(Uint32Array.of(1).buffer)[0] === 1, 'buffers are sent as they lie in memory: little-endian');

/** The bytes of `decodeBatch`; at most `encodedRowsMax` rows, slice larger batches. */
export function encodeBatch(batch: Batch): Uint8Array {
  const { numRows } = batch;
  assert(numRows <= encodedRowsMax, `${numRows} rows in one batch`);
  const columns = batch.columns.map((column) => sendable(column));
  const headerBytes = wordBytes * (2 + 2 * columns.length);
  const bodyBytes = columns.reduce(
    (sum, { buffers }) => sum + buffers.reduce((all, b) => all + padded(b.byteLength), 0),
    0,
  );
  const bytes = new Uint8Array(headerBytes + bodyBytes);
  const header = new Uint32Array(bytes.buffer, 0, headerBytes / wordBytes);
  header[0] = magic;
  header[1] = numRows;
  let at = headerBytes;
  columns.forEach(({ hasValidity, valueBytes, buffers }, index) => {
    header[2 + 2 * index] = Number(hasValidity);
    header[3 + 2 * index] = valueBytes;
    for (const buffer of buffers) {
      bytes.set(new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength), at);
      at += padded(buffer.byteLength);
    }
  });
  return bytes;
}

interface Sendable {
  readonly hasValidity: boolean;
  readonly valueBytes: number;
  /** Validity if any, offsets if any, values. */
  readonly buffers: readonly (Uint8Array | FixedArray)[];
}

function sendable(column: Column): Sendable {
  const { length } = column;
  const layout = layoutOf(column.type);
  const buffers: (Uint8Array | FixedArray)[] = [];
  const hasValidity = column.validity !== null && countSetBits(column.validity, length) < length;
  if (column.validity !== null && hasValidity) buffers.push(exactBits(column.validity, length));
  if (layout.kind === 'bytes') {
    const offsets = column.offsets as Int32Array;
    const start = offsets[0] as number;
    buffers.push(start === 0 ? offsets : offsets.map((offset) => offset - start));
    buffers.push((column.values as Uint8Array).subarray(start, offsets[length] as number));
  } else {
    buffers.push(
      layout.kind === 'bits' ? exactBits(column.values as Uint8Array, length) : (column.values as FixedArray),
    );
  }
  return { hasValidity, valueBytes: (buffers.at(-1) as Uint8Array).byteLength, buffers };
}

/** A bitmap without whatever lies behind its last bit. */
function exactBits(bits: Uint8Array, length: number): Uint8Array {
  const exact = bits.slice(0, bitmapBytes(length));
  clearTail(exact, length);
  return exact;
}

function padded(byteLength: number): number {
  return (byteLength + alignment - 1) & ~(alignment - 1);
}

/**
 * Reads a batch that a peer sent. Nothing is trusted: every length and offset is checked, so that no
 * reader of the batch can leave its buffers. Not checked is what is only strange: values under NULL, text
 * that is no UTF-8, a numeric beyond its precision.
 *
 * The batch's arrays are views into `bytes` if that starts at a multiple of 8 bytes, else into one copy.
 * @throws QueryError protocol, and nothing else
 */
export function decodeBatch(schema: Schema, bytes: Uint8Array): Batch {
  const aligned = bytes.byteOffset % alignment === 0 ? bytes : new Uint8Array(bytes);
  const headerBytes = wordBytes * (2 + 2 * schema.fields.length);
  check(aligned.byteLength >= headerBytes, 'shorter than its header');
  const header = new Uint32Array(aligned.buffer, aligned.byteOffset, headerBytes / wordBytes);
  const numRows = header[1] as number;
  check(header[0] === magic, 'does not begin like a batch');
  check(numRows <= encodedRowsMax, 'too many rows');
  const reader = new BufferReader(aligned, headerBytes);
  const columns = schema.fields.map(({ type }, index) => {
    const validityFlag = header[2 + 2 * index] as number;
    check(validityFlag <= 1, 'unknown validity');
    return decodeColumn(reader, type, numRows, validityFlag === 1, header[3 + 2 * index] as number);
  });
  check(reader.atEnd, 'bytes left over');
  return { schema, numRows, columns };
}

function decodeColumn(
  reader: BufferReader,
  type: SqlType,
  length: number,
  hasValidity: boolean,
  valueBytes: number,
): Column {
  const layout = layoutOf(type);
  const validity = hasValidity ? reader.bits(length) : null;
  if (layout.kind === 'bytes') {
    const offsets = reader.offsets(length, valueBytes);
    return { type, length, validity, values: reader.bytes(valueBytes), offsets };
  }
  check(valueBytes === bytesOfRows(layout, length), 'a column of another length than the batch');
  if (layout.kind === 'bits') return { type, length, validity, values: reader.bits(length), offsets: null };
  const values = reader.bytes(valueBytes);
  const elements = valueBytes / layout.array.BYTES_PER_ELEMENT;
  return {
    type,
    length,
    validity,
    values: new layout.array(values.buffer, values.byteOffset, elements),
    offsets: null,
  };
}

function bytesOfRows(layout: Exclude<Layout, { kind: 'bytes' }>, rows: number): number {
  return layout.kind === 'bits' ? bitmapBytes(rows) : rows * layout.rowBytes;
}

/** Hands out one padded buffer after the other, never beyond the end. */
class BufferReader {
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, start: number) {
    this.#bytes = bytes;
    this.#at = start;
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.byteLength;
  }

  bytes(byteLength: number): Uint8Array<ArrayBuffer> {
    const start = this.#at;
    const end = start + byteLength;
    const next = start + Math.ceil(byteLength / alignment) * alignment;
    check(next <= this.#bytes.byteLength, 'a buffer beyond the end');
    for (let at = end; at < next; at++) check(this.#bytes[at] === 0, 'padding that is not zero');
    this.#at = next;
    return new Uint8Array(this.#bytes.buffer as ArrayBuffer, this.#bytes.byteOffset + start, byteLength);
  }

  bits(length: number): Uint8Array {
    const bits = this.bytes(bitmapBytes(length));
    const rest = length & 7;
    if (rest !== 0) check((bits[length >>> 3] as number) >>> rest === 0, 'bits behind the last row');
    return bits;
  }

  offsets(length: number, valueBytes: number): Int32Array {
    const bytes = this.bytes((length + 1) * Int32Array.BYTES_PER_ELEMENT);
    const offsets = new Int32Array(bytes.buffer, bytes.byteOffset, length + 1);
    let previous = 0;
    check(offsets[0] === 0, 'offsets that do not begin at 0');
    for (let row = 1; row <= length; row++) {
      const offset = offsets[row] as number;
      check(offset >= previous, 'offsets that decrease');
      previous = offset;
    }
    check(previous === valueBytes, 'offsets that do not end with the values');
    return offsets;
  }
}

function check(holds: boolean, complaint: string): asserts holds {
  if (!holds) throw new QueryError('protocol', `malformed batch: ${complaint}`);
}
