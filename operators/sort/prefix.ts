import { type Column, readNumeric } from '../../columnar/index.ts';
import type { KeyOrder } from './row-order.ts';

// 32 bits of each cell that sort as unsigned integers the way the cells sort: where two prefixes differ
// the cells compare alike, where they are equal nothing is said.

/** Whether equal prefixes mean equal cells. */
export function prefixDecides(column: Column): boolean {
  return column.validity === null && ['boolean', 'int2', 'int4', 'date', 'float4'].includes(column.type.kind);
}

export function sortPrefixes(column: Column, numRows: number, order: KeyOrder): Uint32Array {
  const prefixes = ascendingPrefixes(column, numRows);
  if (order.descending) for (let row = 0; row < numRows; row++) prefixes[row] = ~(prefixes[row] as number);
  const { validity } = column;
  if (validity === null) return prefixes;
  const ofNull = order.nullsFirst ? 0 : 0xffff_ffff;
  for (let row = 0; row < numRows; row++) {
    if ((((validity[row >> 3] as number) >> (row & 7)) & 1) === 0) prefixes[row] = ofNull;
  }
  return prefixes;
}

const signBit = 0x8000_0000;

function ascendingPrefixes(column: Column, numRows: number): Uint32Array {
  const { values } = column;
  switch (column.type.kind) {
    case 'boolean':
      return Uint32Array.from({ length: numRows }, (_, row) => ((values[row >> 3] as number) >> (row & 7)) & 1);
    case 'int2':
    case 'int4':
    case 'date': {
      const prefixes = new Uint32Array((values as Int32Array).subarray(0, numRows));
      for (let row = 0; row < numRows; row++) prefixes[row] = (prefixes[row] as number) ^ signBit;
      return prefixes;
    }
    case 'float4':
      return float4Prefixes((values as Float32Array).subarray(0, numRows));
    case 'float8':
      return float8Prefixes((values as Float64Array).subarray(0, numRows));
    case 'int8':
    case 'timestamp':
    case 'timestamptz':
      return wordPrefixes(values as BigInt64Array, numRows);
    case 'numeric':
      return float8Prefixes(
        Float64Array.from({ length: numRows }, (_, row) => Number(readNumeric(values as BigInt64Array, row))),
      );
    case 'text':
    case 'bytea':
      return bytesPrefixes(values as Uint8Array, column.offsets as Int32Array, numRows);
    case 'interval':
      return new Uint32Array(numRows);
  }
}

/** The bits of a float sort as an integer once negative ones are inverted. -0 becomes 0, NaN is the greatest. */
function orderedFloatBits(bits: number): number {
  return bits < 0 ? ~bits : bits ^ signBit;
}

function float4Prefixes(values: Float32Array): Uint32Array {
  const canonical = values.map((value) => (value === 0 ? 0 : value));
  const bits = new Int32Array(canonical.buffer);
  return Uint32Array.from({ length: values.length }, (_, row) =>
    Number.isNaN(canonical[row]) ? 0xffff_ffff : orderedFloatBits(bits[row] as number),
  );
}

/** The upper half: sign, exponent and 20 bits of the fraction. */
function float8Prefixes(values: Float64Array): Uint32Array {
  const bits = new Int32Array(values.buffer, values.byteOffset, 2 * values.length);
  const prefixes = new Uint32Array(values.length);
  const zero = orderedFloatBits(0);
  for (let row = 0; row < values.length; row++) {
    const value = values[row] as number;
    if (value === 0) prefixes[row] = zero;
    else prefixes[row] = Number.isNaN(value) ? 0xffff_ffff : orderedFloatBits(bits[2 * row + 1] as number);
  }
  return prefixes;
}

/** 64-bit integers by way of doubles, which keep their order if not all their digits. */
function wordPrefixes(values: BigInt64Array, numRows: number): Uint32Array {
  const words = new Int32Array(values.buffer, values.byteOffset, 2 * numRows);
  const doubles = new Float64Array(numRows);
  for (let row = 0; row < numRows; row++) {
    doubles[row] = (words[2 * row + 1] as number) * 2 ** 32 + ((words[2 * row] as number) >>> 0);
  }
  return float8Prefixes(doubles);
}

/** The first four bytes; shorter ones are filled up with zeros. */
function bytesPrefixes(bytes: Uint8Array, offsets: Int32Array, numRows: number): Uint32Array {
  const prefixes = new Uint32Array(numRows);
  for (let row = 0; row < numRows; row++) {
    const start = offsets[row] as number;
    const end = offsets[row + 1] as number;
    let prefix = 0;
    for (let at = start; at < start + 4; at++) prefix = (prefix << 8) | (at < end ? (bytes[at] as number) : 0);
    prefixes[row] = prefix;
  }
  return prefixes;
}
