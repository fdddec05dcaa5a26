import type { Schema, SqlType, SqlValue } from '../columnar/index.ts';
import { formatValue, typeName } from '../columnar/index.ts';
import type { FunctionId } from './functions.ts';
import type { AggregateCall, Expression, SortKey } from './plan.ts';

/** How tightly operators bind, as PostgreSQL's do. */
const binary: { readonly [K in FunctionId]?: readonly [operator: string, precedence: number] } = {
  or: ['OR', 1],
  and: ['AND', 2],
  equal: ['=', 5],
  notEqual: ['<>', 5],
  less: ['<', 5],
  lessOrEqual: ['<=', 5],
  greater: ['>', 5],
  greaterOrEqual: ['>=', 5],
  isDistinctFrom: ['IS DISTINCT FROM', 4],
  like: ['LIKE', 6],
  ilike: ['ILIKE', 6],
  concatenate: ['||', 7],
  add: ['+', 8],
  subtract: ['-', 8],
  dateAddDays: ['+', 8],
  dateSubtractDays: ['-', 8],
  dateDifference: ['-', 8],
  addInterval: ['+', 8],
  subtractInterval: ['-', 8],
  timestampDifference: ['-', 8],
  intervalAdd: ['+', 8],
  intervalSubtract: ['-', 8],
  multiply: ['*', 9],
  divide: ['/', 9],
  modulo: ['%', 9],
  intervalMultiply: ['*', 9],
  power: ['^', 10],
};

const suffixes: { readonly [K in FunctionId]?: string } = { isNull: 'IS NULL', isTrue: 'IS TRUE', isFalse: 'IS FALSE' };
const notPrecedence = 3;
const isPrecedence = 4;
const inPrecedence = 6;
const signPrecedence = 11;
const atom = 13;

interface Printed {
  readonly sql: string;
  readonly precedence: number;
}

/** An expression as SQL; columns by the names in `input`, or by position when the rows are not known. */
export function expressionSql(expression: Expression, input: Schema | null): string {
  return print(expression, input).sql;
}

function print(expression: Expression, input: Schema | null): Printed {
  switch (expression.kind) {
    case 'column':
      return { sql: columnName(input, expression.index), precedence: atom };
    case 'literal': {
      const sql = literalSql(expression.value, expression.type);
      return { sql, precedence: sql.startsWith('-') ? signPrecedence : atom };
    }
    case 'call':
      return printCall(expression.function, expression.args, input);
    case 'case': {
      const branches = expression.branches.map(({ when, then }) => {
        return ` WHEN ${expressionSql(when, input)} THEN ${expressionSql(then, input)}`;
      });
      return {
        sql: `CASE${branches.join('')} ELSE ${expressionSql(expression.otherwise, input)} END`,
        precedence: atom,
      };
    }
    case 'cast':
      return {
        sql: `${operand(expression.input, input, atom - 1)}::${typeName(expression.type)}`,
        precedence: atom - 1,
      };
    case 'in': {
      const values = expression.values.map((value) => literalSql(value, expression.input.type));
      return {
        sql: `${operand(expression.input, input, inPrecedence + 1)} IN (${values.join(', ')})`,
        precedence: inPrecedence,
      };
    }
  }
}

function printCall(id: FunctionId, args: readonly Expression[], input: Schema | null): Printed {
  const [first, second] = args as [Expression, Expression];
  const infix = binary[id];
  if (infix !== undefined) {
    const [operator, precedence] = infix;
    const chains = id === 'and' || id === 'or';
    const left = operand(first, input, precedence);
    const right = operand(second, input, chains ? precedence : precedence + 1);
    return { sql: `${left} ${operator} ${right}`, precedence };
  }
  const suffix = suffixes[id];
  if (suffix !== undefined)
    return { sql: `${operand(first, input, isPrecedence + 1)} ${suffix}`, precedence: isPrecedence };
  if (id === 'not') return { sql: `NOT ${operand(first, input, notPrecedence + 1)}`, precedence: notPrecedence };
  if (id === 'negate' || id === 'intervalNegate') {
    return { sql: `-${operand(first, input, signPrecedence + 1)}`, precedence: signPrecedence };
  }
  return { sql: `${snakeCase(id)}(${args.map((arg) => expressionSql(arg, input)).join(', ')})`, precedence: atom };
}

/** In parentheses unless it binds at least as tightly as `precedenceMin`. */
function operand(expression: Expression, input: Schema | null, precedenceMin: number): string {
  const { sql, precedence } = print(expression, input);
  return precedence >= precedenceMin ? sql : `(${sql})`;
}

function snakeCase(id: string): string {
  return id.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

export function literalSql(value: SqlValue | null, type: SqlType): string {
  if (value === null) return 'NULL';
  const text = formatValue(type, value);
  switch (type.kind) {
    case 'boolean':
      return value === true ? 'TRUE' : 'FALSE';
    case 'int2':
    case 'int4':
    case 'int8':
    case 'numeric':
      return text;
    case 'float4':
    case 'float8':
      return Number.isFinite(value as number) ? text : `'${text}'::${typeName(type)}`;
    case 'text':
      return quoted(text);
    default:
      return `${quoted(text)}::${type.kind}`;
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A column's name; with its position where the name alone does not tell. */
export function columnName(schema: Schema | null, index: number): string {
  const name = schema?.fields[index]?.name;
  if (schema === null || name === undefined) return `#${index}`;
  const unique = schema.fields.every((field, other) => other === index || field.name !== name);
  return unique ? identifier(name) : `${identifier(name)}#${index}`;
}

export function identifier(name: string): string {
  return /^[a-z_?][a-z0-9_?]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

export function aggregateSql({ function: name, argument, distinct }: AggregateCall, input: Schema | null): string {
  if (argument === null) return `${name}(*)`;
  return `${name}(${distinct ? 'DISTINCT ' : ''}${expressionSql(argument, input)})`;
}

/** PostgreSQL's default place of NULLs goes without saying. */
export function sortKeySql({ expression, descending, nullsFirst }: SortKey, input: Schema): string {
  const nulls = nullsFirst === descending ? '' : ` NULLS ${nullsFirst ? 'FIRST' : 'LAST'}`;
  return `${expressionSql(expression, input)}${descending ? ' DESC' : ''}${nulls}`;
}
