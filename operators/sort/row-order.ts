import { type Column, intervalSpan, readInterval, type SqlType } from '../../columnar/index.ts';
import { compareByteRanges } from '../expression/text-column.ts';
import { LeastRecentlyUsed } from '../least-recently-used.ts';

/** One sort key: a column's type and how it is ordered. */
export interface KeyOrder {
  readonly type: SqlType;
  readonly descending: boolean;
  readonly nullsFirst: boolean;
}

/** The order of rows by columns, one a key. */
export interface RowOrder {
  /** A function that sorts row numbers of the columns in place; rows with equal keys keep their order. */
  sorter(columns: readonly Column[]): (rows: Int32Array) => void;
  /** The rows of `columns` that come before row `limit` of `limits`, ascending by number. */
  before(columns: readonly Column[], numRows: number, limits: readonly Column[], limit: number): Int32Array;
}

const cachedOrdersMax = 256;
const orders = new LeastRecentlyUsed<RowOrder>(cachedOrdersMax);

/** Compiles an order; the code depends on nothing but types and directions. */
export function rowOrder(keys: readonly KeyOrder[]): RowOrder {
  const name = keys.map(({ type, descending, nullsFirst }) => `${type.kind} ${descending} ${nullsFirst}`).join();
  return orders.getOrAdd(name, () => build(keys));
}

function build(keys: readonly KeyOrder[]): RowOrder {
  const text = `'use strict';
const compare = (A, B) => {
${keys.map((key, index) => declarations(key.type, index)).join('\n')}
return (a, b) => {
  ${keys.map(keyComparison).join('\n')}
  return 0;
};
};
${mergeSortCode}
return {
  sorter(columns) {
    const order = compare(columns, columns);
    return (rows) => mergeSort(rows, order);
  },
  before(columns, numRows, limits, limit) {
    const order = compare(columns, limits);
    const rows = new Int32Array(numRows);
    let count = 0;
    for (let i = 0; i < numRows; i++) if (order(i, limit) < 0) rows[count++] = i;
    return rows.subarray(0, count);
  },
};`;
  return new Function('compareBytes', 'compareSpans', text)(compareByteRanges, compareSpans) as RowOrder;
}

/**
 * Insertion sort in short runs, then merging bottom up. It is part of each generated order so that the
 * comparison, which is called from nowhere else, is compiled into it.
 */
const mergeSortCode = `
const runLength = 8;
const mergeSort = (rows, order) => {
  const n = rows.length;
  for (let start = 0; start < n; start += runLength) {
    const end = Math.min(start + runLength, n);
    for (let i = start + 1; i < end; i++) {
      const row = rows[i];
      let at = i - 1;
      while (at >= start && order(rows[at], row) > 0) {
        rows[at + 1] = rows[at];
        at--;
      }
      rows[at + 1] = row;
    }
  }
  let from = rows;
  let to = n > runLength ? new Int32Array(n) : rows;
  for (let width = runLength; width < n; width *= 2) {
    for (let start = 0; start < n; start += 2 * width) {
      const middle = Math.min(start + width, n);
      const end = Math.min(start + 2 * width, n);
      let left = start;
      let right = middle;
      let out = start;
      while (left < middle && right < end) {
        if (order(from[left], from[right]) <= 0) to[out++] = from[left++];
        else to[out++] = from[right++];
      }
      while (left < middle) to[out++] = from[left++];
      while (right < end) to[out++] = from[right++];
    }
    const swapped = from;
    from = to;
    to = swapped;
  }
  if (from !== rows) rows.set(from);
};`;

function compareSpans(a: Int32Array, rowA: number, b: Int32Array, rowB: number): number {
  const spanA = intervalSpan(readInterval(a, rowA));
  const spanB = intervalSpan(readInterval(b, rowB));
  return spanA < spanB ? -1 : spanA > spanB ? 1 : 0;
}

function usesWords(type: SqlType): boolean {
  return ['int8', 'timestamp', 'timestamptz', 'numeric'].includes(type.kind);
}

/** Looks up the buffers of both sides: `A` for row `a`, `B` for row `b`. */
function declarations(type: SqlType, key: number): string {
  const side = (name: string, column: string): string => {
    const values = `${column}.values`;
    const buffer = usesWords(type)
      ? `new Int32Array(${values}.buffer, ${values}.byteOffset, ${values}.byteLength >> 2)`
      : values;
    return `const ${name}validity${key} = ${column}.validity, ${name}offsets${key} = ${column}.offsets, ${name}${key} = ${buffer};`;
  };
  return `${side('a', `A[${key}]`)}\n${side('b', `B[${key}]`)}`;
}

/** Statements that return when this key decides. */
function keyComparison(key: KeyOrder, index: number): string {
  const isNull = (side: string): string =>
    `${side}validity${index} !== null && ((${side}validity${index}[${side} >> 3] >> (${side} & 7)) & 1) === 0`;
  const nullsSign = key.nullsFirst ? -1 : 1;
  return `{
    const nullA = ${isNull('a')}, nullB = ${isNull('b')};
    if (nullA !== nullB) return nullA ? ${nullsSign} : ${-nullsSign};
    if (!nullA) {
      ${cellComparison(key.type, index, key.descending ? [1, -1] : [-1, 1])}
    }
  }`;
}

/** `[less, greater]` is what to return where the cell of `a` is below, or above, the cell of `b`. */
function cellComparison(type: SqlType, key: number, [less, greater]: readonly [number, number]): string {
  const ordered = `if (x < y) return ${less}; if (x > y) return ${greater};`;
  const signed = (difference: string): string =>
    `const d = ${difference}; if (d !== 0) return d < 0 ? ${less} : ${greater};`;
  const word = (side: string, width: number, at: number): string =>
    `${side}${key}[${width} * ${side} + ${at}]${at === width - 1 ? '' : ' >>> 0'}`;
  const wordsOrdered = (width: number): string =>
    Array.from({ length: width }, (_, index) => width - 1 - index)
      .map((at) => `{ const x = ${word('a', width, at)}, y = ${word('b', width, at)}; ${ordered} }`)
      .join('\n');
  switch (type.kind) {
    case 'boolean': {
      const bit = (side: string): string => `((${side}${key}[${side} >> 3] >> (${side} & 7)) & 1)`;
      return signed(`${bit('a')} - ${bit('b')}`);
    }
    case 'text':
    case 'bytea': {
      const range = (side: string): string =>
        `${side}${key}, ${side}offsets${key}[${side}], ${side}offsets${key}[${side} + 1]`;
      return signed(`compareBytes(${range('a')}, ${range('b')})`);
    }
    case 'interval':
      return signed(`compareSpans(a${key}, a, b${key}, b)`);
    case 'numeric':
      return wordsOrdered(4);
    case 'int8':
    case 'timestamp':
    case 'timestamptz':
      return wordsOrdered(2);
    case 'float4':
    case 'float8':
      // NaN is above all numbers and equal to itself.
      return `const x = a${key}[a], y = b${key}[b];
      ${ordered}
      if (x !== y) { const nanX = x !== x; if (nanX !== (y !== y)) return nanX ? ${greater} : ${less}; }`;
    default:
      return `const x = a${key}[a], y = b${key}[b]; ${ordered}`;
  }
}
