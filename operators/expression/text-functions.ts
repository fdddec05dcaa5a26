import { createHash } from 'node:crypto';
import { QueryError } from '../../columnar/index.ts';
import { helper, type Implementation, operandAt, strict } from './implementation.ts';
import { ilikeMatcher, likeMatcher, rememberingMatcher } from './like.ts';

/** Longest text that a function makes longer than its arguments; UTF-16 units. */
const textLengthMax = 16 * 1024 * 1024;

function checkLength(length: number): void {
  if (length > textLengthMax) throw new QueryError('outOfRange', 'requested length too large');
}

// Positions count characters (code points). Only text with surrogate pairs needs taking apart for that.

const surrogate = /[\ud800-\udfff]/;

function lengthOf(text: string): number {
  return surrogate.test(text) ? [...text].length : text.length;
}

/** Characters `start..end`, counted from 0. */
function charactersBetween(text: string, start: number, end: number): string {
  if (start >= end) return '';
  return surrogate.test(text) ? [...text].slice(start, end).join('') : text.slice(start, end);
}

function substring(text: string, from: number, count?: number): string {
  if (count !== undefined && count < 0) {
    throw new QueryError('substringLength', 'negative substring length not allowed');
  }
  const end = count === undefined ? Infinity : from - 1 + count;
  return charactersBetween(text, Math.max(0, from - 1), Math.max(0, end));
}

/** A negative count leaves out that many at the other end. */
function left(text: string, count: number): string {
  return charactersBetween(text, 0, count >= 0 ? count : lengthOf(text) + count);
}

function right(text: string, count: number): string {
  const length = lengthOf(text);
  return charactersBetween(text, count >= 0 ? Math.max(0, length - count) : -count, length);
}

function replace(text: string, from: string, to: string): string {
  if (from === '' || !text.includes(from)) return text;
  const parts = text.split(from);
  checkLength(text.length + (parts.length - 1) * (to.length - from.length));
  return parts.join(to);
}

/** Where `part` begins in `text`, 0 when it is not there. */
function position(text: string, part: string): number {
  const at = text.indexOf(part);
  return at < 0 ? 0 : lengthOf(text.slice(0, at)) + 1;
}

/** A negative `field` counts from the end. */
function splitPart(text: string, separator: string, field: number): string {
  if (field === 0) throw new QueryError('invalidParameter', 'field position must not be zero');
  if (text === '') return '';
  const parts = separator === '' ? [text] : text.split(separator);
  return parts.at(field > 0 ? field - 1 : field) ?? '';
}

function repeat(text: string, times: number): string {
  if (times <= 0) return '';
  checkLength(text.length * times);
  return text.repeat(times);
}

/** Text of exactly `length` characters, or as many as there are when `fill` is empty. */
function pad(text: string, length: number, fill: string, side: 'left' | 'right'): string {
  const missing = length - lengthOf(text);
  if (missing <= 0) return charactersBetween(text, 0, Math.max(0, length));
  if (fill === '') return text;
  checkLength(length);
  const characters = [...fill];
  const padding = Array.from({ length: missing }, (_, index) => characters[index % characters.length]).join('');
  return side === 'left' ? padding + text : text + padding;
}

/** Removes at the chosen sides all of `characters`. */
function trim(side: 'both' | 'start' | 'end'): (text: string, characters: string) => string {
  return (text, characters) => {
    const removed = new Set(characters);
    const cells = surrogate.test(text) ? [...text] : text;
    let start = 0;
    let end = cells.length;
    if (side !== 'end') while (start < end && removed.has(cells[start] as string)) start++;
    if (side !== 'start') while (end > start && removed.has(cells[end - 1] as string)) end--;
    return typeof cells === 'string' ? cells.slice(start, end) : cells.slice(start, end).join('');
  };
}

function md5(text: string): string {
  return createHash('md5').update(text, 'utf8').digest('hex');
}

/** (text, pattern); a literal pattern is made ready once. */
function patternMatch(matcher: (pattern: string) => (text: string) => boolean): Implementation {
  return strict((scope, operands, _, call) => {
    const text = operandAt(operands, 0).value;
    const pattern = call.args[1];
    if (pattern?.kind === 'literal' && typeof pattern.value === 'string') {
      return scope.let(`${scope.constant(lazily(matcher, pattern.value))}(${text})`);
    }
    return scope.let(`${scope.constant(rememberingMatcher(matcher))}(${text}, ${operandAt(operands, 1).value})`);
  });
}

/** A faulty pattern is an error of the rows that meet it, not of the plan. */
function lazily(matcher: (pattern: string) => (text: string) => boolean, pattern: string): (text: string) => boolean {
  let matches: ((text: string) => boolean) | null = null;
  return (text) => {
    matches ??= matcher(pattern);
    return matches(text);
  };
}

/** Joins what is not NULL; never NULL. */
const concat: Implementation = (scope, call) => {
  const joined = scope.let(`''`);
  for (const argument of call.args) {
    const code = scope.generate(argument);
    if (code.nullness === 'true') continue;
    scope.emit(`${code.nullness === 'false' ? '' : `if (!(${code.nullness})) `}${joined} += ${code.value};`);
  }
  return { value: joined, nullness: 'false', type: call.type };
};

/** A column's length in bytes is in its offsets. */
const octetLength: Implementation = (scope, call) => {
  const argument = call.args[0];
  if (argument?.kind === 'column') {
    const nullness = scope.columnNullness(argument.index);
    const offsets = scope.offsets(argument.index);
    return { value: scope.let(`${offsets}[i + 1] - ${offsets}[i]`), nullness, type: call.type };
  }
  const compute = argument?.type.kind === 'bytea' ? (bytes: Uint8Array) => bytes.length : Buffer.byteLength;
  return helper(() => compute)(scope, call);
};

const text = (compute: (...values: never[]) => unknown): Implementation => helper(() => compute);

export const textFunctions = {
  concatenate: strict((scope, operands) =>
    scope.let(`${operandAt(operands, 0).value} + ${operandAt(operands, 1).value}`),
  ),
  concat,
  lower: text((value: string) => value.toLowerCase()),
  upper: text((value: string) => value.toUpperCase()),
  length: text(lengthOf),
  octetLength,
  trim: text(trim('both')),
  trimStart: text(trim('start')),
  trimEnd: text(trim('end')),
  substring: text(substring),
  left: text(left),
  right: text(right),
  replace: text(replace),
  position: text(position),
  startsWith: text((value: string, prefix: string) => value.startsWith(prefix)),
  splitPart: text(splitPart),
  reverse: text((value: string) => [...value].reverse().join('')),
  repeat: text(repeat),
  leftPad: text((value: string, length: number, fill: string) => pad(value, length, fill, 'left')),
  rightPad: text((value: string, length: number, fill: string) => pad(value, length, fill, 'right')),
  like: patternMatch(likeMatcher),
  ilike: patternMatch(ilikeMatcher),
  md5: text(md5),
} satisfies Record<string, Implementation>;
