/**
 * Every scalar function a plan may call. Operators of SQL are functions too. A function is strict (NULL
 * in, NULL out) unless said otherwise. The binder knows the signatures, `operators/` the code.
 */
export const functionIds = [
  // Numbers: both arguments and the result of one type. Integers and numeric raise 22003 on overflow.
  'add',
  'subtract',
  'multiply',
  'divide',
  'modulo',
  'negate',
  'abs',
  'power',
  'sqrt',
  'exp',
  'ln',
  'log10', // float8
  'floor',
  'ceil',
  'round',
  'trunc', // float8, numeric: same type; 'round' numeric halves away from zero, float8 to even
  'roundTo',
  'truncTo', // (numeric, int4) -> numeric
  'sign',
  'greatest',
  'least', // greatest, least: any number of arguments of one type, not strict: NULLs ignored
  // Comparisons of two values of one type -> boolean.
  'equal',
  'notEqual',
  'less',
  'lessOrEqual',
  'greater',
  'greaterOrEqual',
  'isDistinctFrom', // not strict
  // Three-valued logic; not strict.
  'and',
  'or',
  'not',
  'isNull',
  'isTrue',
  'isFalse',
  'coalesce',
  'nullIf',
  // Text. Positions and lengths count Unicode characters, from 1.
  'concatenate', // text || text
  'concat', // any number of texts; NULLs are left out
  'lower',
  'upper',
  'length',
  'octetLength',
  'trim',
  'trimStart',
  'trimEnd', // trims: (text, characters)
  'substring', // (text, int4 from [, int4 count])
  'left',
  'right',
  'replace',
  'position',
  'startsWith',
  'splitPart',
  'reverse',
  'repeat',
  'leftPad',
  'rightPad',
  'like',
  'ilike', // (text, pattern)
  'md5',
  // Dates and times. Fields as text: 'year', 'month', 'day', 'hour', 'minute', 'second', 'dow', 'doy', 'week', 'quarter', 'epoch', …
  'extract', // (text, date | timestamp | timestamptz | interval) -> numeric(38, 6)
  'dateTrunc', // (text, timestamp | timestamptz) -> same
  'dateAddDays',
  'dateSubtractDays', // (date, int4) -> date
  'dateDifference', // (date, date) -> int4
  'addInterval',
  'subtractInterval', // (timestamp | timestamptz, interval) -> same
  'timestampDifference', // (timestamp, timestamp) -> interval; likewise timestamptz
  'intervalAdd',
  'intervalSubtract',
  'intervalNegate', // intervals
  'intervalMultiply', // (interval, float8)
  'makeDate', // (int4, int4, int4)
  'toTimestamp', // float8 seconds -> timestamptz
] as const;

export type FunctionId = (typeof functionIds)[number];
