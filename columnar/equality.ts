import type { Batch, Column } from './batch.ts';
import { bitmapBytes, getBit } from './bitmap.ts';
import { intervalSpan } from './interval.ts';
import { isValid } from './read.ts';
import type { TypeKind } from './types.ts';
import { readInterval } from './words.ts';

// Equality of cells as hash tables need it, in agreement with `hashRows`: by buffer, nothing is decoded.

type CellEquality = (a: Column, rowA: number, b: Column, rowB: number) => boolean;

/** One function a layout, so that each compiles for one class of arrays. Both cells are not NULL. */
const cellEquality: { readonly [K in TypeKind]: CellEquality } = {
  boolean: (a, rowA, b, rowB) => getBit(a.values as Uint8Array, rowA) === getBit(b.values as Uint8Array, rowB),
  int2: (a, rowA, b, rowB) => (a.values as Int16Array)[rowA] === (b.values as Int16Array)[rowB],
  int4: int32Equal,
  date: int32Equal,
  int8: int64Equal,
  timestamp: int64Equal,
  timestamptz: int64Equal,
  float4: (a, rowA, b, rowB) =>
    floatEqual((a.values as Float32Array)[rowA] as number, (b.values as Float32Array)[rowB] as number),
  float8: (a, rowA, b, rowB) =>
    floatEqual((a.values as Float64Array)[rowA] as number, (b.values as Float64Array)[rowB] as number),
  numeric: (a, rowA, b, rowB) => {
    const valuesA = a.values as BigInt64Array;
    const valuesB = b.values as BigInt64Array;
    return valuesA[2 * rowA] === valuesB[2 * rowB] && valuesA[2 * rowA + 1] === valuesB[2 * rowB + 1];
  },
  interval: (a, rowA, b, rowB) =>
    intervalSpan(readInterval(a.values as Int32Array, rowA)) ===
    intervalSpan(readInterval(b.values as Int32Array, rowB)),
  text: bytesEqual,
  bytea: bytesEqual,
};

function int32Equal(a: Column, rowA: number, b: Column, rowB: number): boolean {
  return (a.values as Int32Array)[rowA] === (b.values as Int32Array)[rowB];
}

function int64Equal(a: Column, rowA: number, b: Column, rowB: number): boolean {
  return (a.values as BigInt64Array)[rowA] === (b.values as BigInt64Array)[rowB];
}

function floatEqual(a: number, b: number): boolean {
  return a === b || (Number.isNaN(a) && Number.isNaN(b));
}

function bytesEqual(a: Column, rowA: number, b: Column, rowB: number): boolean {
  const offsetsA = a.offsets as Int32Array;
  const offsetsB = b.offsets as Int32Array;
  const startA = offsetsA[rowA] as number;
  const startB = offsetsB[rowB] as number;
  const length = (offsetsA[rowA + 1] as number) - startA;
  if ((offsetsB[rowB + 1] as number) - startB !== length) return false;
  const bytesA = a.values as Uint8Array;
  const bytesB = b.values as Uint8Array;
  for (let i = 0; i < length; i++) {
    if (bytesA[startA + i] !== bytesB[startB + i]) return false;
  }
  return true;
}

function nullableEqual(equal: CellEquality, a: Column, rowA: number, b: Column, rowB: number): boolean {
  const validA = isValid(a, rowA);
  return validA === isValid(b, rowB) && (!validA || equal(a, rowA, b, rowB));
}

/**
 * Whether two rows agree in columns of equal types, where NULL equals NULL (a join skips NULL keys
 * beforehand, see `rowsWithNull`).
 */
export function rowsEqualAt(
  a: Batch,
  rowA: number,
  b: Batch,
  rowB: number,
  columnsA: readonly number[],
  columnsB: readonly number[] = columnsA,
): boolean {
  for (let i = 0; i < columnsA.length; i++) {
    const columnA = a.columns[columnsA[i] as number] as Column;
    const columnB = b.columns[columnsB[i] as number] as Column;
    if (!nullableEqual(cellEquality[columnA.type.kind], columnA, rowA, columnB, rowB)) return false;
  }
  return true;
}

/** `rowsEqualAt` for many pairs of rows of the same two batches. */
export function rowEquality(
  a: Batch,
  columnsA: readonly number[],
  b: Batch,
  columnsB: readonly number[],
): (rowA: number, rowB: number) => boolean {
  const pairs = columnsA.map((index, i) => {
    const columnA = a.columns[index] as Column;
    const columnB = b.columns[columnsB[i] as number] as Column;
    return { columnA, columnB, equal: cellEquality[columnA.type.kind] };
  });
  return (rowA, rowB) => {
    for (const { columnA, columnB, equal } of pairs) {
      if (!nullableEqual(equal, columnA, rowA, columnB, rowB)) return false;
    }
    return true;
  };
}

/** A bitmap of the rows that have NULL in any of the columns; `null` when no row has. */
export function rowsWithNull(batch: Batch, columns: readonly number[]): Uint8Array | null {
  let nulls: Uint8Array | null = null;
  for (const index of columns) {
    const { validity } = batch.columns[index] as Column;
    if (validity === null) continue;
    nulls ??= new Uint8Array(bitmapBytes(batch.numRows));
    for (let i = 0; i < nulls.length; i++) nulls[i] = (nulls[i] as number) | ~(validity[i] as number);
  }
  return nulls;
}
