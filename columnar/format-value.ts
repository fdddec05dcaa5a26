import { civilFromDays } from './calendar.ts';
import { formatDecimal } from './decimal.ts';
import { formatFloat4, formatFloat8 } from './float-text.ts';
import { microsPerDay } from './interval.ts';
import { formatInterval, formatTime } from './interval-text.ts';
import type { Interval, SqlType, SqlValue } from './types.ts';

/** A value as PostgreSQL prints it (DateStyle ISO, time zone UTC, IntervalStyle postgres, bytea_output hex). */
export function formatValue(type: SqlType, value: SqlValue): string {
  switch (type.kind) {
    case 'boolean':
      return value ? 't' : 'f';
    case 'int2':
    case 'int4':
    case 'int8':
      return String(value);
    case 'float4':
      return formatFloat4(value as number);
    case 'float8':
      return formatFloat8(value as number);
    case 'numeric':
      return formatDecimal(value as bigint, type.scale);
    case 'text':
      return value as string;
    case 'bytea': {
      const bytes = value as Uint8Array;
      return `\\x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')}`;
    }
    case 'date': {
      const { date, era } = dateParts(value as number);
      return date + era;
    }
    case 'timestamp':
      return formatTimestamp(value as bigint, '');
    case 'timestamptz':
      return formatTimestamp(value as bigint, '+00');
    case 'interval':
      return formatInterval(value as Interval);
  }
}

function dateParts(days: number): { readonly date: string; readonly era: string } {
  const { year, month, day } = civilFromDays(days);
  const before = year <= 0;
  const digits = String(before ? 1 - year : year).padStart(4, '0');
  return { date: `${digits}-${twoDigits(month)}-${twoDigits(day)}`, era: before ? ' BC' : '' };
}

function formatTimestamp(micros: bigint, zone: string): string {
  const timeOfDay = ((micros % microsPerDay) + microsPerDay) % microsPerDay;
  const { date, era } = dateParts(Number((micros - timeOfDay) / microsPerDay));
  return `${date} ${formatTime(timeOfDay)}${zone}${era}`;
}

function twoDigits(value: number): string {
  return value.toString().padStart(2, '0');
}
