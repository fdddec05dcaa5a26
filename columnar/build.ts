import assert from 'node:assert/strict';
import type { Batch, Column, ColumnValues } from './batch.ts';
import { allSet, bitmapBytes, setBit } from './bitmap.ts';
import { ColumnBuilder } from './column-builder.ts';
import { layoutOf } from './layout.ts';
import { columnToValues } from './read.ts';
import { types } from './sql-types.ts';
import type { Schema, SqlType, SqlValue } from './types.ts';

/**
 * A column of fixed width around arrays that already have the layout of `Column.values`; nothing is copied.
 *
 * @param values for boolean the packed bits
 * @param validity bitmap, or `null` when nothing is NULL
 * @param length rows; needed for boolean, whose bits do not tell
 */
export function columnFromValues(
  type: SqlType,
  values: ColumnValues,
  validity: Uint8Array | null = null,
  length: number = rowsIn(type, values),
): Column {
  const layout = layoutOf(type);
  assert(layout.kind !== 'bytes', 'text and bytea need offsets');
  if (layout.kind === 'fixed') {
    assert(values instanceof layout.array && values.length === length * layout.width, `values are not ${type.kind}`);
  } else {
    assert(values instanceof Uint8Array && values.length === bitmapBytes(length), 'values are not a bitmap');
  }
  assert(validity === null || validity.length === bitmapBytes(length));
  return { type, length, validity, values, offsets: null };
}

function rowsIn(type: SqlType, values: ColumnValues): number {
  const layout = layoutOf(type);
  assert(layout.kind === 'fixed', `${type.kind} needs a length`);
  return values.length / layout.width;
}

/** A boolean column from one byte a row; not 0 is true. */
export function booleanColumn(flags: Uint8Array, validity: Uint8Array | null = null): Column {
  const bits = new Uint8Array(bitmapBytes(flags.length));
  for (let row = 0; row < flags.length; row++) {
    if (flags[row] !== 0) setBit(bits, row);
  }
  return columnFromValues(types.boolean, bits, validity, flags.length);
}

export function textColumn(strings: readonly (string | null)[]): Column {
  return columnOf(types.text, strings);
}

/** A column of any type from single values. */
export function columnOf(type: SqlType, values: readonly (SqlValue | null)[]): Column {
  const builder = new ColumnBuilder(type, values.length);
  for (const value of values) builder.append(value);
  return builder.finish();
}

/** One value, `length` times. */
export function constantColumn(type: SqlType, value: SqlValue | null, length: number): Column {
  if (type.kind === 'boolean' && value !== null) {
    const values = value === true ? allSet(length) : new Uint8Array(bitmapBytes(length));
    return columnFromValues(type, values, null, length);
  }
  const builder = new ColumnBuilder(type, length);
  for (let row = 0; row < length; row++) builder.append(value);
  return builder.finish();
}

/** @throws QueryError typeMismatch, outOfRange when a value does not fit its column */
export function batchFromRows(schema: Schema, rows: readonly (readonly (SqlValue | null)[])[]): Batch {
  const columns = schema.fields.map(({ type }, index) => {
    const builder = new ColumnBuilder(type, rows.length);
    for (const row of rows) {
      assert(row.length === schema.fields.length, 'a row has another number of columns than the schema');
      builder.append(row[index] as SqlValue | null);
    }
    return builder.finish();
  });
  return { schema, numRows: rows.length, columns };
}

/** Values as they are kept: a numeric is its digits as an integer, without the scale; `formatValue` makes text of any. */
export function batchToRows(batch: Batch): (SqlValue | null)[][] {
  const columns = batch.columns.map(columnToValues);
  return Array.from({ length: batch.numRows }, (_, row) => columns.map((values) => values[row] as SqlValue | null));
}

export function emptyBatch(schema: Schema): Batch {
  return batchFromRows(schema, []);
}
