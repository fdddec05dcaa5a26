import type { SqlType, TypeKind } from '../columnar/index.ts';
import { numericPrecisionMax, types } from '../columnar/index.ts';
import { call, cast, isLiteral, literal } from './expressions.ts';
import type { FunctionId } from './functions.ts';
import type { Expression } from './plan.ts';

/** One way to call a function. Arguments that `build` receives are of these kinds. */
export interface Overload {
  readonly params: readonly TypeKind[];
  readonly build: (args: readonly Expression[]) => Expression;
}

/** A call of `id` whose result is of `type`. */
function simple(id: FunctionId, params: readonly TypeKind[], type: SqlType): Overload {
  return { params, build: (args) => call(id, args, type) };
}

/** The result is of the argument's type. */
function same(id: FunctionId, kind: TypeKind): Overload {
  return { params: [kind], build: (args) => call(id, args, (args[0] as Expression).type) };
}

/** As `simple`, with arguments that the user left out. */
function completed(id: FunctionId, params: readonly TypeKind[], rest: readonly Expression[], type: SqlType): Overload {
  return { params, build: (args) => call(id, [...args, ...rest], type) };
}

/** Rounding can carry into one more digit, so the argument is widened; the result shows only the digits kept. */
function roundedNumeric(id: FunctionId): Overload {
  return {
    params: ['numeric'],
    build: ([input]) => cast(rounding(id, [widened(input as Expression)]), types.numeric(numericPrecisionMax, 0)),
  };
}

function roundedTo(id: FunctionId): Overload {
  return {
    params: ['numeric', 'int4'],
    build: ([input, digits]) => {
      const rounded = rounding(id, [widened(input as Expression), digits as Expression]);
      const kept = isLiteral(digits as Expression) ? (digits as { value: unknown }).value : null;
      if (typeof kept !== 'number') return rounded;
      return cast(rounded, types.numeric(numericPrecisionMax, Math.min(Math.max(kept, 0), roundedScaleMax)));
    },
  };
}

/** Digits behind the point that a rounded number shows at most. */
const roundedScaleMax = 20;

function rounding(id: FunctionId, args: readonly Expression[]): Expression {
  return call(id, args, (args[0] as Expression).type);
}

function widened(input: Expression): Expression {
  return input.type.kind === 'numeric' ? cast(input, types.numeric(numericPrecisionMax, input.type.scale)) : input;
}

const extractType = types.numeric(numericPrecisionMax, 6);

/** Fields with digits behind the point; PostgreSQL shows all others as whole numbers. */
const fractionalFields: ReadonlyMap<string, number> = new Map([
  ['second', 6],
  ['seconds', 6],
  ['epoch', 6],
  ['julian', 6],
  ['millisecond', 3],
  ['milliseconds', 3],
]);

function extract(kind: TypeKind): Overload {
  return {
    params: ['text', kind],
    build: ([field, input]) => {
      const name = lowerCased(field as Expression);
      const value = call('extract', [name, input as Expression], extractType);
      if (!isLiteral(name) || typeof name.value !== 'string') return value;
      const digits = kind === 'date' ? 0 : (fractionalFields.get(name.value) ?? 0);
      return cast(value, types.numeric(numericPrecisionMax, digits));
    },
  };
}

function datePart(kind: TypeKind): Overload {
  return {
    params: ['text', kind],
    build: ([field, input]) =>
      cast(call('extract', [lowerCased(field as Expression), input as Expression], extractType), types.float8),
  };
}

function dateTrunc(kind: TypeKind, type: SqlType): Overload {
  return {
    params: ['text', kind],
    build: ([field, input]) => call('dateTrunc', [lowerCased(field as Expression), input as Expression], type),
  };
}

function lowerCased(field: Expression): Expression {
  return isLiteral(field) && typeof field.value === 'string' ? literal(field.value.toLowerCase(), types.text) : field;
}

const blank = literal(' ', types.text);
const { text, int4, float8, boolean, date, timestamp, timestamptz } = types;

const trims = (id: FunctionId): readonly Overload[] => [
  completed(id, ['text'], [blank], text),
  simple(id, ['text', 'text'], text),
];
const pads = (id: FunctionId): readonly Overload[] => [
  completed(id, ['text', 'int4'], [blank], text),
  simple(id, ['text', 'int4', 'text'], text),
];
const substrings = [simple('substring', ['text', 'int4'], text), simple('substring', ['text', 'int4', 'int4'], text)];
const lengths = [simple('length', ['text'], int4)];
const positions = [simple('position', ['text', 'text'], int4)];
const floats = (id: FunctionId): readonly Overload[] => [simple(id, ['float8'], float8)];
const roundings = (id: FunctionId): readonly Overload[] => [same(id, 'float8'), roundedNumeric(id)];
const timeKinds: readonly TypeKind[] = ['timestamptz', 'timestamp', 'date', 'interval'];

/**
 * Functions by the name users write. Where several overloads fit equally well the first one wins, so
 * PostgreSQL's preferred types (float8, timestamptz) come first.
 */
export const functionTable: ReadonlyMap<string, readonly Overload[]> = new Map<string, readonly Overload[]>([
  ['abs', (['float8', 'float4', 'int2', 'int4', 'int8', 'numeric'] as const).map((kind) => same('abs', kind))],
  ['sign', [same('sign', 'float8'), same('sign', 'numeric')]],
  ['ceil', roundings('ceil')],
  ['ceiling', roundings('ceil')],
  ['floor', roundings('floor')],
  ['round', [...roundings('round'), roundedTo('roundTo')]],
  ['trunc', [...roundings('trunc'), roundedTo('truncTo')]],
  ['sqrt', floats('sqrt')],
  ['exp', floats('exp')],
  ['ln', floats('ln')],
  ['log', floats('log10')],
  ['log10', floats('log10')],
  ['power', [simple('power', ['float8', 'float8'], float8)]],
  ['pow', [simple('power', ['float8', 'float8'], float8)]],

  ['lower', [simple('lower', ['text'], text)]],
  ['upper', [simple('upper', ['text'], text)]],
  ['length', lengths],
  ['char_length', lengths],
  ['character_length', lengths],
  ['octet_length', [simple('octetLength', ['text'], int4)]],
  ['trim', trims('trim')],
  ['btrim', trims('trim')],
  ['ltrim', trims('trimStart')],
  ['rtrim', trims('trimEnd')],
  ['substring', substrings],
  ['substr', substrings],
  ['left', [simple('left', ['text', 'int4'], text)]],
  ['right', [simple('right', ['text', 'int4'], text)]],
  ['replace', [simple('replace', ['text', 'text', 'text'], text)]],
  ['position', positions],
  ['strpos', positions],
  ['starts_with', [simple('startsWith', ['text', 'text'], boolean)]],
  ['split_part', [simple('splitPart', ['text', 'text', 'int4'], text)]],
  ['reverse', [simple('reverse', ['text'], text)]],
  ['repeat', [simple('repeat', ['text', 'int4'], text)]],
  ['lpad', pads('leftPad')],
  ['rpad', pads('rightPad')],
  ['md5', [simple('md5', ['text'], text)]],

  ['extract', timeKinds.map(extract)],
  ['date_part', timeKinds.map(datePart)],
  ['date_trunc', [dateTrunc('timestamptz', timestamptz), dateTrunc('timestamp', timestamp)]],
  ['make_date', [simple('makeDate', ['int4', 'int4', 'int4'], date)]],
  ['to_timestamp', [simple('toTimestamp', ['float8'], timestamptz)]],
]);
