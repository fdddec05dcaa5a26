import type { SqlType, TypeKind } from './types.ts';

/** `pg_type.oid` and `pg_type.typlen`; -1 is of variable length. */
const wire: { readonly [K in TypeKind]: { readonly oid: number; readonly size: number } } = {
  boolean: { oid: 16, size: 1 },
  bytea: { oid: 17, size: -1 },
  int8: { oid: 20, size: 8 },
  int2: { oid: 21, size: 2 },
  int4: { oid: 23, size: 4 },
  text: { oid: 25, size: -1 },
  float4: { oid: 700, size: 4 },
  float8: { oid: 701, size: 8 },
  date: { oid: 1082, size: 4 },
  timestamp: { oid: 1114, size: 8 },
  timestamptz: { oid: 1184, size: 8 },
  interval: { oid: 1186, size: 16 },
  numeric: { oid: 1700, size: -1 },
};

/** The object id by which PostgreSQL's clients know the type. */
export function postgresOid(type: SqlType): number {
  return wire[type.kind].oid;
}

/** Bytes of a value in PostgreSQL's binary format; -1 when they vary. */
export function postgresTypeSize(type: SqlType): number {
  return wire[type.kind].size;
}

/** `atttypmod`: how PostgreSQL's row description tells precision and scale of a numeric; else -1. */
export function postgresTypeModifier(type: SqlType): number {
  return type.kind === 'numeric' ? ((type.precision << 16) | type.scale) + 4 : -1;
}
