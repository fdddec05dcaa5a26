import { type Data, type DataType, type RecordBatch, Type } from 'apache-arrow';
import { convertBytes } from './arrow-bytes.ts';
import { convertFixed } from './arrow-fixed.ts';
import { schemaFromArrow, typeFromArrow } from './arrow-schema.ts';
import type { Batch, Column } from './batch.ts';
import { getBit, sliceBits } from './bitmap.ts';
import { constantColumn } from './build.ts';
import { concatColumns } from './concat.ts';
import { QueryError } from './error.ts';
import { type FixedArray, layoutOf } from './layout.ts';
import { isValid } from './read.ts';
import { takeColumn } from './take.ts';
import type { SqlType } from './types.ts';

/**
 * An Arrow batch as ours: around the same buffers where types agree, converted where they do not
 * (see `typeFromArrow`). Timestamps and intervals keep microseconds, dates days: what is finer is cut off
 * towards the past.
 *
 * The batch is trusted to be well-formed Arrow, as libraries build it.
 * @throws QueryError unsupported for types without SQL equal; datetimeOverflow for times out of range
 */
export function fromArrow(recordBatch: RecordBatch): Batch {
  const schema = schemaFromArrow(recordBatch.schema);
  const columns = schema.fields.map(({ type }, index) =>
    columnFromArrow(type, recordBatch.data.children[index] as Data),
  );
  return { schema, numRows: recordBatch.numRows, columns };
}

function columnFromArrow(type: SqlType, data: Data): Column {
  if (data.typeId === Type.Null) return constantColumn(type, null, data.length);
  const validity = validityFromArrow(data);
  if (data.typeId === Type.Dictionary) return columnFromDictionary(data, validity);
  const layout = layoutOf(type);
  const { length } = data;
  if (layout.kind === 'bytes') return zeroNulls({ type, length, validity, ...convertBytes(data, validity) });
  if (layout.kind === 'bits') {
    const bits = sliceBits(data.values as Uint8Array, data.offset, data.offset + length);
    return zeroNulls({ type, length, validity, values: bits, offsets: null });
  }
  return zeroNulls({ type, length, validity, values: convertFixed(type, data, validity), offsets: null });
}

function validityFromArrow(data: Data): Uint8Array | null {
  if (data.nullCount === 0 || !data.nullBitmap || data.nullBitmap.byteLength === 0) return null;
  return sliceBits(data.nullBitmap, data.offset, data.offset + data.length);
}

function columnFromDictionary(data: Data, validity: Uint8Array | null): Column {
  const chunks = data.dictionary?.data ?? [];
  const type = typeFromArrow((data.type as DataType & { dictionary: DataType }).dictionary);
  if (type === null) throw new QueryError('unsupported', `a dictionary of the Arrow type ${data.type}`);
  const entriesCount = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  if (entriesCount === 0) return constantColumn(type, null, data.length);
  const parts = chunks.map((chunk) => columnFromArrow(type, chunk));
  const [first] = parts;
  const entries = parts.length === 1 && first !== undefined ? first : concatColumns(type, parts, entriesCount);
  const codes = data.values as ArrayLike<number | bigint>;
  const rows = new Int32Array(data.length);
  for (let row = 0; row < rows.length; row++) {
    rows[row] = validity !== null && !getBit(validity, row) ? -1 : Number(codes[row]);
  }
  const taken = takeColumn(entries, rows);
  // If the entries have NULLs of their own, taking has made validity, with -1 as NULL.
  return { ...taken, validity: taken.validity ?? validity };
}

/** Arrow leaves undefined what lies under a NULL; ours is zero. Copies only if it is not. */
function zeroNulls(column: Column): Column {
  const { length, validity } = column;
  if (validity === null) return column;
  const rows = Int32Array.from({ length }, (_, row) => (isValid(column, row) ? row : -1));
  return rows.some((row, index) => row < 0 && !isZero(column, index)) ? takeColumn(column, rows) : column;
}

function isZero(column: Column, row: number): boolean {
  const layout = layoutOf(column.type);
  if (layout.kind === 'bits') return !getBit(column.values as Uint8Array, row);
  if (column.offsets !== null) return column.offsets[row] === column.offsets[row + 1];
  const width = layout.kind === 'fixed' ? layout.width : 1;
  const cells = (column.values as FixedArray).subarray(row * width, (row + 1) * width);
  return cells.every((cell: number | bigint) => cell === 0 || cell === 0n);
}
