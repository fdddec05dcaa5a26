import {
  Schema as ArrowSchema,
  Binary,
  Bool,
  DataType,
  DateDay,
  Decimal,
  Field,
  Float32,
  Float64,
  Int16,
  Int32,
  Int64,
  IntervalMonthDayNano,
  Precision,
  TimestampMicrosecond,
  Utf8,
} from 'apache-arrow';
import { numericPrecisionMax } from './decimal.ts';
import { QueryError } from './error.ts';
import { types } from './sql-types.ts';
import type { Schema, SqlType } from './types.ts';

export function schemaToArrow(schema: Schema): ArrowSchema {
  return new ArrowSchema(schema.fields.map(({ name, type }) => new Field(name, typeToArrow(type), true)));
}

/** The Arrow type of the same buffers. */
export function typeToArrow(type: SqlType): DataType {
  switch (type.kind) {
    case 'boolean':
      return new Bool();
    case 'int2':
      return new Int16();
    case 'int4':
      return new Int32();
    case 'int8':
      return new Int64();
    case 'float4':
      return new Float32();
    case 'float8':
      return new Float64();
    case 'numeric':
      return new Decimal(type.scale, type.precision, 128);
    case 'text':
      return new Utf8();
    case 'bytea':
      return new Binary();
    case 'date':
      return new DateDay();
    case 'timestamp':
      return new TimestampMicrosecond();
    case 'timestamptz':
      return new TimestampMicrosecond('UTC');
    case 'interval':
      return new IntervalMonthDayNano();
  }
}

/** @throws QueryError unsupported, naming the column, for types that SQL has no equal of */
export function schemaFromArrow(schema: ArrowSchema): Schema {
  return {
    fields: schema.fields.map(({ name, type }) => {
      const known = typeFromArrow(type);
      if (known === null) {
        throw new QueryError('unsupported', `column "${name}" has the Arrow type ${type}, which has no SQL type`);
      }
      return { name, type: known };
    }),
  };
}

/**
 * The SQL type that `fromArrow` reads an Arrow type as; `null` for nested types and times of day.
 * Unsigned integers become the next wider signed ones, Uint64 numeric(20,0), columns of nothing but NULL text.
 */
export function typeFromArrow(type: DataType): SqlType | null {
  if (DataType.isDictionary(type)) return typeFromArrow(type.dictionary);
  if (DataType.isInt(type)) return integerFromArrow(type.bitWidth, type.isSigned);
  if (DataType.isFloat(type)) return type.precision === Precision.DOUBLE ? types.float8 : types.float4;
  if (DataType.isDecimal(type)) return decimalFromArrow(type);
  if (DataType.isTimestamp(type)) return type.timezone ? types.timestamptz : types.timestamp;
  if (DataType.isBool(type)) return types.boolean;
  if (DataType.isNull(type)) return types.text;
  if (DataType.isUtf8(type) || DataType.isLargeUtf8(type) || DataType.isUtf8View(type)) return types.text;
  if (DataType.isDate(type)) return types.date;
  if (DataType.isInterval(type) || DataType.isDuration(type)) return types.interval;
  if (DataType.isBinary(type) || DataType.isLargeBinary(type) || DataType.isBinaryView(type)) return types.bytea;
  return DataType.isFixedSizeBinary(type) ? types.bytea : null;
}

function integerFromArrow(bitWidth: number, isSigned: boolean): SqlType {
  // An unsigned integer needs one bit more.
  const bits = isSigned ? bitWidth : bitWidth + 1;
  if (bits <= 16) return types.int2;
  if (bits <= 32) return types.int4;
  return bits <= 64 ? types.int8 : types.numeric(20, 0);
}

function decimalFromArrow({ bitWidth, precision, scale }: Decimal): SqlType | null {
  if (bitWidth !== 128 || precision > numericPrecisionMax || scale < 0 || scale > precision) return null;
  return types.numeric(precision, scale);
}
