import { hash } from 'node:crypto';
import type { Batch, Column } from './batch.ts';
import { getBit } from './bitmap.ts';
import { columnOf } from './build.ts';
import { intervalSpan } from './interval.ts';
import { isValid } from './read.ts';
import type { SqlType, SqlValue, TypeKind } from './types.ts';
import { encodeUtf8 } from './utf8.ts';
import { readInterval } from './words.ts';

/**
 * The first byte of a cell's encoding. Part of where rows live on the ring: never renumber. 0 is NULL.
 */
const tags: { readonly [K in TypeKind]: number } = {
  boolean: 1,
  int2: 2,
  int4: 3,
  int8: 4,
  float4: 5,
  float8: 6,
  numeric: 7,
  text: 8,
  bytea: 9,
  date: 10,
  timestamp: 11,
  timestamptz: 12,
  interval: 13,
};
const nullTag = 0;

/**
 * Where rows live on the ring: for each row the SHA-1 of the namespace and the values of some columns,
 * 40 lower-case hexadecimal digits. Values that `hashRows` takes for equal give the same key.
 */
export function partitionKeys(namespace: string, batch: Batch, columns: readonly number[]): string[] {
  const encoder = new CellEncoder(namespace);
  const cells = columns.map((index) => batch.columns[index] as Column);
  return Array.from({ length: batch.numRows }, (_, row) => encoder.key(cells, row));
}

/** The key of one row, given as literals of the columns' types. */
export function partitionKey(
  namespace: string,
  values: readonly (SqlValue | null)[],
  types: readonly SqlType[],
): string {
  const cells = types.map((type, index) => columnOf(type, [values[index] ?? null]));
  return new CellEncoder(namespace).key(cells, 0);
}

/**
 * Lays namespace and cells out one behind the other, each tagged and of known length, so that different
 * rows never give the same bytes. Little-endian.
 */
class CellEncoder {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #used = 0;
  readonly #prefixBytes: number;

  constructor(namespace: string) {
    this.#lengthAndBytes(encodeUtf8(namespace));
    this.#prefixBytes = this.#used;
  }

  key(cells: readonly Column[], row: number): string {
    this.#used = this.#prefixBytes;
    for (const column of cells) this.#cell(column, row);
    return hash('sha1', this.#bytes.subarray(0, this.#used), 'hex');
  }

  #cell(column: Column, row: number): void {
    const { type, values } = column;
    if (!isValid(column, row)) {
      this.#byte(nullTag);
      return;
    }
    this.#byte(tags[type.kind]);
    switch (type.kind) {
      case 'boolean':
        this.#byte(Number(getBit(values as Uint8Array, row)));
        break;
      case 'int2':
      case 'int4':
      case 'date':
        this.#int32((values as Int32Array)[row] as number);
        break;
      case 'int8':
      case 'timestamp':
      case 'timestamptz':
        this.#int64((values as BigInt64Array)[row] as bigint);
        break;
      case 'float4':
      case 'float8':
        this.#float64((values as Float64Array)[row] as number);
        break;
      case 'numeric':
        this.#byte(type.scale);
        this.#int64((values as BigInt64Array)[2 * row] as bigint);
        this.#int64((values as BigInt64Array)[2 * row + 1] as bigint);
        break;
      case 'interval': {
        const span = intervalSpan(readInterval(values as Int32Array, row));
        this.#int64(span);
        this.#int64(span >> 64n);
        break;
      }
      case 'text':
      case 'bytea': {
        const offsets = column.offsets as Int32Array;
        this.#lengthAndBytes((values as Uint8Array).subarray(offsets[row] as number, offsets[row + 1] as number));
      }
    }
  }

  #byte(value: number): void {
    this.#bytes[this.#reserve(1)] = value;
  }

  #int32(value: number): void {
    const at = this.#reserve(4);
    this.#view.setInt32(at, value, true);
  }

  #int64(value: bigint): void {
    const at = this.#reserve(8);
    this.#view.setBigInt64(at, BigInt.asIntN(64, value), true);
  }

  #float64(value: number): void {
    const at = this.#reserve(8);
    // Adding 0 turns -0 into 0; JavaScript has one NaN but its bits are free.
    if (Number.isNaN(value)) this.#view.setBigInt64(at, 0x7ff8_0000_0000_0000n, true);
    else this.#view.setFloat64(at, value + 0, true);
  }

  #lengthAndBytes(bytes: Uint8Array): void {
    this.#int32(bytes.length);
    const at = this.#reserve(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** Makes room for `count` bytes and returns where. */
  #reserve(count: number): number {
    const at = this.#used;
    this.#used += count;
    if (this.#used > this.#bytes.length) {
      const bytes = new Uint8Array(Math.max(this.#used, 2 * this.#bytes.length));
      bytes.set(this.#bytes);
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer);
    }
    return at;
  }
}
