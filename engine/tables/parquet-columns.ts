import { isUtf8 } from 'node:buffer';
import type { DecodedArray, SchemaElement, SchemaTree } from 'hyparquet';
import {
  booleanColumn,
  type Column,
  type ColumnValues,
  columnFromValues,
  type SqlType,
  textColumn,
  types,
  writeNumeric,
} from '../../columnar/index.ts';
import { jsonText } from './json-text.ts';
import { NullMarks } from './null-marks.ts';

/** How one top-level column of a Parquet file becomes one of ours. */
export interface ParquetField {
  /** As the file names it. */
  readonly column: string;
  readonly type: SqlType;
  readonly nested: boolean;
  /** Rows `start` to `end` (exclusive) of values as stored; nested ones as JavaScript objects. */
  convert(values: DecodedArray, start: number, end: number): Column;
}

/** A cell as hyparquet decodes it without logical types; NULL is null or undefined. */
type Stored = boolean | number | bigint | Uint8Array | null | undefined;

type Make = (values: DecodedArray, start: number, end: number) => Column;

export function parquetField(tree: SchemaTree): ParquetField {
  const column = tree.element.name;
  const nested = tree.children.length > 0 || tree.element.repetition_type === 'REPEATED';
  if (nested) return { column, nested, type: types.text, convert: jsonColumn };
  const { type, make } = flatField(tree.element);
  return { column, nested, type, convert: make };
}

function flatField(element: SchemaElement): { readonly type: SqlType; readonly make: Make } {
  const logical = element.logical_type;
  const converted = element.converted_type;
  if (converted === 'DECIMAL' || logical?.type === 'DECIMAL') return decimalField(element);
  switch (element.type) {
    case 'BOOLEAN':
      return { type: types.boolean, make: booleans };
    case 'INT32':
      if (converted === 'DATE' || logical?.type === 'DATE')
        return { type: types.date, make: numbers(types.date, Int32Array) };
      if (isUnsigned(element, 32))
        return { type: types.int8, make: bigints(types.int8, (value) => BigInt.asUintN(32, value)) };
      return { type: types.int4, make: numbers(types.int4, Int32Array) };
    case 'INT64':
      return int64Field(element);
    case 'INT96': // nanoseconds since 1970, as hyparquet computes them
      return { type: types.timestamp, make: bigints(types.timestamp, (nanos) => floorDivide(nanos, 1_000n)) };
    case 'FLOAT':
      return { type: types.float4, make: numbers(types.float4, Float32Array) };
    case 'DOUBLE':
      return { type: types.float8, make: numbers(types.float8, Float64Array) };
    case 'BYTE_ARRAY':
      return isText(element)
        ? { type: types.text, make: bytes(types.text) }
        : { type: types.bytea, make: bytes(types.bytea) };
    case 'FIXED_LEN_BYTE_ARRAY':
      if (logical?.type === 'UUID') return { type: types.text, make: uuids };
      return { type: types.bytea, make: bytes(types.bytea) };
    default:
      return { type: types.text, make: jsonColumn };
  }
}

function int64Field(element: SchemaElement): { readonly type: SqlType; readonly make: Make } {
  const logical = element.logical_type;
  const unit =
    logical?.type === 'TIMESTAMP'
      ? logical.unit
      : element.converted_type === 'TIMESTAMP_MILLIS'
        ? 'MILLIS'
        : element.converted_type === 'TIMESTAMP_MICROS'
          ? 'MICROS'
          : null;
  if (unit !== null) {
    // The older converted types are in UTC by definition; the logical type says so itself.
    const zoned = logical?.type === 'TIMESTAMP' ? logical.isAdjustedToUTC : true;
    const type = zoned ? types.timestamptz : types.timestamp;
    if (unit === 'MICROS') return { type, make: bigints(type) };
    if (unit === 'MILLIS') return { type, make: bigints(type, (millis) => millis * 1_000n) };
    return { type, make: bigints(type, (nanos) => floorDivide(nanos, 1_000n)) };
  }
  if (isUnsigned(element, 64)) {
    const type = types.numeric(20, 0);
    return { type, make: decimals(type, (value) => BigInt.asUintN(64, BigInt(value as bigint))) };
  }
  return { type: types.int8, make: bigints(types.int8) };
}

function decimalField(element: SchemaElement): { readonly type: SqlType; readonly make: Make } {
  const logical = element.logical_type?.type === 'DECIMAL' ? element.logical_type : null;
  const precision = logical?.precision ?? element.precision ?? 38;
  const scale = logical?.scale ?? element.scale ?? 0;
  if (precision > 38) return { type: types.bytea, make: bytes(types.bytea) };
  const type = types.numeric(precision, scale);
  return { type, make: decimals(type, (value) => (value instanceof Uint8Array ? signed(value) : BigInt(value))) };
}

