import {
  booleanColumn,
  type Column,
  type ColumnValues,
  columnFromValues,
  type SqlType,
  typeName,
  writeNumeric,
} from '../../columnar/index.ts';
import type { CsvRecords } from './csv-records.ts';
import { fieldForm } from './csv-records.ts';
import { fileError } from './failure.ts';
import { NullMarks } from './null-marks.ts';
import {
  integerDigits,
  readBigInteger,
  readBoolean,
  readDate,
  readFloat,
  readInstant,
  readSmallInteger,
} from './scalars.ts';

/** Puts the value of `bytes[start, end)` into `row`; false when it is not of the column's type. */
type Put = (bytes: Uint8Array, start: number, end: number, row: number) => boolean;

/**
 * Rows `from` to `to` (exclusive) of one column of the records taken last. An empty field is NULL, except
 * that `""` in a text column is the empty string.
 * @throws QueryError `file`, with the line, for a value that is not of `type`
 */
export function csvColumn(
  path: string,
  records: CsvRecords,
  field: { readonly index: number; readonly name: string; readonly type: SqlType },
  from: number,
  to: number,
): Column {
  if (field.type.kind === 'text') return csvTextColumn(records, field.type, field.index, from, to);
  const { values, put } = filler(field.type, to - from);
  const { bytes, starts, ends, width } = records;
  const nulls = new NullMarks(to - from);
  for (let row = from; row < to; row++) {
    const index = row * width + field.index;
    const start = starts[index] ?? 0;
    const end = ends[index] ?? 0;
    if (start === end) {
      nulls.mark(row - from);
    } else if (!put(bytes, start, end, row - from)) {
      const found = JSON.stringify(new TextDecoder().decode(bytes.subarray(start, Math.min(end, start + 40))));
      const message = `column "${field.name}" was ${typeName(field.type)} when the table was opened, and now holds ${found}`;
      throw fileError(path, message, records.lineOf(row));
    }
  }
  if (field.type.kind === 'boolean') return booleanColumn(values as Uint8Array, nulls.validity);
  return columnFromValues(field.type, values, nulls.validity, to - from);
}

function filler(type: SqlType, rows: number): { values: ColumnValues; put: Put } {
  switch (type.kind) {
    case 'boolean': {
      const values = new Uint8Array(rows);
      return { values, put: (bytes, start, end, row) => store(values, row, readBoolean(bytes, start, end)) };
    }
    case 'int4': {
      const values = new Int32Array(rows);
      return { values, put: (bytes, start, end, row) => putInt4(values, bytes, start, end, row) };
    }
    case 'int8': {
      const values = new BigInt64Array(rows);
      return { values, put: (bytes, start, end, row) => putInt8(values, bytes, start, end, row) };
    }
    case 'numeric': {
      const values = new BigInt64Array(rows * 2);
      return { values, put: (bytes, start, end, row) => putInteger(values, bytes, start, end, row) };
    }
    case 'float8': {
      const values = new Float64Array(rows);
      return { values, put: (bytes, start, end, row) => store(values, row, readFloat(bytes, start, end)) };
    }
    case 'date': {
      const values = new Int32Array(rows);
      return { values, put: (bytes, start, end, row) => store(values, row, readDate(bytes, start, end)) };
    }
    case 'timestamp':
    case 'timestamptz': {
      const values = new BigInt64Array(rows);
      const zoned = type.kind === 'timestamptz';
      return { values, put: (bytes, start, end, row) => putInstant(values, zoned, bytes, start, end, row) };
    }
    default:
      throw new Error(`no CSV column is of type ${typeName(type)}`);
  }
}

function store(
  values: Uint8Array | Int32Array | Float64Array,
  row: number,
  value: number | boolean | null | undefined,
): boolean {
  if (value === null || value === undefined) return false;
  values[row] = Number(value);
  return true;
}

function putInt4(values: Int32Array, bytes: Uint8Array, start: number, end: number, row: number): boolean {
  const digits = integerDigits(bytes, start, end);
  if (digits === 0 || digits > 10) return false;
  const value = readSmallInteger(bytes, start, end);
  values[row] = value;
  return values[row] === value;
}

function putInt8(values: BigInt64Array, bytes: Uint8Array, start: number, end: number, row: number): boolean {
  const digits = integerDigits(bytes, start, end);
  if (digits === 0 || digits > 19) return false;
  if (digits <= 15) {
    values[row] = BigInt(readSmallInteger(bytes, start, end));
    return true;
  }
  const value = readBigInteger(bytes, start, end);
  values[row] = value;
  return values[row] === value;
}

function putInteger(values: BigInt64Array, bytes: Uint8Array, start: number, end: number, row: number): boolean {
  const digits = integerDigits(bytes, start, end);
  if (digits === 0 || digits > 38) return false;
  writeNumeric(values, row, readBigInteger(bytes, start, end));
  return true;
}

function putInstant(
  values: BigInt64Array,
  zoned: boolean,
  bytes: Uint8Array,
  start: number,
  end: number,
  row: number,
): boolean {
  const days = zoned ? undefined : readDate(bytes, start, end);
  if (days !== undefined) {
    values[row] = BigInt(days) * 86_400_000_000n;
    return true;
  }
  const instant = readInstant(bytes, start, end);
  if (instant?.zoned !== zoned) return false;
  values[row] = instant.micros;
  return true;
}

function csvTextColumn(records: CsvRecords, type: SqlType, column: number, from: number, to: number): Column {
  const { bytes, starts, ends, forms, width } = records;
  const rows = to - from;
  const nulls = new NullMarks(rows);
  const offsets = new Int32Array(rows + 1);
  let bytesMax = 0;
  for (let row = from; row < to; row++)
    bytesMax += (ends[row * width + column] ?? 0) - (starts[row * width + column] ?? 0);
  const values = new Uint8Array(bytesMax);
  let at = 0;
  for (let row = from; row < to; row++) {
    const index = row * width + column;
    const start = starts[index] ?? 0;
    const end = ends[index] ?? 0;
    if (start === end && forms[index] === fieldForm.plain) nulls.mark(row - from);
    else
      at =
        forms[index] === fieldForm.escaped
          ? unescaped(bytes, start, end, values, at)
          : copy(bytes, start, end, values, at);
    offsets[row - from + 1] = at;
  }
  return { type, length: rows, validity: nulls.validity, values: values.subarray(0, at), offsets };
}

const loopBytesMax = 24; // below this a loop beats `set` with its two views

function copy(bytes: Uint8Array, start: number, end: number, into: Uint8Array, at: number): number {
  if (end - start > loopBytesMax) into.set(bytes.subarray(start, end), at);
  else for (let i = start; i < end; i++) into[at + i - start] = bytes[i] ?? 0;
  return at + end - start;
}

/** Copies with every `""` as one `"`. */
function unescaped(bytes: Uint8Array, start: number, end: number, into: Uint8Array, at: number): number {
  let to = at;
  for (let i = start; i < end; i++) {
    into[to++] = bytes[i] ?? 0;
    if (bytes[i] === 0x22) i++;
  }
  return to;
}
