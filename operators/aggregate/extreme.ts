import assert from 'node:assert/strict';
import {
  type Column,
  type ColumnValues,
  intervalSpan,
  QueryError,
  readInterval,
  type SqlType,
} from '../../columnar/index.ts';
import { compareByteRanges, encodeBytes } from '../expression/text-column.ts';
import { grownFlags, validityOf, wordsOf } from './arrays.ts';
import { type RowLoop, rowLoop } from './row-loop.ts';
import type { AggregateState } from './state.ts';

/** Smallest or largest value: `min` and `max`, whose state is their result. */
export function extremeFor(extreme: 'min' | 'max', type: SqlType): AggregateState {
  return type.kind === 'text' || type.kind === 'bytea'
    ? new BytesExtreme(extreme, type)
    : new FixedExtreme(extreme, type);
}

type ValuesConstructor = new (length: number) => Exclude<ColumnValues, Uint8Array>;

/** How values of one type are kept and compared: the best of group `g` with row `i`. */
interface FixedKind {
  readonly array: ValuesConstructor;
  /** Array elements a value. */
  readonly width: number;
  /** Whether loops see the arrays as 32-bit words. */
  readonly words: boolean;
  /** Whether row `i` lies below (`<`) or above (`>`) the best of group `g`. */
  better(operator: '<' | '>'): string;
  /** Makes row `i` the best of group `g`. */
  readonly assign: string;
}

function plain(array: ValuesConstructor): FixedKind {
  return {
    array,
    width: 1,
    words: false,
    better: (operator) => `values[i] ${operator} best[g]`,
    assign: 'best[g] = values[i];',
  };
}

/** NaN is above all numbers. */
function float(array: ValuesConstructor): FixedKind {
  return {
    ...plain(array),
    better: (operator) => {
      const [a, b] = operator === '<' ? ['values[i]', 'best[g]'] : ['best[g]', 'values[i]'];
      return `${a} < ${b} || (${b} !== ${b} && ${a} === ${a})`;
    },
  };
}

/** `count` 32-bit words, low word first; only the last one has a sign. */
function words(array: ValuesConstructor, count: 2 | 4): FixedKind {
  const at = (name: string, row: string, word: number): string =>
    `${name}[${count} * ${row} + ${word}]${word === count - 1 ? '' : ' >>> 0'}`;
  const better = (operator: string, word: number): string => {
    const value = `(${at('values', 'i', word)})`;
    const best = `(${at('best', 'g', word)})`;
    const strictly = `${value} ${operator} ${best}`;
    return word === 0 ? strictly : `${strictly} || (${value} === ${best} && (${better(operator, word - 1)}))`;
  };
  return {
    array,
    width: count / 2,
    words: true,
    better: (operator) => better(operator, count - 1),
    assign: copyWords(count),
  };
}

function copyWords(count: number): string {
  return Array.from(
    { length: count },
    (_, word) => `best[${count} * g + ${word}] = values[${count} * i + ${word}];`,
  ).join(' ');
}

const interval: FixedKind = {
  array: Int32Array,
  width: 4,
  words: false,
  better: (operator) => `span(values, i) ${operator} span(best, g)`,
  assign: copyWords(4),
};

function spanAt(values: Int32Array, row: number): bigint {
  return intervalSpan(readInterval(values, row));
}

function fixedKind(type: SqlType): FixedKind {
  switch (type.kind) {
    case 'int2':
      return plain(Int16Array);
    case 'int4':
    case 'date':
      return plain(Int32Array);
    case 'float4':
      return float(Float32Array);
    case 'float8':
      return float(Float64Array);
    case 'int8':
    case 'timestamp':
    case 'timestamptz':
      return words(BigInt64Array, 2);
    case 'numeric':
      return words(BigInt64Array, 4);
    case 'interval':
      return interval;
    default:
      throw new QueryError('unsupported', `there is no minimum or maximum of ${type.kind}`);
  }
}

