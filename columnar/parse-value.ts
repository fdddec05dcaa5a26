import { numericFits, parseDecimal, rescale } from './decimal.ts';
import { QueryError } from './error.ts';
import { parseInterval } from './interval-text.ts';
import { parseDate, parseTimestamp, parseTimestamptz } from './parse-datetime.ts';
import { typeName } from './sql-types.ts';
import type { SqlType, SqlValue } from './types.ts';

/**
 * Reads a value as PostgreSQL reads a string literal of the type.
 * @throws QueryError invalidText, invalidDatetime, outOfRange, datetimeOverflow or intervalOverflow, in PostgreSQL's words
 */
export function parseValue(type: SqlType, text: string): SqlValue {
  switch (type.kind) {
    case 'boolean':
      return parseBoolean(text);
    case 'int2':
    case 'int4':
      return Number(parseInteger(type, text));
    case 'int8':
      return parseInteger(type, text);
    case 'float4':
    case 'float8':
      return parseFloating(type, text);
    case 'numeric':
      return parseNumeric(type, text);
    case 'text':
      return text;
    case 'bytea':
      return parseBytea(text);
    case 'date':
      return parseDate(text);
    case 'timestamp':
      return parseTimestamp(text);
    case 'timestamptz':
      return parseTimestamptz(text);
    case 'interval':
      return parseInterval(text);
  }
}

const truths = ['true', 'yes', 'on', '1'];
const falsehoods = ['false', 'no', 'off', '0'];

/** Any beginning of a word that tells which word it is. */
function parseBoolean(text: string): boolean {
  const word = text.trim().toLowerCase();
  if (word !== '' && word !== 'o') {
    if (truths.some((truth) => truth.startsWith(word))) return true;
    if (falsehoods.some((falsehood) => falsehood.startsWith(word))) return false;
  }
  throw invalidSyntax('boolean', text);
}

const integerBits = { int2: 16, int4: 32, int8: 64 } as const;
/** More digits fit no integer type and need not be converted to know. */
const integerDigitsMax = 19;

function parseInteger(type: SqlType & { kind: 'int2' | 'int4' | 'int8' }, text: string): bigint {
  const match = /^\s*([+-]?)0*(\d+)\s*$/.exec(text);
  if (match === null) throw invalidSyntax(typeName(type), text);
  const [, sign, digits = ''] = match;
  const magnitude = digits.length <= integerDigitsMax ? BigInt(digits) : null;
  const value = magnitude === null ? null : sign === '-' ? -magnitude : magnitude;
  if (value === null || BigInt.asIntN(integerBits[type.kind], value) !== value) {
    throw new QueryError('outOfRange', `value "${text}" is out of range for type ${typeName(type)}`);
  }
  return value;
}

function parseFloating(type: SqlType & { kind: 'float4' | 'float8' }, text: string): number {
  const word = text.trim();
  const special = /^([+-]?)(nan|inf|infinity)$/i.exec(word);
  if (special !== null) {
    if (special[2]?.toLowerCase() === 'nan') return Number.NaN;
    return special[1] === '-' ? -Infinity : Infinity;
  }
  if (!/^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(word)) throw invalidSyntax(typeName(type), text);
  const value = type.kind === 'float4' ? Math.fround(Number(word)) : Number(word);
  const vanished = value === 0 && /[1-9]/.test(word.replace(/e.*$/i, ''));
  if (!Number.isFinite(value) || vanished) {
    throw new QueryError('outOfRange', `"${word}" is out of range for type ${typeName(type)}`);
  }
  return value;
}

function parseNumeric(type: SqlType & { kind: 'numeric' }, text: string): bigint {
  const decimal = parseDecimal(text.trim());
  if (decimal === null) throw invalidSyntax('numeric', text);
  const value = rescale(decimal.unscaled, decimal.scale, type.scale);
  if (!numericFits(value, type.precision)) {
    throw new QueryError('outOfRange', 'numeric field overflow', {
      hint: `A field with precision ${type.precision}, scale ${type.scale} must round to an absolute value less than 10^${type.precision - type.scale}.`,
    });
  }
  return value;
}

/** `\x` and hexadecimal digits, or text with `\\` and octal `\000`. */
function parseBytea(text: string): Uint8Array {
  if (text.startsWith('\\x')) {
    const digits = text.slice(2).replace(/\s/g, '');
    const odd = /[^0-9a-f]/i.exec(digits);
    if (odd !== null) throw new QueryError('invalidParameter', `invalid hexadecimal digit: "${odd[0]}"`);
    if (digits.length % 2 !== 0)
      throw new QueryError('invalidParameter', 'invalid hexadecimal data: odd number of digits');
    return new Uint8Array(Buffer.from(digits, 'hex'));
  }
  if (!/^(?:[^\\]|\\\\|\\[0-3][0-7]{2})*$/.test(text)) throw invalidSyntax('bytea', text);
  const parts = text.match(/\\\\|\\\d{3}|[^\\]+/g) ?? [];
  return new Uint8Array(
    Buffer.concat(
      parts.map((part) => {
        if (part === '\\\\') return Buffer.from('\\');
        return part.startsWith('\\') ? Buffer.of(Number.parseInt(part.slice(1), 8)) : Buffer.from(part);
      }),
    ),
  );
}

function invalidSyntax(type: string, text: string): QueryError {
  return new QueryError('invalidText', `invalid input syntax for type ${type}: "${text}"`);
}
