import type { SqlType, TypeKind } from '../columnar/index.ts';
import { typesEqual } from '../columnar/index.ts';
import { asNumeric, commonNumeric } from './numeric-types.ts';

/** Who asks for a cast: the rules of an expression, the assignment of an INSERT, or the query itself. */
export type CastStrength = 'implicit' | 'assignment' | 'explicit';

// PostgreSQL's pg_cast for our types. Anything may also be assigned to text, and text cast explicitly to anything.
const implicitCasts: { readonly [K in TypeKind]: readonly TypeKind[] } = {
  boolean: [],
  int2: ['int4', 'int8', 'numeric', 'float4', 'float8'],
  int4: ['int8', 'numeric', 'float4', 'float8'],
  int8: ['numeric', 'float4', 'float8'],
  numeric: ['numeric', 'float4', 'float8'],
  float4: ['float8'],
  float8: [],
  text: [],
  bytea: [],
  date: ['timestamp', 'timestamptz'],
  timestamp: ['timestamptz'],
  timestamptz: [],
  interval: [],
};

const assignmentCasts: { readonly [K in TypeKind]?: readonly TypeKind[] } = {
  int4: ['int2'],
  int8: ['int2', 'int4'],
  numeric: ['int2', 'int4', 'int8'],
  float4: ['int2', 'int4', 'int8', 'numeric'],
  float8: ['int2', 'int4', 'int8', 'numeric', 'float4'],
  timestamp: ['date'],
  timestamptz: ['date', 'timestamp'],
};

const explicitCasts: { readonly [K in TypeKind]?: readonly TypeKind[] } = {
  boolean: ['int4'],
  int4: ['boolean'],
};

export function castAllowed(from: SqlType, to: SqlType, strength: CastStrength): boolean {
  if (typesEqual(from, to) || implicitCasts[from.kind].includes(to.kind)) return true;
  if (strength === 'implicit') return false;
  if (to.kind === 'text' || assignmentCasts[from.kind]?.includes(to.kind)) return true;
  return strength === 'explicit' && (from.kind === 'text' || explicitCasts[from.kind]?.includes(to.kind) === true);
}

/** From narrow to wide; each converts implicitly to those after it. */
const numberOrder: readonly TypeKind[] = ['int2', 'int4', 'int8', 'numeric', 'float4', 'float8'];
const timeOrder: readonly TypeKind[] = ['date', 'timestamp', 'timestamptz'];

export function isNumber(type: SqlType): boolean {
  return numberOrder.includes(type.kind);
}

export function isInteger(type: SqlType): boolean {
  return type.kind === 'int2' || type.kind === 'int4' || type.kind === 'int8';
}

export function isTime(type: SqlType): boolean {
  return timeOrder.includes(type.kind);
}

/**
 * The type that values of both convert to implicitly: for CASE, UNION, IN, COALESCE and comparisons.
 * @returns `null` when there is none
 */
export function commonType(a: SqlType, b: SqlType): SqlType | null {
  if (typesEqual(a, b)) return a;
  const wider = widerOf(numberOrder, a, b) ?? widerOf(timeOrder, a, b);
  if (wider?.kind !== 'numeric') return wider;
  const [x, y] = [asNumeric(a), asNumeric(b)];
  return x === null || y === null ? wider : commonNumeric(x, y);
}

function widerOf(order: readonly TypeKind[], a: SqlType, b: SqlType): SqlType | null {
  const [i, j] = [order.indexOf(a.kind), order.indexOf(b.kind)];
  if (i < 0 || j < 0) return null;
  return i >= j ? a : b;
}
