/** A column's SQL type. Plain data: it travels inside plans and the catalog. */
export type SqlType =
  | { readonly kind: 'boolean' }
  | { readonly kind: 'int2' }
  | { readonly kind: 'int4' }
  | { readonly kind: 'int8' }
  | { readonly kind: 'float4' }
  | { readonly kind: 'float8' }
  /** Decimal128: `precision` 1..38 digits in all, `scale` 0..precision of them behind the point. */
  | { readonly kind: 'numeric'; readonly precision: number; readonly scale: number }
  | { readonly kind: 'text' }
  | { readonly kind: 'bytea' }
  | { readonly kind: 'date' }
  | { readonly kind: 'timestamp' }
  | { readonly kind: 'timestamptz' }
  | { readonly kind: 'interval' };

export type TypeKind = SqlType['kind'];

/** PostgreSQL's interval: the three parts do not convert into each other. */
export interface Interval {
  readonly months: number;
  readonly days: number;
  readonly micros: bigint;
}

/**
 * One value outside a column: literals, results for people, generated scalar code.
 * boolean -> boolean; int2, int4, float4, float8 -> number; int8 -> bigint;
 * numeric -> bigint, unscaled (value * 10^scale); text -> string; bytea -> Uint8Array;
 * date -> number of days since 1970-01-01; timestamp, timestamptz -> bigint microseconds since
 * 1970-01-01 00:00 (UTC for timestamptz); interval -> Interval.
 */
export type SqlValue = boolean | number | bigint | string | Uint8Array | Interval;

export interface Field {
  readonly name: string;
  readonly type: SqlType;
}

export interface Schema {
  readonly fields: readonly Field[];
}
