import type { Interval, Schema, SqlType, SqlValue } from '../columnar/index.ts';
import { isSqlType, numericFits, QueryError, typesEqual } from '../columnar/index.ts';

// Readers for the small parts of a plan that a peer sent. Each builds fresh data from what it checked.

/** Columns of one schema. */
export const columnsMax = 4_096;
const nameCharsMax = 1_024;

export function invalid(what: string): never {
  throw new QueryError('protocol', `invalid plan: ${what}`);
}

export function readRecord(raw: unknown, what: string): Record<string, unknown> {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw) || ArrayBuffer.isView(raw))
    invalid(`${what} is no object`);
  return raw as Record<string, unknown>;
}

export function readArray(raw: unknown, what: string, lengthMax: number): readonly unknown[] {
  if (!Array.isArray(raw)) return invalid(`${what} is no list`);
  return raw.length <= lengthMax ? raw : invalid(`${what} has more than ${lengthMax} elements`);
}

/** A whole number from 0 to `max`. */
export function readCount(raw: unknown, what: string, max: number): number {
  const valid = typeof raw === 'number' && Number.isInteger(raw) && raw >= 0 && raw <= max;
  return valid ? raw : invalid(`${what} is no whole number from 0 to ${max}`);
}

export function readBoolean(raw: unknown, what: string): boolean {
  return typeof raw === 'boolean' ? raw : invalid(`${what} is neither true nor false`);
}

export function readText(raw: unknown, what: string): string {
  if (typeof raw !== 'string') return invalid(`${what} is no text`);
  return raw.length <= nameCharsMax ? raw : invalid(`${what} is longer than ${nameCharsMax} characters`);
}

export function readOneOf<T extends string>(raw: unknown, allowed: readonly T[], what: string): T {
  return allowed.find((candidate) => candidate === raw) ?? invalid(`${what} is none of ${allowed.join(', ')}`);
}

/** Positions below `width`. */
export function readPositions(raw: unknown, what: string, width: number): number[] {
  return readArray(raw, what, columnsMax).map((position) => readCount(position, what, width - 1));
}

export function readType(raw: unknown): SqlType {
  return isSqlType(raw) ? raw : invalid('there is no such type');
}

export function readSchema(raw: unknown): Schema {
  const fields = readArray(readRecord(raw, 'schema')['fields'], 'fields', columnsMax).map((field) => {
    const { name, type } = readRecord(field, 'field');
    return { name: readText(name, 'column name'), type: readType(type) };
  });
  return { fields };
}

/** Same types in the same order; names may differ. */
export function requireTypes(given: Schema, expected: readonly SqlType[], what: string): void {
  const { fields } = given;
  const same =
    fields.length === expected.length &&
    fields.every(({ type }, index) => typesEqual(type, expected[index] as SqlType));
  if (!same) invalid(`${what} has other column types than its input gives`);
}

/** CBOR knows one kind of integer only: whole numbers become what `type` wants. */
export function readValue(raw: unknown, type: SqlType): SqlValue | null {
  if (raw === null) return null;
  return toValue(raw, type) ?? invalid(`a value is no ${type.kind}`);
}

function toValue(raw: unknown, type: SqlType): SqlValue | null {
  switch (type.kind) {
    case 'boolean':
      return typeof raw === 'boolean' ? raw : null;
    case 'int2':
      return toNumber(raw, 2 ** 15);
    case 'int4':
    case 'date':
      return toNumber(raw, 2 ** 31);
    case 'int8':
    case 'timestamp':
    case 'timestamptz':
      return toInt64(raw);
    case 'numeric': {
      const value = toBigint(raw);
      return value !== null && numericFits(value, type.precision) ? value : null;
    }
    case 'float4':
      return typeof raw === 'number' && Object.is(Math.fround(raw), raw) ? raw : null;
    case 'float8':
      return typeof raw === 'number' ? raw : null;
    case 'text':
      return typeof raw === 'string' ? raw : null;
    case 'bytea':
      // A copy: decoders give views of the frame.
      return raw instanceof Uint8Array ? new Uint8Array(raw) : null;
    case 'interval':
      return toInterval(raw);
  }
}

/** A whole number from -limit to limit - 1. */
function toNumber(raw: unknown, limit: number): number | null {
  return typeof raw === 'number' && Number.isInteger(raw) && raw >= -limit && raw < limit ? raw : null;
}

function toBigint(raw: unknown): bigint | null {
  if (typeof raw === 'bigint') return raw;
  return typeof raw === 'number' && Number.isSafeInteger(raw) ? BigInt(raw) : null;
}

function toInt64(raw: unknown): bigint | null {
  const value = toBigint(raw);
  return value !== null && BigInt.asIntN(64, value) === value ? value : null;
}

function toInterval(raw: unknown): Interval | null {
  const { months, days, micros } = readRecord(raw, 'interval');
  const [m, d, u] = [toNumber(months, 2 ** 31), toNumber(days, 2 ** 31), toInt64(micros)];
  return m === null || d === null || u === null ? null : { months: m, days: d, micros: u };
}
