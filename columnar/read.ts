import type { Column } from './batch.ts';
import { getBit } from './bitmap.ts';
import type { SqlValue } from './types.ts';
import { decodeUtf8, isAscii } from './utf8.ts';
import { readInterval, readNumeric } from './words.ts';

export function isValid(column: Column, row: number): boolean {
  return column.validity === null || getBit(column.validity, row);
}

/** One cell. Not for hot loops: those work on the column's buffers. */
export function getValue(column: Column, row: number): SqlValue | null {
  return isValid(column, row) ? valueAt(column, row) : null;
}

function valueAt(column: Column, row: number): SqlValue {
  const { type, values } = column;
  switch (type.kind) {
    case 'boolean':
      return getBit(values as Uint8Array, row);
    case 'text': {
      const [start, end] = bytesAt(column, row);
      return decodeUtf8(values as Uint8Array, start, end);
    }
    case 'bytea': {
      const [start, end] = bytesAt(column, row);
      return (values as Uint8Array).slice(start, end);
    }
    case 'numeric':
      return readNumeric(values as BigInt64Array, row);
    case 'interval':
      return readInterval(values as Int32Array, row);
    case 'int2':
    case 'int4':
    case 'int8':
    case 'float4':
    case 'float8':
    case 'date':
    case 'timestamp':
    case 'timestamptz':
      return values[row] as number | bigint;
  }
}

function bytesAt(column: Column, row: number): [start: number, end: number] {
  const offsets = column.offsets as Int32Array;
  return [offsets[row] as number, offsets[row + 1] as number];
}

/** All cells. Text that is ASCII throughout is decoded at once, which is an order of magnitude faster. */
export function columnToValues(column: Column): (SqlValue | null)[] {
  const { length } = column;
  if (column.type.kind !== 'text') return Array.from({ length }, (_, row) => getValue(column, row));
  const offsets = column.offsets as Int32Array;
  const bytes = column.values as Uint8Array;
  const start = offsets[0] as number;
  const end = offsets[length] as number;
  if (!isAscii(bytes, start, end)) return Array.from({ length }, (_, row) => getValue(column, row));
  const all = decodeUtf8(bytes, start, end);
  return Array.from({ length }, (_, row) =>
    isValid(column, row) ? all.slice((offsets[row] as number) - start, (offsets[row + 1] as number) - start) : null,
  );
}