function isUnsigned(element: SchemaElement, bits: 32 | 64): boolean {
  const logical = element.logical_type;
  if (logical?.type === 'INTEGER') return logical.bitWidth === bits && !logical.isSigned;
  return element.converted_type === `UINT_${bits}`;
}

function isText(element: SchemaElement): boolean {
  const kind = element.logical_type?.type ?? element.converted_type;
  return kind === 'STRING' || kind === 'UTF8' || kind === 'ENUM' || kind === 'JSON';
}

function booleans(values: DecodedArray, start: number, end: number): Column {
  const flags = new Uint8Array(end - start);
  const validity = eachValue(values, start, end, (value, row) => {
    flags[row] = value === true ? 1 : 0;
  });
  return booleanColumn(flags, validity);
}

function numbers(
  type: SqlType,
  array: Int32ArrayConstructor | Float32ArrayConstructor | Float64ArrayConstructor,
): Make {
  return (values, start, end) => {
    if (values instanceof array) return columnFromValues(type, values.slice(start, end));
    const target = new array(end - start);
    const validity = eachValue(values, start, end, (value, row) => {
      target[row] = value as number;
    });
    return columnFromValues(type, target, validity);
  };
}

function bigints(type: SqlType, change?: (value: bigint) => bigint): Make {
  return (values, start, end) => {
    if (values instanceof BigInt64Array && !change) return columnFromValues(type, values.slice(start, end));
    const target = new BigInt64Array(end - start);
    const validity = eachValue(values, start, end, (value, row) => {
      const stored = typeof value === 'bigint' ? value : BigInt(value as number);
      target[row] = change ? change(stored) : stored;
    });
    return columnFromValues(type, target, validity);
  };
}

function decimals(type: SqlType, read: (value: NonNullable<Stored>) => bigint): Make {
  return (values, start, end) => {
    const target = new BigInt64Array((end - start) * 2);
    const validity = eachValue(values, start, end, (value, row) => writeNumeric(target, row, read(value)));
    return columnFromValues(type, target as ColumnValues, validity);
  };
}

function bytes(type: SqlType): Make {
  return (values, start, end) => {
    let size = 0;
    for (let row = start; row < end; row++) size += (values[row] as Uint8Array | null | undefined)?.length ?? 0;
    const target = new Uint8Array(size);
    const offsets = new Int32Array(end - start + 1);
    const nulls = new NullMarks(end - start);
    let at = 0;
    for (let row = start; row < end; row++) {
      const value = values[row] as Uint8Array | null | undefined;
      if (value === null || value === undefined) {
        nulls.mark(row - start);
      } else {
        for (let i = 0; i < value.length; i++) target[at + i] = value[i] as number;
        at += value.length;
      }
      offsets[row - start + 1] = at;
    }
    if (type.kind === 'text' && !isUtf8(target)) throw new Error('it holds text that is not UTF-8');
    return { type, length: end - start, validity: nulls.validity, values: target, offsets };
  };
}

function uuids(values: DecodedArray, start: number, end: number): Column {
  const shape = /^(.{8})(.{4})(.{4})(.{4})(.{12})$/;
  return textColumn(
    Array.from({ length: end - start }, (_, row) => {
      const value = values[start + row] as Uint8Array | null | undefined;
      return value ? Buffer.from(value).toString('hex').replace(shape, '$1-$2-$3-$4-$5') : null;
    }),
  );
}

function jsonColumn(values: DecodedArray, start: number, end: number): Column {
  return textColumn(Array.from({ length: end - start }, (_, row) => jsonText(values[start + row] as unknown)));
}

/** Calls `put` for each value that is not NULL; the rest are marked in the bitmap that is returned. */
function eachValue(
  values: DecodedArray,
  start: number,
  end: number,
  put: (value: NonNullable<Stored>, row: number) => void,
): Uint8Array | null {
  const nulls = new NullMarks(end - start);
  for (let row = start; row < end; row++) {
    const value = values[row] as Stored;
    if (value === null || value === undefined) nulls.mark(row - start);
    else put(value, row - start);
  }
  return nulls.validity;
}

/** Big-endian two's complement. */
function signed(value: Uint8Array): bigint {
  let unsigned = 0n;
  for (const byte of value) unsigned = unsigned * 256n + BigInt(byte);
  return BigInt.asIntN(value.length * 8, unsigned);
}

function floorDivide(value: bigint, by: bigint): bigint {
  return value >= 0n ? value / by : -((-value + by - 1n) / by);
}
