import type { ColumnValues } from './batch.ts';
import type { SqlType } from './types.ts';

/** How the cells of a type lie in memory. */
export type Layout =
  | { readonly kind: 'bits' }
  /** `width` elements of `array` a row. */
  | {
      readonly kind: 'fixed';
      readonly array: FixedArrayConstructor;
      readonly width: 1 | 2 | 4;
      readonly rowBytes: number;
    }
  | { readonly kind: 'bytes' };

export type FixedArray = Exclude<ColumnValues, Uint8Array>;

type FixedArrayConstructor =
  | Int16ArrayConstructor
  | Int32ArrayConstructor
  | BigInt64ArrayConstructor
  | Float32ArrayConstructor
  | Float64ArrayConstructor;

const bits: Layout = { kind: 'bits' };
const bytes: Layout = { kind: 'bytes' };
const fixed = (array: FixedArrayConstructor, width: 1 | 2 | 4 = 1): Layout => ({
  kind: 'fixed',
  array,
  width,
  rowBytes: array.BYTES_PER_ELEMENT * width,
});

const int16 = fixed(Int16Array);
const int32 = fixed(Int32Array);
const int64 = fixed(BigInt64Array);
const float32 = fixed(Float32Array);
const float64 = fixed(Float64Array);
const decimal128 = fixed(BigInt64Array, 2);
const monthDayNano = fixed(Int32Array, 4);

export function layoutOf(type: SqlType): Layout {
  switch (type.kind) {
    case 'boolean':
      return bits;
    case 'int2':
      return int16;
    case 'int4':
    case 'date':
      return int32;
    case 'int8':
    case 'timestamp':
    case 'timestamptz':
      return int64;
    case 'float4':
      return float32;
    case 'float8':
      return float64;
    case 'numeric':
      return decimal128;
    case 'interval':
      return monthDayNano;
    case 'text':
    case 'bytea':
      return bytes;
  }
}

/** Text and bytea columns address their bytes with signed 32-bit offsets. */
export const columnBytesMax = 2 ** 31 - 1;

/**
 * The same memory as 32-bit words. Moving and hashing cells word by word keeps those loops on two array
 * classes, so that they compile to machine code once, and is twice as fast as BigInt64Array.
 */
export function asWords(values: FixedArray): Int32Array {
  return new Int32Array(values.buffer, values.byteOffset, values.byteLength >>> 2);
}
