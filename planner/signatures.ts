import type { SqlType, TypeKind } from '../columnar/index.ts';
import { numericPrecisionMax, types, typesEqual } from '../columnar/index.ts';
import type { FunctionId } from './functions.ts';

/** Whether a function takes arguments of these types and then gives this result. */
type Signature = (args: readonly SqlType[], result: SqlType) => boolean;

const integerKinds: readonly TypeKind[] = ['int2', 'int4', 'int8'];
const numberKinds: readonly TypeKind[] = [...integerKinds, 'numeric', 'float4', 'float8'];
const roundedKinds: readonly TypeKind[] = ['numeric', 'float8'];
const stampKinds: readonly TypeKind[] = ['timestamp', 'timestamptz'];

/** `arity` arguments of the result's type, which is one of `kinds`. */
function alike(arity: number, kinds: readonly TypeKind[]): Signature {
  return (args, result) =>
    args.length === arity && kinds.includes(result.kind) && args.every((arg) => typesEqual(arg, result));
}

/** One or more arguments of the result's type. */
const anyAlike: Signature = (args, result) => args.length > 0 && args.every((arg) => typesEqual(arg, result));

function fixed(params: readonly SqlType[], result: SqlType): Signature {
  return (args, given) => {
    return (
      args.length === params.length &&
      args.every((arg, index) => typesEqual(arg, params[index] as SqlType)) &&
      typesEqual(given, result)
    );
  };
}

function either(...signatures: readonly Signature[]): Signature {
  return (args, result) => signatures.some((signature) => signature(args, result));
}

const comparison: Signature = ([a, b, ...rest], result) => {
  return a !== undefined && b !== undefined && rest.length === 0 && typesEqual(a, b) && result.kind === 'boolean';
};

const test: Signature = (args, result) => args.length === 1 && result.kind === 'boolean';

const { boolean, int4, float8, text, date, timestamp, timestamptz, interval } = types;
const extracted = types.numeric(numericPrecisionMax, 6);
const floatFunction = fixed([float8], float8);
const textFunction = fixed([text], text);
const logical = fixed([boolean, boolean], boolean);
const trimming = fixed([text, text], text);
const padding = fixed([text, int4, text], text);
const matching = fixed([text, text], boolean);

/** The first argument is of the result's type, one of `kinds`; the second of type `second`. */
function shift(kinds: readonly TypeKind[], second: SqlType): Signature {
  return ([a, b, ...rest], result) => {
    return (
      a !== undefined &&
      b !== undefined &&
      rest.length === 0 &&
      kinds.includes(a.kind) &&
      typesEqual(a, result) &&
      typesEqual(b, second)
    );
  };
}

const signatures: { readonly [K in FunctionId]: Signature } = {
  add: alike(2, numberKinds),
  subtract: alike(2, numberKinds),
  multiply: alike(2, numberKinds),
  divide: alike(2, numberKinds),
  modulo: alike(2, [...integerKinds, 'numeric']),
  negate: alike(1, numberKinds),
  abs: alike(1, numberKinds),
  power: fixed([float8, float8], float8),
  sqrt: floatFunction,
  exp: floatFunction,
  ln: floatFunction,
  log10: floatFunction,
  floor: alike(1, roundedKinds),
  ceil: alike(1, roundedKinds),
  round: alike(1, roundedKinds),
  trunc: alike(1, roundedKinds),
  roundTo: shift(['numeric'], int4),
  truncTo: shift(['numeric'], int4),
  sign: alike(1, roundedKinds),
  greatest: anyAlike,
  least: anyAlike,

  equal: comparison,
  notEqual: comparison,
  less: comparison,
  lessOrEqual: comparison,
  greater: comparison,
  greaterOrEqual: comparison,
  isDistinctFrom: comparison,

  and: logical,
  or: logical,
  not: fixed([boolean], boolean),
  isNull: test,
  isTrue: fixed([boolean], boolean),
  isFalse: fixed([boolean], boolean),
  coalesce: anyAlike,
  nullIf: (args, result) => args.length === 2 && anyAlike(args, result),

  concatenate: fixed([text, text], text),
  concat: (args, result) => result.kind === 'text' && anyAlike(args, result),
  lower: textFunction,
  upper: textFunction,
  length: fixed([text], int4),
  octetLength: fixed([text], int4),
  trim: trimming,
  trimStart: trimming,
  trimEnd: trimming,
  substring: either(fixed([text, int4], text), fixed([text, int4, int4], text)),
  left: fixed([text, int4], text),
  right: fixed([text, int4], text),
  replace: fixed([text, text, text], text),
  position: fixed([text, text], int4),
  startsWith: matching,
  splitPart: fixed([text, text, int4], text),
  reverse: textFunction,
  repeat: fixed([text, int4], text),
  leftPad: padding,
  rightPad: padding,
  like: matching,
  ilike: matching,
  md5: textFunction,

  extract: either(...[date, timestamp, timestamptz, interval].map((time) => fixed([text, time], extracted))),
  dateTrunc: either(...[timestamp, timestamptz].map((time) => fixed([text, time], time))),
  dateAddDays: fixed([date, int4], date),
  dateSubtractDays: fixed([date, int4], date),
  dateDifference: fixed([date, date], int4),
  addInterval: shift(stampKinds, interval),
  subtractInterval: shift(stampKinds, interval),
  timestampDifference: either(...[timestamp, timestamptz].map((time) => fixed([time, time], interval))),
  intervalAdd: fixed([interval, interval], interval),
  intervalSubtract: fixed([interval, interval], interval),
  intervalNegate: fixed([interval], interval),
  intervalMultiply: fixed([interval, float8], interval),
  makeDate: fixed([int4, int4, int4], date),
  toTimestamp: fixed([float8], timestamptz),
};

export function signatureAllows(id: FunctionId, args: readonly SqlType[], result: SqlType): boolean {
  return signatures[id](args, result);
}
