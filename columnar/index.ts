export { schemaFromArrow } from './arrow-schema.ts';
export type { Batch, Column, ColumnValues } from './batch.ts';
export { bitmapBytes, clearBit, getBit } from './bitmap.ts';
export {
  batchFromRows,
  batchToRows,
  booleanColumn,
  columnFromValues,
  columnOf,
  constantColumn,
  textColumn,
} from './build.ts';
export { type CivilDate, civilFromDays, daysFromCivil, daysInMonth } from './calendar.ts';
export { decodeCbor, encodeCbor } from './cbor.ts';
export { decodeBatch, encodeBatch, encodedRowsMax } from './codec.ts';
export { ColumnBuilder } from './column-builder.ts';
export { type CellComparator, compareValues } from './compare.ts';
export { concatBatches } from './concat.ts';
export {
  type Decimal,
  formatDecimal,
  numericFits,
  numericPrecisionMax,
  parseDecimal,
  powerOfTen,
  rescale,
} from './decimal.ts';
export { rowEquality, rowsWithNull } from './equality.ts';
export { type ErrorCode, type ErrorDetail, QueryError, SQLSTATE } from './error.ts';
export { formatValue } from './format-value.ts';
export { fromArrow } from './from-arrow.ts';
export { hashRows } from './hash.ts';
export { intervalSpan, intervalToMs } from './interval.ts';
export { parseValue } from './parse-value.ts';
export { partitionRows } from './partition.ts';
export { partitionKey, partitionKeys } from './partition-key.ts';
export { postgresOid, postgresTypeModifier, postgresTypeSize } from './postgres-types.ts';
export { getValue, isValid } from './read.ts';
export { batchBytes, selectColumns, sliceBatch, sliceColumn } from './slice.ts';
export { isSqlType, typeFromName, typeName, types, typesEqual } from './sql-types.ts';
export { takeColumn, takeRows } from './take.ts';
export { arrowStream } from './to-arrow.ts';
export type { Field, Interval, Schema, SqlType, SqlValue, TypeKind } from './types.ts';
export { readInterval, readNumeric, writeInterval, writeNumeric } from './words.ts';
