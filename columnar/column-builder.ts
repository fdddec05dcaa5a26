import assert from 'node:assert/strict';
import type { Column } from './batch.ts';
import { allSet, bitmapBytes, setBit } from './bitmap.ts';
import { numericFits } from './decimal.ts';
import { QueryError } from './error.ts';
import { columnBytesMax, type FixedArray, type Layout, layoutOf } from './layout.ts';
import { typeName } from './sql-types.ts';
import type { Interval, SqlType, SqlValue } from './types.ts';
import { utf8BytesMax, writeUtf8 } from './utf8.ts';
import { writeInterval, writeNumeric } from './words.ts';

const rowsAtLeast = 16;
/** First guess at the size of a text. */
const bytesPerRow = 16;

/**
 * Collects single values into a column, growing as needed. Memory beyond the column's length is kept by
 * the column until it is released, at most as much again.
 */
export class ColumnBuilder {
  readonly type: SqlType;
  readonly #layout: Layout;
  #length = 0;
  #capacity: number;
  /** Allocated at the first NULL. */
  #validity: Uint8Array | null = null;
  #values: Uint8Array | FixedArray;
  #offsets: Int32Array | null;
  #bytesUsed = 0;

  /** @param rowsExpected how much room to make at first */
  constructor(type: SqlType, rowsExpected = 0) {
    this.type = type;
    this.#layout = layoutOf(type);
    this.#capacity = Math.max(rowsExpected, rowsAtLeast);
    this.#values = allocate(this.#layout, this.#capacity);
    this.#offsets = this.#layout.kind === 'bytes' ? new Int32Array(this.#capacity + 1) : null;
  }

  get length(): number {
    return this.#length;
  }

  /** @throws QueryError typeMismatch, outOfRange, datetimeOverflow when the value does not fit the type */
  append(value: SqlValue | null): void {
    if (this.#length === this.#capacity) this.#grow();
    const row = this.#length;
    if (value === null) {
      this.#appendNull(row);
    } else {
      this.#write(row, value);
      if (this.#validity !== null) setBit(this.#validity, row);
    }
    if (this.#offsets !== null) this.#offsets[row + 1] = this.#bytesUsed;
    this.#length = row + 1;
  }

  /** The column of all that was appended; the builder must not be used again. */
  finish(): Column {
    const length = this.#length;
    const layout = this.#layout;
    const used =
      layout.kind === 'fixed' ? length * layout.width : layout.kind === 'bits' ? bitmapBytes(length) : this.#bytesUsed;
    return {
      type: this.type,
      length,
      validity: this.#validity?.subarray(0, bitmapBytes(length)) ?? null,
      values: this.#values.subarray(0, used),
      offsets: this.#offsets?.subarray(0, length + 1) ?? null,
    };
  }

  #appendNull(row: number): void {
    if (this.#validity === null) {
      this.#validity = new Uint8Array(bitmapBytes(this.#capacity));
      this.#validity.set(allSet(row));
    }
  }

  #write(row: number, value: SqlValue): void {
    const { type } = this;
    switch (type.kind) {
      case 'boolean':
        if (typeof value !== 'boolean') throw mismatch(type, value);
        if (value) setBit(this.#values as Uint8Array, row);
        return;
      case 'int2':
      case 'int4':
      case 'date':
        if (typeof value !== 'number') throw mismatch(type, value);
        this.#writeInteger(row, value);
        return;
      case 'float4':
      case 'float8':
        if (typeof value !== 'number') throw mismatch(type, value);
        (this.#values as Float64Array)[row] = value;
        return;
      case 'int8':
      case 'timestamp':
      case 'timestamptz':
        if (typeof value !== 'bigint') throw mismatch(type, value);
        if (BigInt.asIntN(64, value) !== value) throw outOfRange(type);
        (this.#values as BigInt64Array)[row] = value;
        return;
      case 'numeric':
        if (typeof value !== 'bigint') throw mismatch(type, value);
        if (!numericFits(value, type.precision)) throw new QueryError('outOfRange', 'numeric field overflow');
        writeNumeric(this.#values as BigInt64Array, row, value);
        return;
      case 'interval':
        if (!isInterval(value)) throw mismatch(type, value);
        writeInterval(this.#values as Int32Array, row, value);
        return;
      case 'text':
        if (typeof value !== 'string') throw mismatch(type, value);
        this.#reserveBytes(utf8BytesMax(value));
        this.#bytesUsed += writeUtf8(value, this.#values as Uint8Array, this.#bytesUsed);
        return;
      case 'bytea':
        if (!(value instanceof Uint8Array)) throw mismatch(type, value);
        this.#reserveBytes(value.length);
        (this.#values as Uint8Array).set(value, this.#bytesUsed);
        this.#bytesUsed += value.length;
    }
  }

  /** The array itself tells whether the number fits: it comes back changed when not. */
  #writeInteger(row: number, value: number): void {
    const values = this.#values as Int32Array | Int16Array;
    values[row] = value;
    if (values[row] !== value) {
      values[row] = 0;
      throw outOfRange(this.type);
    }
  }

  #grow(): void {
    const layout = this.#layout;
    const capacity = this.#capacity * 2;
    if (layout.kind !== 'bytes') {
      const values = allocate(layout, capacity);
      copyInto(values, this.#values);
      this.#values = values;
    }
    if (this.#offsets !== null) {
      const offsets = new Int32Array(capacity + 1);
      offsets.set(this.#offsets);
      this.#offsets = offsets;
    }
    if (this.#validity !== null) {
      const validity = new Uint8Array(bitmapBytes(capacity));
      validity.set(this.#validity);
      this.#validity = validity;
    }
    this.#capacity = capacity;
  }

  #reserveBytes(count: number): void {
    const needed = this.#bytesUsed + count;
    if (needed <= this.#values.length) return;
    if (needed > columnBytesMax) throw columnTooLarge();
    const values = new Uint8Array(Math.min(Math.max(needed, this.#values.length * 2), columnBytesMax));
    values.set(this.#values as Uint8Array);
    this.#values = values;
  }
}

function allocate(layout: Layout, rows: number): Uint8Array | FixedArray {
  switch (layout.kind) {
    case 'bits':
      return new Uint8Array(bitmapBytes(rows));
    case 'fixed':
      return new layout.array(rows * layout.width);
    case 'bytes':
      return new Uint8Array(rows * bytesPerRow);
  }
}

function copyInto(target: Uint8Array | FixedArray, source: Uint8Array | FixedArray): void {
  assert(target.constructor === source.constructor);
  (target as Int32Array).set(source as Int32Array);
}

function isInterval(value: SqlValue): value is Interval {
  return typeof value === 'object' && !(value instanceof Uint8Array);
}

function mismatch(type: SqlType, value: SqlValue): QueryError {
  const found = typeof value === 'object' ? (isInterval(value) ? 'interval' : 'Uint8Array') : typeof value;
  return new QueryError('typeMismatch', `a column of type ${typeName(type)} cannot hold a JavaScript ${found}`);
}

function outOfRange(type: SqlType): QueryError {
  return new QueryError('outOfRange', `${typeName(type)} out of range`);
}

/** A text or bytea column cannot address more bytes. */
export function columnTooLarge(): QueryError {
  return new QueryError('outOfMemory', 'a column of one batch would pass 2 GiB', { hint: 'Use smaller batches.' });
}
