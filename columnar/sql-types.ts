import { numericPrecisionMax } from './decimal.ts';
import { QueryError } from './error.ts';
import type { SqlType, TypeKind } from './types.ts';

/** Every SQL type, ready to use. */
export const types = {
  boolean: { kind: 'boolean' },
  int2: { kind: 'int2' },
  int4: { kind: 'int4' },
  int8: { kind: 'int8' },
  float4: { kind: 'float4' },
  float8: { kind: 'float8' },
  text: { kind: 'text' },
  bytea: { kind: 'bytea' },
  date: { kind: 'date' },
  timestamp: { kind: 'timestamp' },
  timestamptz: { kind: 'timestamptz' },
  interval: { kind: 'interval' },
  numeric: (precision: number, scale: number): SqlType => ({ kind: 'numeric', precision, scale }),
} as const;

/**
 * What `numeric` without arguments means. PostgreSQL's is unbounded; in 128 bits a choice must be made, and
 * this one leaves 28 digits before the point.
 */
const numericByDefault = types.numeric(numericPrecisionMax, 10);

export function typesEqual(a: SqlType, b: SqlType): boolean {
  if (a.kind === 'numeric' && b.kind === 'numeric') return a.precision === b.precision && a.scale === b.scale;
  return a.kind === b.kind;
}

/** Whether something from the wire is one of our types, and nothing more than that. */
export function isSqlType(value: unknown): value is SqlType {
  if (typeof value !== 'object' || value === null || !('kind' in value)) return false;
  const { kind, ...parameters } = value;
  if (kind !== 'numeric') {
    return typeof kind === 'string' && Object.hasOwn(postgresNames, kind) && Object.keys(parameters).length === 0;
  }
  const { precision, scale, ...others } = parameters as Partial<Record<string, unknown>>;
  const isCount = (count: unknown, max: number): count is number =>
    Number.isInteger(count) && Number(count) >= 0 && Number(count) <= max;
  return (
    isCount(precision, numericPrecisionMax) &&
    precision > 0 &&
    isCount(scale, precision) &&
    Object.keys(others).length === 0
  );
}

const postgresNames: { readonly [K in TypeKind]: string } = {
  boolean: 'boolean',
  int2: 'smallint',
  int4: 'integer',
  int8: 'bigint',
  float4: 'real',
  float8: 'double precision',
  numeric: 'numeric',
  text: 'text',
  bytea: 'bytea',
  date: 'date',
  timestamp: 'timestamp without time zone',
  timestamptz: 'timestamp with time zone',
  interval: 'interval',
};

/** The type as PostgreSQL shows it to people: `integer`, `numeric(10,2)`, `timestamp with time zone`. */
export function typeName(type: SqlType): string {
  const name = postgresNames[type.kind];
  return type.kind === 'numeric' ? `${name}(${type.precision},${type.scale})` : name;
}

const typesByName: ReadonlyMap<string, SqlType> = new Map<string, SqlType>([
  ['bool', types.boolean],
  ['boolean', types.boolean],
  ['int2', types.int2],
  ['smallint', types.int2],
  ['int', types.int4],
  ['int4', types.int4],
  ['integer', types.int4],
  ['int8', types.int8],
  ['bigint', types.int8],
  ['float4', types.float4],
  ['real', types.float4],
  ['float8', types.float8],
  ['double precision', types.float8],
  ['double', types.float8],
  ['text', types.text],
  ['string', types.text],
  ['name', types.text],
  ['bytea', types.bytea],
  ['date', types.date],
]);

const textNames: ReadonlySet<string> = new Set(['varchar', 'character varying', 'char', 'character', 'bpchar']);

const timeNames: ReadonlyMap<string, SqlType> = new Map<string, SqlType>([
  ['timestamp', types.timestamp],
  ['timestamp without time zone', types.timestamp],
  ['timestamptz', types.timestamptz],
  ['timestamp with time zone', types.timestamptz],
  ['interval', types.interval],
]);

/** Fractional digits of a second that timestamps and intervals keep. */
const secondDigits = 6;

/**
 * The type that a name of PostgreSQL's and its arguments stand for; `null` when there is none.
 * `varchar(n)` and `char(n)` are plain text: their length is not enforced. Bare `numeric` is numeric(38,10).
 *
 * @param name as written, in any case, words joined by one blank
 * @throws QueryError invalidParameter for a precision or scale out of range; unsupported for `timestamp(3)`
 */
export function typeFromName(name: string, args: readonly number[] = []): SqlType | null {
  const known = name.toLowerCase();
  switch (known) {
    case 'numeric':
    case 'decimal':
    case 'dec':
      return numericFromArgs(args);
    case 'float':
      return floatFromArgs(args);
  }
  const time = timeNames.get(known);
  if (time !== undefined) return timeFromArgs(known, time, args);
  if (textNames.has(known)) return textFromArgs(known, args);
  return args.length === 0 ? (typesByName.get(known) ?? null) : null;
}

function numericFromArgs(args: readonly number[]): SqlType | null {
  const [precision, scale = 0] = args;
  if (precision === undefined) return numericByDefault;
  if (args.length > 2) return null;
  if (!Number.isInteger(precision) || precision < 1 || precision > numericPrecisionMax) {
    throw new QueryError(
      'invalidParameter',
      `NUMERIC precision ${precision} must be between 1 and ${numericPrecisionMax}`,
    );
  }
  if (!Number.isInteger(scale) || scale < 0 || scale > precision) {
    throw new QueryError('invalidParameter', `NUMERIC scale ${scale} must be between 0 and precision ${precision}`);
  }
  return types.numeric(precision, scale);
}

/** `float(p)`: binary digits of the mantissa, as SQL has it. */
function floatFromArgs(args: readonly number[]): SqlType | null {
  const [digits = 53] = args;
  if (args.length > 1) return null;
  if (!Number.isInteger(digits) || digits < 1) {
    throw new QueryError('invalidParameter', 'precision for type float must be at least 1 bit');
  }
  if (digits > 53) throw new QueryError('invalidParameter', 'precision for type float must be less than 54 bits');
  return digits <= 24 ? types.float4 : types.float8;
}

function timeFromArgs(name: string, type: SqlType, args: readonly number[]): SqlType | null {
  const [digits = secondDigits] = args;
  if (args.length > 1) return null;
  if (digits !== secondDigits) {
    throw new QueryError('unsupported', `${name}(${digits}) is not supported`, {
      hint: `Use ${name}, which keeps microseconds.`,
    });
  }
  return type;
}

function textFromArgs(name: string, args: readonly number[]): SqlType | null {
  const [length = 1] = args;
  if (args.length > 1) return null;
  if (!Number.isInteger(length) || length < 1) {
    throw new QueryError('invalidParameter', `length for type ${name} must be at least 1`);
  }
  return types.text;
}
