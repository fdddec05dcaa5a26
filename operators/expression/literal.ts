import type { SqlType, SqlValue } from '../../columnar/index.ts';

/** A literal as a cell of its type would hold it: a float4 has fewer digits than what was written. */
export function asCell(type: SqlType, value: SqlValue): SqlValue {
  return type.kind === 'float4' && typeof value === 'number' ? Math.fround(value) : value;
}
