import type { SqlType } from '../columnar/index.ts';
import { numericPrecisionMax, typeFromName, types } from '../columnar/index.ts';
import type { TypeName } from '../parser/index.ts';
import { fail, located } from './fail.ts';
import { asNumeric } from './numeric-types.ts';
import { didYouMean } from './suggest.ts';

/** Names worth suggesting. */
const typeNames = [
  'boolean',
  'smallint',
  'integer',
  'int',
  'bigint',
  'real',
  'double precision',
  'float',
  'numeric',
  'decimal',
  'text',
  'varchar',
  'bytea',
  'date',
  'timestamp',
  'timestamptz',
  'interval',
  'int2',
  'int4',
  'int8',
  'float4',
  'float8',
];

/** @throws QueryError unknownType, with a suggestion */
export function bindType(name: TypeName): SqlType {
  const type = located(name.span, () => typeFromName(name.name, name.args));
  return type ?? fail('unknownType', `type "${name.name}" does not exist`, name.span, didYouMean(name.name, typeNames));
}

/**
 * The type that a cast to `name` gives. Bare `numeric` keeps the digits of what it is given, where these
 * are known, because PostgreSQL's has no fixed scale.
 */
export function bindCastType(name: TypeName, from: SqlType): SqlType {
  const type = bindType(name);
  const exact = asNumeric(from);
  if (type.kind !== 'numeric' || name.args.length > 0 || exact === null) return type;
  return types.numeric(numericPrecisionMax, exact.scale);
}
