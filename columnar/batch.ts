import type { Schema, SqlType } from './types.ts';

/**
 * One column of a batch in Arrow's physical layout, so that it becomes an Arrow vector (and back)
 * without copying. Columns are never changed once built.
 */
export interface Column {
  readonly type: SqlType;
  readonly length: number;
  /** Arrow validity bitmap, least significant bit first, 1 = not NULL; `null` when nothing is NULL. */
  readonly validity: Uint8Array | null;
  /**
   * boolean: Uint8Array of bits as in `validity`; int2: Int16Array; int4, date: Int32Array;
   * int8, timestamp, timestamptz: BigInt64Array; float4: Float32Array; float8: Float64Array;
   * numeric: BigInt64Array, two words a row, low word first (Decimal128);
   * interval: Int32Array, four words a row: months, days, nanoseconds low, nanoseconds high;
   * text, bytea: Uint8Array, the bytes that `offsets` points into.
   * The slot of a NULL holds zero (or an empty string).
   */
  readonly values: ColumnValues;
  /** text, bytea: `length + 1` byte offsets into `values`, not necessarily starting at 0; else `null`. */
  readonly offsets: Int32Array | null;
}

export type ColumnValues = Uint8Array | Int16Array | Int32Array | BigInt64Array | Float32Array | Float64Array;

/** Rows of one schema, column by column. The unit that operators push and exchanges send. */
export interface Batch {
  readonly schema: Schema;
  readonly numRows: number;
  readonly columns: readonly Column[];
}