class FixedExtreme implements AggregateState {
  readonly columnCount = 1;
  readonly #type: SqlType;
  readonly #kind: FixedKind;
  readonly #loop: RowLoop;
  #best: Exclude<ColumnValues, Uint8Array>;
  #seen: Uint8Array = new Uint8Array(0);

  constructor(extreme: 'min' | 'max', type: SqlType) {
    this.#type = type;
    this.#kind = fixedKind(type);
    const better = this.#kind.better(extreme === 'min' ? '<' : '>');
    this.#loop = rowLoop(
      type.kind,
      ['values', 'best', 'seen', 'span'],
      `if (seen[g] === 0 || ${better}) { ${this.#kind.assign} seen[g] = 1; }`,
    );
    this.#best = new this.#kind.array(0);
  }

  get bytes(): number {
    return this.#best.byteLength + this.#seen.byteLength;
  }

  reserve(groupCount: number): void {
    if (groupCount <= this.#seen.length) return;
    this.#seen = grownFlags(this.#seen, groupCount);
    const grown = new this.#kind.array(this.#seen.length * this.#kind.width);
    bytesOf(grown).set(bytesOf(this.#best));
    this.#best = grown;
  }

  update(groups: Int32Array, argument: Column | null): void {
    assert(argument !== null && argument.type.kind === this.#type.kind);
    const [values, best] = this.#kind.words
      ? [wordsOf(argument.values), wordsOf(this.#best)]
      : [argument.values, this.#best];
    this.#loop(groups, argument.validity, values, best, this.#seen, spanAt);
  }

  merge(groups: Int32Array, [best]: readonly Column[]): void {
    this.update(groups, best ?? null);
  }

  states(groupCount: number): Column[] {
    return [this.results(groupCount)];
  }

  results(groupCount: number): Column {
    return {
      type: this.#type,
      length: groupCount,
      validity: validityOf(this.#seen, groupCount),
      values: this.#best.slice(0, groupCount * this.#kind.width),
      offsets: null,
    };
  }
}

function bytesOf(values: ArrayBufferView): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** Estimate of a small Uint8Array besides its bytes. */
const bytesOverhead = 112;

class BytesExtreme implements AggregateState {
  readonly columnCount = 1;
  readonly #type: SqlType;
  /** 1: larger is better; -1: smaller. */
  readonly #sign: 1 | -1;
  readonly #best: (Uint8Array | null)[] = [];
  #bytes = 0;

  constructor(extreme: 'min' | 'max', type: SqlType) {
    this.#type = type;
    this.#sign = extreme === 'max' ? 1 : -1;
  }

  get bytes(): number {
    return this.#bytes + this.#best.length * 8;
  }

  reserve(groupCount: number): void {
    while (this.#best.length < groupCount) this.#best.push(null);
  }

  update(groups: Int32Array, argument: Column | null): void {
    assert(argument !== null && argument.offsets !== null);
    const { offsets, validity } = argument;
    const values = argument.values as Uint8Array;
    for (let row = 0; row < groups.length; row++) {
      if (validity !== null && (((validity[row >> 3] as number) >> (row & 7)) & 1) === 0) continue;
      const group = groups[row] as number;
      const start = offsets[row] as number;
      const end = offsets[row + 1] as number;
      const best = this.#best[group] as Uint8Array | null;
      if (best !== null) {
        if (this.#sign * compareByteRanges(values, start, end, best, 0, best.length) <= 0) continue;
        this.#bytes -= best.length + bytesOverhead;
      }
      // Not `slice`, which does not copy when the bytes are a Buffer.
      this.#best[group] = new Uint8Array(values.subarray(start, end));
      this.#bytes += end - start + bytesOverhead;
    }
  }

  merge(groups: Int32Array, [best]: readonly Column[]): void {
    this.update(groups, best ?? null);
  }

  states(groupCount: number): Column[] {
    return [this.results(groupCount)];
  }

  results(groupCount: number): Column {
    const best = this.#best.slice(0, groupCount);
    const seen = Uint8Array.from(best, (bytes) => (bytes === null ? 0 : 1));
    return { type: this.#type, length: groupCount, validity: validityOf(seen, groupCount), ...encodeBytes(best) };
  }
}
