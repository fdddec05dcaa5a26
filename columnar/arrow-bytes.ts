import { type Data, Type } from 'apache-arrow';
import { getBit } from './bitmap.ts';
import { columnTooLarge } from './column-builder.ts';
import { columnBytesMax } from './layout.ts';

interface BytesColumn {
  readonly values: Uint8Array;
  readonly offsets: Int32Array;
}

/** Values and offsets of Arrow's text and binary types. */
export function convertBytes(data: Data, validity: Uint8Array | null): BytesColumn {
  switch (data.typeId) {
    case Type.Utf8View:
    case Type.BinaryView:
      return convertViews(data, validity);
    case Type.FixedSizeBinary:
      return convertFixedSize(data);
    default:
      return convertOffsets(data);
  }
}

function convertOffsets(data: Data): BytesColumn {
  const { length } = data;
  const values = (data.values as Uint8Array | undefined) ?? new Uint8Array(0);
  const offsets = data.valueOffsets as Int32Array | BigInt64Array | undefined;
  // Arrow allows a column without rows to have no offsets at all.
  if (offsets === undefined || length === 0) return { values, offsets: new Int32Array(length + 1) };
  if (offsets instanceof Int32Array) return { values, offsets: offsets.subarray(0, length + 1) };
  const start = Number(offsets[0]);
  const end = Number(offsets[length]);
  if (end - start > columnBytesMax) throw columnTooLarge();
  const rebased = Int32Array.from({ length: length + 1 }, (_, row) => Number(offsets[row]) - start);
  return { values: values.subarray(start, end), offsets: rebased };
}

function convertFixedSize(data: Data): BytesColumn {
  const offsets = Int32Array.from({ length: data.length + 1 }, (_, row) => row * data.stride);
  return { values: data.values as Uint8Array, offsets };
}

const viewWords = 4;
const inlineBytesMax = 12;

/**
 * A view is four words: length, then either up to 12 bytes in place, or a prefix, the number of a buffer
 * and an offset into it.
 */
function convertViews(data: Data, validity: Uint8Array | null): BytesColumn {
  const bytes = data.values as Uint8Array;
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = (row: number, index: number): number => words.getInt32((row * viewWords + index) * 4, true);
  const offsets = new Int32Array(data.length + 1);
  let total = 0;
  for (let row = 0; row < data.length; row++) {
    if (validity === null || getBit(validity, row)) total += word(row, 0);
    if (total > columnBytesMax) throw columnTooLarge();
    offsets[row + 1] = total;
  }
  const values = new Uint8Array(total);
  for (let row = 0; row < data.length; row++) {
    const at = offsets[row] as number;
    const length = (offsets[row + 1] as number) - at;
    if (length === 0) continue;
    const inline = length <= inlineBytesMax;
    const source = inline ? bytes : (data.variadicBuffers[word(row, 2)] as Uint8Array);
    const start = inline ? (row * viewWords + 1) * 4 : word(row, 3);
    values.set(source.subarray(start, start + length), at);
  }
  return { values, offsets };
}
