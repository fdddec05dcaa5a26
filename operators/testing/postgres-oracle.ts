import { PGlite } from '@electric-sql/pglite';
import {
  type Batch,
  batchFromRows,
  type Field,
  formatValue,
  getValue,
  QueryError,
  type SqlType,
  type SqlValue,
  typeName,
} from '../../columnar/index.ts';
import type { Expression, FunctionId } from '../../planner/index.ts';
import { compileProjection } from '../expression/compile.ts';

// For tests: what real PostgreSQL makes of a bound expression.

/** Every cell as text, or the SQLSTATE of the error that the expression raised. */
export type Outcome = readonly (string | null)[] | { readonly sqlState: string };

export async function startPostgres(): Promise<PGlite> {
  const database = await PGlite.create();
  await database.exec(`set time zone 'UTC'; set extra_float_digits = 1;
    -- Keeps literals from being folded: PostgreSQL would then skip, or raise, errors of other arguments.
    create function opaque(value anyelement) returns anyelement volatile language plpgsql as 'begin return value; end';`);
  return database;
}

/** A table in PostgreSQL and the same rows as a batch. */
export class PostgresOracle {
  readonly #database: PGlite;
  readonly #table: string;
  readonly #fields: readonly Field[];
  readonly batch: Batch;

  private constructor(database: PGlite, table: string, fields: readonly Field[], batch: Batch) {
    this.#database = database;
    this.#table = table;
    this.#fields = fields;
    this.batch = batch;
  }

  static async create(
    database: PGlite,
    table: string,
    fields: readonly Field[],
    rows: readonly (readonly (SqlValue | null)[])[],
  ): Promise<PostgresOracle> {
    const columns = fields.map(({ name, type }) => `${name} ${typeName(type)}`).join(', ');
    const tuples = rows.map((row, index) => {
      const cells = row.map((value, at) => sqlLiteral(fields[at]?.type as SqlType, value));
      return `(${[index, ...cells].join(', ')})`;
    });
    await database.exec(
      `create table ${table} (row_number int, ${columns}); insert into ${table} values ${tuples.join()}`,
    );
    return new PostgresOracle(database, table, fields, batchFromRows({ fields }, rows));
  }

  sql(expression: Expression): string {
    return toSql(expression, this.#fields);
  }

  async expected(expression: Expression): Promise<Outcome> {
    const sql = `select (${this.sql(expression)})::text as value from ${this.#table} order by row_number`;
    try {
      const { rows } = await this.#database.query<{ value: string | null }>(sql);
      return rows.map((row) => row.value);
    } catch (error) {
      const { code } = error as { code?: string };
      if (code === undefined || code.startsWith('42'))
        throw new Error(`the oracle cannot run ${sql}`, { cause: error });
      return { sqlState: code };
    }
  }

  actual(expression: Expression): Outcome {
    return evaluate(expression, this.batch);
  }
}

export function evaluate(expression: Expression, batch: Batch): Outcome {
  const { type } = expression;
  try {
    const [column] = compileProjection([expression])(batch);
    if (column === undefined) throw new Error('one expression makes one column');
    return Array.from({ length: batch.numRows }, (_, row) => {
      const value = getValue(column, row);
      if (value === null) return null;
      return type.kind === 'boolean' ? String(value) : formatValue(type, value);
    });
  } catch (error) {
    if (error instanceof QueryError) return { sqlState: error.sqlState };
    throw error;
  }
}

function sqlLiteral(type: SqlType, value: SqlValue | null): string {
  const text = value === null ? 'null' : `'${formatValue(type, value).replaceAll(`'`, `''`)}'`;
  return `${text}::${typeName(type)}`;
}

function toSql(expression: Expression, fields: readonly Field[]): string {
  const sql = (part: Expression): string => toSql(part, fields);
  switch (expression.kind) {
    case 'column':
      return fields[expression.index]?.name ?? '';
    case 'literal':
      return `opaque(${sqlLiteral(expression.type, expression.value)})`;
    case 'call': {
      const text = callSql[expression.function](expression.args.map(sql));
      return `(${text})${expression.type.kind === 'numeric' ? `::${typeName(expression.type)}` : ''}`;
    }
    case 'case': {
      const branches = expression.branches.map(({ when, then }) => `when ${sql(when)} then ${sql(then)}`);
      return `(case ${branches.join(' ')} else ${sql(expression.otherwise)} end)`;
    }
    case 'cast':
      return `(${sql(expression.input)})::${typeName(expression.type)}`;
    case 'in': {
      const values = expression.values.map((value) => sqlLiteral(expression.input.type, value));
      return `(${sql(expression.input)} in (${values.join(', ')}))`;
    }
  }
}

type Template = (args: readonly string[]) => string;

const infix =
  (operator: string): Template =>
  (args) =>
    args.join(` ${operator} `);

const named =
  (name: string): Template =>
  (args) =>
    `${name}(${args.join(', ')})`;

const callSql: Readonly<Record<FunctionId, Template>> = {
  add: infix('+'),
  subtract: infix('-'),
  multiply: infix('*'),
  divide: infix('/'),
  modulo: infix('%'),
  negate: ([a]) => `- (${a})`,
  abs: named('abs'),
  power: named('power'),
  sqrt: named('sqrt'),
  exp: named('exp'),
  ln: named('ln'),
  log10: named('log10'),
  floor: named('floor'),
  ceil: named('ceil'),
  round: named('round'),
  trunc: named('trunc'),
  roundTo: named('round'),
  truncTo: named('trunc'),
  sign: named('sign'),
  greatest: named('greatest'),
  least: named('least'),
  equal: infix('='),
  notEqual: infix('<>'),
  less: infix('<'),
  lessOrEqual: infix('<='),
  greater: infix('>'),
  greaterOrEqual: infix('>='),
  isDistinctFrom: infix('is distinct from'),
  and: infix('and'),
  or: infix('or'),
  not: ([a]) => `not (${a})`,
  isNull: ([a]) => `(${a}) is null`,
  isTrue: ([a]) => `(${a}) is true`,
  isFalse: ([a]) => `(${a}) is false`,
  coalesce: named('coalesce'),
  nullIf: named('nullif'),
  concatenate: infix('||'),
  concat: named('concat'),
  lower: named('lower'),
  upper: named('upper'),
  length: named('length'),
  octetLength: named('octet_length'),
  trim: named('btrim'),
  trimStart: named('ltrim'),
  trimEnd: named('rtrim'),
  substring: named('substr'),
  left: named('left'),
  right: named('right'),
  replace: named('replace'),
  position: named('strpos'),
  startsWith: named('starts_with'),
  splitPart: named('split_part'),
  reverse: named('reverse'),
  repeat: named('repeat'),
  leftPad: named('lpad'),
  rightPad: named('rpad'),
  like: infix('like'),
  ilike: infix('ilike'),
  md5: named('md5'),
  // `date_part` gives a float8; only `extract` gives a numeric, and wants its field unquoted.
  extract: ([field, value]) => `extract(${/'(\w+)'/.exec(field ?? '')?.[1]} from ${value})`,
  dateTrunc: named('date_trunc'),
  dateAddDays: infix('+'),
  dateSubtractDays: infix('-'),
  dateDifference: infix('-'),
  addInterval: infix('+'),
  subtractInterval: infix('-'),
  timestampDifference: infix('-'),
  intervalAdd: infix('+'),
  intervalSubtract: infix('-'),
  intervalNegate: ([a]) => `- (${a})`,
  intervalMultiply: infix('*'),
  makeDate: named('make_date'),
  toTimestamp: named('to_timestamp'),
};
