import { parseDecimal, parseValue, QueryError, rescale, type SqlType, type SqlValue } from '../../columnar/index.ts';

const dayMs = 86_400_000;

/**
 * A value as programs write it, turned into the type of its column:
 * boolean <- boolean; int2, int4, int8 <- whole number, bigint; float4, float8 <- number, bigint;
 * numeric <- number, bigint, string; text <- string; bytea <- Uint8Array; date <- Date (its UTC day),
 * days since 1970, string; timestamp, timestamptz <- Date, microseconds since 1970 as bigint, string;
 * interval <- Interval, string. NULL <- null, undefined.
 * @throws QueryError `typeMismatch`, or the code of the conversion that failed
 */
export function rowValue(type: SqlType, value: unknown): SqlValue | null {
  if (value === null || value === undefined) return null;
  switch (type.kind) {
    case 'boolean':
      if (typeof value === 'boolean') return value;
      break;
    case 'int2':
    case 'int4':
      if (typeof value === 'bigint') return Number(value);
      if (Number.isInteger(value)) return value as number;
      break;
    case 'int8':
      if (typeof value === 'bigint') return value;
      if (Number.isSafeInteger(value)) return BigInt(value as number);
      break;
    case 'float4':
    case 'float8':
      if (typeof value === 'number' || typeof value === 'bigint') return Number(value);
      break;
    case 'numeric':
      if (typeof value === 'bigint') return rescale(value, 0, type.scale);
      if (typeof value === 'number' && parseDecimal(String(value))) return parseValue(type, String(value));
      break;
    case 'text':
      if (typeof value === 'string') return value;
      break;
    case 'bytea':
      if (value instanceof Uint8Array) return value;
      break;
    case 'date':
      if (isInstant(value)) return Math.floor(value.getTime() / dayMs);
      if (Number.isInteger(value)) return value as number;
      break;
    case 'timestamp':
    case 'timestamptz':
      if (isInstant(value)) return BigInt(value.getTime()) * 1_000n;
      if (typeof value === 'bigint') return value;
      break;
    case 'interval':
      if (isInterval(value)) return value;
      break;
  }
  if (typeof value === 'string' && type.kind in writtenAsText) return parseValue(type, value);
  throw new QueryError('typeMismatch', `${describe(value)} is not a value of that type`);
}

const writtenAsText = { numeric: true, date: true, timestamp: true, timestamptz: true, interval: true } as const;

function isInstant(value: unknown): value is Date {
  return value instanceof Date && !Number.isNaN(value.getTime());
}

function isInterval(value: unknown): value is Extract<SqlValue, { months: number }> {
  return (
    typeof value === 'object' &&
    value !== null &&
    'months' in value &&
    'days' in value &&
    'micros' in value &&
    Number.isInteger(value.months) &&
    Number.isInteger(value.days) &&
    typeof value.micros === 'bigint'
  );
}

function describe(value: unknown): string {
  const text =
    typeof value === 'string' ? JSON.stringify(value) : value instanceof Date ? 'an invalid Date' : String(value);
  return `${text.length > 40 ? `${text.slice(0, 40)}…` : text} (${typeof value})`;
}
