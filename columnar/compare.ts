import type { Column } from './batch.ts';
import { getBit } from './bitmap.ts';
import { intervalSpan } from './interval.ts';
import type { Interval, SqlType, SqlValue, TypeKind } from './types.ts';
import { readInterval, readNumeric } from './words.ts';

// The order that `<` and ORDER BY use: false before true, NaN after all numbers, text and bytea by bytes
// (PostgreSQL's collation "C"), intervals by length. NULLs are the caller's to place.

/** Negative, 0 or positive, as for `Array.prototype.sort`. */
export type CellComparator = (rowA: number, rowB: number) => number;

/** Compares cells, neither of them NULL, of two columns of equal type. */
export function valueComparator(a: Column, b: Column): CellComparator {
  switch (a.type.kind) {
    case 'boolean':
      return (rowA, rowB) =>
        Number(getBit(a.values as Uint8Array, rowA)) - Number(getBit(b.values as Uint8Array, rowB));
    case 'int2':
    case 'int4':
    case 'date': {
      const [valuesA, valuesB] = [a.values as Int32Array, b.values as Int32Array];
      return (rowA, rowB) => (valuesA[rowA] as number) - (valuesB[rowB] as number);
    }
    case 'int8':
    case 'timestamp':
    case 'timestamptz': {
      const [valuesA, valuesB] = [a.values as BigInt64Array, b.values as BigInt64Array];
      return (rowA, rowB) => compareOrdered(valuesA[rowA] as bigint, valuesB[rowB] as bigint);
    }
    case 'float4':
    case 'float8': {
      const [valuesA, valuesB] = [a.values as Float64Array, b.values as Float64Array];
      return (rowA, rowB) => compareFloats(valuesA[rowA] as number, valuesB[rowB] as number);
    }
    case 'numeric': {
      const [valuesA, valuesB] = [a.values as BigInt64Array, b.values as BigInt64Array];
      return (rowA, rowB) => compareOrdered(readNumeric(valuesA, rowA), readNumeric(valuesB, rowB));
    }
    case 'interval': {
      const [valuesA, valuesB] = [a.values as Int32Array, b.values as Int32Array];
      return (rowA, rowB) => compareIntervals(readInterval(valuesA, rowA), readInterval(valuesB, rowB));
    }
    case 'text':
    case 'bytea':
      return bytesComparator(a, b);
  }
}

function bytesComparator(a: Column, b: Column): CellComparator {
  const [bytesA, bytesB] = [a.values as Uint8Array, b.values as Uint8Array];
  const [offsetsA, offsetsB] = [a.offsets as Int32Array, b.offsets as Int32Array];
  return (rowA, rowB) => {
    const startA = offsetsA[rowA] as number;
    const startB = offsetsB[rowB] as number;
    const lengthA = (offsetsA[rowA + 1] as number) - startA;
    const lengthB = (offsetsB[rowB + 1] as number) - startB;
    const common = Math.min(lengthA, lengthB);
    for (let i = 0; i < common; i++) {
      const difference = (bytesA[startA + i] as number) - (bytesB[startB + i] as number);
      if (difference !== 0) return difference;
    }
    return lengthA - lengthB;
  };
}

const valueComparison: { readonly [K in TypeKind]: (a: SqlValue, b: SqlValue) => number } = {
  boolean: (a, b) => Number(a) - Number(b),
  int2: (a, b) => (a as number) - (b as number),
  int4: (a, b) => (a as number) - (b as number),
  date: (a, b) => (a as number) - (b as number),
  int8: (a, b) => compareOrdered(a as bigint, b as bigint),
  timestamp: (a, b) => compareOrdered(a as bigint, b as bigint),
  timestamptz: (a, b) => compareOrdered(a as bigint, b as bigint),
  numeric: (a, b) => compareOrdered(a as bigint, b as bigint),
  float4: (a, b) => compareFloats(a as number, b as number),
  float8: (a, b) => compareFloats(a as number, b as number),
  interval: (a, b) => compareIntervals(a as Interval, b as Interval),
  text: (a, b) => compareText(a as string, b as string),
  bytea: (a, b) => Buffer.compare(a as Uint8Array, b as Uint8Array),
};

/** Compares two values of one type, neither of them NULL, in the order of `valueComparator`. */
export function compareValues(type: SqlType, a: SqlValue, b: SqlValue): number {
  return valueComparison[type.kind](a, b);
}

function compareOrdered(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function compareFloats(a: number, b: number): number {
  if (a < b) return -1;
  if (a > b) return 1;
  return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
}

function compareIntervals(a: Interval, b: Interval): number {
  return compareOrdered(intervalSpan(a), intervalSpan(b));
}

/** By code points, which is the order of UTF-8 bytes; JavaScript's own is by UTF-16 units. */
function compareText(a: string, b: string): number {
  const common = Math.min(a.length, b.length);
  for (let i = 0; i < common; i++) {
    const unitA = a.charCodeAt(i);
    const unitB = b.charCodeAt(i);
    if (unitA !== unitB) return codePointRank(unitA) - codePointRank(unitB);
  }
  return a.length - b.length;
}

/** Surrogates stand for code points above U+FFFF: they rank behind U+E000 to U+FFFF. */
function codePointRank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x1_0000 : unit;
}
