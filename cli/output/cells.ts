import { type Column, formatValue, getValue, type SqlType } from '../../columnar/index.ts';

/** A cell as SQL would write it; `null` for NULL. */
export function cellText(column: Column, row: number): string | null {
  const value = getValue(column, row);
  if (value === null) return null;
  return typeof value === 'boolean' ? String(value) : formatValue(column.type, value);
}

const numbers: ReadonlySet<SqlType['kind']> = new Set(['int2', 'int4', 'int8', 'float4', 'float8', 'numeric']);

export function isNumber(type: SqlType): boolean {
  return numbers.has(type.kind);
}
