import {
  readInterval,
  readNumeric,
  type SqlType,
  type TypeKind,
  writeInterval,
  writeNumeric,
} from '../../columnar/index.ts';
import type { Scope } from './scope.ts';
import { encodeBytes, encodeStrings, textReader } from './text-column.ts';

// How generated code reads a cell of a column into a JavaScript scalar, and writes one.

/** Reads row `i` of a column. */
export function readCell(scope: Scope, index: number, type: SqlType): string {
  const values = scope.values(index);
  switch (type.kind) {
    case 'boolean':
      return scope.let(`((${values}[i >> 3] >> (i & 7)) & 1) === 1`);
    case 'numeric': {
      const words = scope.words(index);
      const fits = `(${words}[4 * i + 1] >> 31) === ${words}[4 * i + 2] && ${words}[4 * i + 2] === ${words}[4 * i + 3]`;
      return scope.let(`${fits} ? ${values}[2 * i] : ${scope.constant(readNumeric)}(${values}, i)`);
    }
    case 'interval':
      return scope.let(`${scope.constant(readInterval)}(${values}, i)`);
    case 'text':
      return scope.let(`${scope.perBatch(index, 'text', textReader)}(i)`);
    case 'bytea': {
      const offsets = scope.offsets(index);
      return scope.let(`${values}.subarray(${offsets}[i], ${offsets}[i + 1])`);
    }
    default:
      return scope.let(`${values}[i]`);
  }
}

/** What generated code needs to fill an output column: `o` holds the cells while rows are computed. */
export interface CellWriter {
  /** Expression for `o`; `n` is the number of rows. */
  readonly allocate: string;
  /** Statement that writes `value` as row `i`. */
  write(value: string): string;
  /** Expression for the parts of the column: `{ values, offsets }`. */
  readonly finish: string;
}

const arrays: Readonly<Partial<Record<TypeKind, string>>> = {
  int2: 'Int16Array',
  int4: 'Int32Array',
  date: 'Int32Array',
  int8: 'BigInt64Array',
  timestamp: 'BigInt64Array',
  timestamptz: 'BigInt64Array',
  float4: 'Float32Array',
  float8: 'Float64Array',
};

const inPlace = '{ values: o, offsets: null }';

export function cellWriter(scope: Scope, type: SqlType): CellWriter {
  switch (type.kind) {
    case 'boolean':
      return {
        allocate: 'new Uint8Array((n + 7) >> 3)',
        write: (value) => `if (${value}) o[i >> 3] |= 1 << (i & 7);`,
        finish: inPlace,
      };
    case 'numeric':
      return {
        allocate: 'new BigInt64Array(2 * n)',
        write: (value) => `${scope.constant(writeNumeric)}(o, i, ${value});`,
        finish: inPlace,
      };
    case 'interval':
      return {
        allocate: 'new Int32Array(4 * n)',
        write: (value) => `${scope.constant(writeInterval)}(o, i, ${value});`,
        finish: inPlace,
      };
    case 'text':
      return {
        allocate: `new Array(n).fill('')`,
        write: (value) => `o[i] = ${value};`,
        finish: `${scope.constant(encodeStrings)}(o)`,
      };
    case 'bytea':
      return {
        allocate: 'new Array(n).fill(null)',
        write: (value) => `o[i] = ${value};`,
        finish: `${scope.constant(encodeBytes)}(o)`,
      };
    default:
      return { allocate: `new ${arrays[type.kind]}(n)`, write: (value) => `o[i] = ${value};`, finish: inPlace };
  }
}
