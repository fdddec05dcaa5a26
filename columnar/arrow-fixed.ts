import assert from 'node:assert/strict';
import { type Data, type DataType, DateUnit, IntervalUnit, Precision, TimeUnit, Type } from 'apache-arrow';
import { getBit } from './bitmap.ts';
import { QueryError } from './error.ts';
import { type FixedArray, layoutOf } from './layout.ts';
import type { Interval, SqlType } from './types.ts';
import { writeInterval, writeNumeric } from './words.ts';

const msPerDay = 86_400_000n;

/** The values of a column of fixed width: the same memory where the layouts agree, else converted. */
export function convertFixed(type: SqlType, data: Data, validity: Uint8Array | null): FixedArray {
  const values = data.values as ArrayBufferView | undefined;
  if (values === undefined) return reinterpret(type, new Uint8Array(0), 0);
  switch (data.typeId) {
    case Type.Int:
      return convertIntegers(type, data);
    case Type.Float:
      return convertFloats(type, data);
    case Type.Date:
      return (data.type as DataType & { unit: DateUnit }).unit === DateUnit.DAY
        ? reinterpret(type, values, data.length)
        : Int32Array.from(firstRows(data), (ms) => Number(floorDivide(BigInt(ms), msPerDay)));
    case Type.Timestamp:
      return convertTimestamps(type, data, validity);
    case Type.Interval:
    case Type.Duration:
      return convertIntervals(data, validity);
    case Type.Decimal:
      return reinterpret(type, values, data.length);
    default:
      assert.fail(`Arrow type ${data.type}`);
  }
}

/** The first rows of a buffer as our array: a view if it is aligned, else a copy. */
function reinterpret(type: SqlType, view: ArrayBufferView, rows: number): FixedArray {
  const layout = layoutOf(type);
  assert(layout.kind === 'fixed' && view.byteLength >= rows * layout.rowBytes);
  const elements = rows * layout.width;
  if (view.byteOffset % layout.array.BYTES_PER_ELEMENT === 0) {
    return new layout.array(view.buffer as ArrayBuffer, view.byteOffset, elements);
  }
  const copy = new Uint8Array(rows * layout.rowBytes);
  copy.set(new Uint8Array(view.buffer, view.byteOffset, copy.byteLength));
  return new layout.array(copy.buffer, 0, elements);
}

/** Elements of the rows, behind which there may be padding. */
function firstRows(data: Data): ArrayLike<number | bigint> & Iterable<number | bigint> {
  return (data.values as Int32Array | BigInt64Array).subarray(0, data.length * data.stride);
}

function convertIntegers(type: SqlType, data: Data): FixedArray {
  const { isSigned, bitWidth } = data.type as DataType & { isSigned: boolean; bitWidth: number };
  if (isSigned && bitWidth >= 16) return reinterpret(type, data.values as ArrayBufferView, data.length);
  const values = firstRows(data);
  switch (type.kind) {
    case 'int2':
      return Int16Array.from(values as Uint8Array);
    case 'int4':
      return Int32Array.from(values as Uint16Array);
    case 'int8':
      return BigInt64Array.from(values, (value) => BigInt(value));
    default: {
      const wide = new BigInt64Array(2 * data.length);
      for (let row = 0; row < data.length; row++) writeNumeric(wide, row, values[row] as bigint);
      return wide;
    }
  }
}

function convertFloats(type: SqlType, data: Data): FixedArray {
  const { precision } = data.type as DataType & { precision: Precision };
  if (precision !== Precision.HALF) return reinterpret(type, data.values as ArrayBufferView, data.length);
  return Float32Array.from(firstRows(data), (half) => halfToNumber(Number(half)));
}

/** IEEE 754 binary16: sign, 5 bits of exponent, 10 of fraction. */
function halfToNumber(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >>> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const microsPerUnit: { readonly [U in TimeUnit]: bigint } = {
  [TimeUnit.SECOND]: 1_000_000n,
  [TimeUnit.MILLISECOND]: 1_000n,
  [TimeUnit.MICROSECOND]: 1n,
  [TimeUnit.NANOSECOND]: 1n,
};

function toMicros(count: bigint, unit: TimeUnit): bigint {
  return unit === TimeUnit.NANOSECOND ? floorDivide(count, 1_000n) : count * microsPerUnit[unit];
}

function convertTimestamps(type: SqlType, data: Data, validity: Uint8Array | null): FixedArray {
  const { unit } = data.type as DataType & { unit: TimeUnit };
  if (unit === TimeUnit.MICROSECOND) return reinterpret(type, data.values as ArrayBufferView, data.length);
  const counts = firstRows(data);
  const values = new BigInt64Array(data.length);
  for (let row = 0; row < values.length; row++) {
    if (validity !== null && !getBit(validity, row)) continue;
    const micros = toMicros(BigInt(counts[row] as bigint), unit);
    if (BigInt.asIntN(64, micros) !== micros) throw new QueryError('datetimeOverflow', 'timestamp out of range');
    values[row] = micros;
  }
  return values;
}

/** Also where the layouts agree: nanoseconds are cut to microseconds, so that equal intervals have equal words. */
function convertIntervals(data: Data, validity: Uint8Array | null): FixedArray {
  const values = new Int32Array(4 * data.length);
  const read = intervalReader(data);
  for (let row = 0; row < data.length; row++) {
    if (validity === null || getBit(validity, row)) writeInterval(values, row, read(row));
  }
  return values;
}

function intervalReader(data: Data): (row: number) => Interval {
  const { unit } = data.type as DataType & { unit: number };
  if (data.typeId === Type.Duration) {
    const counts = data.values as BigInt64Array;
    return (row) => ({ months: 0, days: 0, micros: toMicros(counts[row] as bigint, unit) });
  }
  const words = data.values as Int32Array;
  switch (unit as IntervalUnit) {
    case IntervalUnit.YEAR_MONTH:
      return (row) => ({ months: words[row] as number, days: 0, micros: 0n });
    case IntervalUnit.DAY_TIME:
      return (row) => ({
        months: 0,
        days: words[2 * row] as number,
        micros: BigInt(words[2 * row + 1] as number) * 1_000n,
      });
    case IntervalUnit.MONTH_DAY_NANO:
      return (row) => {
        const at = 4 * row;
        const nanos = (BigInt(words[at + 3] as number) << 32n) | BigInt((words[at + 2] as number) >>> 0);
        return { months: words[at] as number, days: words[at + 1] as number, micros: floorDivide(nanos, 1_000n) };
      };
  }
}

function floorDivide(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor;
  return value % divisor < 0n ? quotient - 1n : quotient;
}
