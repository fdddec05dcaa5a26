import assert from 'node:assert/strict';
import { type Column, powerOfTen, QueryError, readNumeric, type SqlType, writeNumeric } from '../../columnar/index.ts';
import { divideRounded } from '../expression/numeric.ts';
import { grownFlags, grownFloats, validityOf, wordsOf } from './arrays.ts';
import { type RowLoop, rowLoop } from './row-loop.ts';

/** A running sum for each group, of one column at a time. NULL for a group that has seen no value. */
export interface Sum {
  readonly bytes: number;
  reserve(groupCount: number): void;
  add(groups: Int32Array, column: Column): void;
  /** The sums as a column of `type`. @throws QueryError outOfRange when one does not fit it */
  column(groupCount: number, type: SqlType): Column;
  /** Each sum divided by the group's count, as a column of `type`. */
  averages(groupCount: number, type: SqlType, countOf: (group: number) => number): Column;
}

export function sumFor(argument: SqlType): Sum {
  return argument.kind === 'float4' || argument.kind === 'float8'
    ? new FloatSum()
    : new ExactSum(argument.kind === 'numeric' ? argument.scale : 0);
}

const word = 2 ** 32;
/** Estimate of a Map entry with its bigint. */
const wideBytes = 96;
/** A limb is carried over before it grows so large that adding one value to it could be inexact. */
const limbMax = 2 ** 52;

const addSmall = (kind: 'int2' | 'int4'): RowLoop =>
  rowLoop(
    kind,
    ['values', 'low', 'seen', 'carry'],
    `const sum = low[g] + values[i];
    low[g] = sum;
    seen[g] = 1;
    if (sum > ${limbMax} || sum < -${limbMax}) carry(g);`,
  );
const addShorts = addSmall('int2');
const addInts = addSmall('int4');

const addWordsBody = (at: string): string => `const sumLow = low[g] + (words[${at}] >>> 0);
  const sumHigh = high[g] + words[${at} + 1];
  low[g] = sumLow;
  high[g] = sumHigh;
  seen[g] = 1;
  if (sumLow > ${limbMax} || sumHigh > ${limbMax} || sumHigh < -${limbMax}) carry(g);`;

const addBig = rowLoop('int8', ['words', 'low', 'high', 'seen', 'carry'], addWordsBody('2 * i'));

/** A numeric that fits 64 bits goes the way of an int8, any other is added as a bigint. */
const addNumeric = rowLoop(
  'numeric',
  ['words', 'low', 'high', 'seen', 'carry', 'addWide'],
  `const sign = words[4 * i + 1] >> 31;
  if (words[4 * i + 2] !== sign || words[4 * i + 3] !== sign) {
    seen[g] = 1;
    addWide(g, i);
    continue;
  }
  ${addWordsBody('4 * i')}`,
);

/**
 * Sums of integers and numerics, exact at any length: `low + high * 2^32` in two doubles that hold integers,
 * each kept within +-2^52 by carrying from low to high, and from high to a bigint that hardly any group needs.
 */
class ExactSum implements Sum {
  readonly #scale: number;
  #low: Float64Array = new Float64Array(0);
  #high: Float64Array = new Float64Array(0);
  #seen: Uint8Array = new Uint8Array(0);
  readonly #wide = new Map<number, bigint>();

  /** @param scale of the numerics that are added; 0 for integers */
  constructor(scale: number) {
    this.#scale = scale;
  }

  get bytes(): number {
    return this.#low.byteLength + this.#high.byteLength + this.#seen.byteLength + this.#wide.size * wideBytes;
  }

  reserve(groupCount: number): void {
    this.#low = grownFloats(this.#low, groupCount);
    this.#high = grownFloats(this.#high, groupCount);
    this.#seen = grownFlags(this.#seen, groupCount);
  }

  add(groups: Int32Array, column: Column): void {
    const { values, validity } = column;
    switch (column.type.kind) {
      case 'int2':
        addShorts(groups, validity, values, this.#low, this.#seen, this.#carry);
        break;
      case 'int4':
        addInts(groups, validity, values, this.#low, this.#seen, this.#carry);
        break;
      case 'int8':
        addBig(groups, validity, wordsOf(values), this.#low, this.#high, this.#seen, this.#carry);
        break;
      case 'numeric': {
        const addWide = (group: number, row: number): void =>
          this.#addWide(group, readNumeric(values as BigInt64Array, row));
        addNumeric(groups, validity, wordsOf(values), this.#low, this.#high, this.#seen, this.#carry, addWide);
        break;
      }
      default:
        throw new QueryError('unsupported', `there is no sum of ${column.type.kind}`);
    }
  }

  readonly #carry = (group: number): void => {
    const low = this.#low[group] as number;
    const carried = Math.floor(low / word);
    this.#low[group] = low - carried * word;
    const high = (this.#high[group] as number) + carried;
    if (Math.abs(high) < limbMax / 2) {
      this.#high[group] = high;
    } else {
      this.#high[group] = 0;
      this.#addWide(group, BigInt(high) << 32n);
    }
  };

  #addWide(group: number, value: bigint): void {
    this.#wide.set(group, (this.#wide.get(group) ?? 0n) + value);
  }

  #total(group: number): bigint {
    const low = this.#low[group] as number;
    const high = this.#high[group] as number;
    const sum = high === 0 ? BigInt(low) : (BigInt(high) << 32n) + BigInt(low);
    return this.#wide.size === 0 ? sum : sum + (this.#wide.get(group) ?? 0n);
  }

  column(groupCount: number, type: SqlType): Column {
    return this.#results(groupCount, type, (group) => this.#total(group));
  }

  averages(groupCount: number, type: SqlType, countOf: (group: number) => number): Column {
    assert(type.kind === 'numeric');
    const factor = powerOfTen(Math.max(0, type.scale - this.#scale));
    const divisor = powerOfTen(Math.max(0, this.#scale - type.scale));
    return this.#results(groupCount, type, (group) =>
      divideRounded(this.#total(group) * factor, BigInt(countOf(group)) * divisor),
    );
  }

  #results(groupCount: number, type: SqlType, resultOf: (group: number) => bigint): Column {
    const validity = validityOf(this.#seen, groupCount);
    const wide = type.kind === 'numeric';
    const values = new BigInt64Array(wide ? 2 * groupCount : groupCount);
    const limit = wide ? powerOfTen(type.precision) : 2n ** 63n;
    for (let group = 0; group < groupCount; group++) {
      if (this.#seen[group] === 0) continue;
      const value = resultOf(group);
      if (value >= limit || value < (wide ? 1n - limit : -limit)) {
        throw new QueryError('outOfRange', wide ? 'numeric field overflow' : 'bigint out of range');
      }
      if (wide) writeNumeric(values, group, value);
      else values[group] = value;
    }
    return { type, length: groupCount, validity, values, offsets: null };
  }
}

const addFloats = (kind: 'float4' | 'float8'): RowLoop =>
  rowLoop(kind, ['values', 'sums', 'seen'], 'sums[g] += values[i]; seen[g] = 1;');
const addFloat4 = addFloats('float4');
const addFloat8 = addFloats('float8');

/** Sums of floats in double precision, in the order of the rows. */
class FloatSum implements Sum {
  #sums: Float64Array = new Float64Array(0);
  #seen: Uint8Array = new Uint8Array(0);

  get bytes(): number {
    return this.#sums.byteLength + this.#seen.byteLength;
  }

  reserve(groupCount: number): void {
    this.#sums = grownFloats(this.#sums, groupCount);
    this.#seen = grownFlags(this.#seen, groupCount);
  }

  add(groups: Int32Array, column: Column): void {
    assert(column.type.kind === 'float4' || column.type.kind === 'float8');
    const add = column.type.kind === 'float4' ? addFloat4 : addFloat8;
    add(groups, column.validity, column.values, this.#sums, this.#seen);
  }

  column(groupCount: number, type: SqlType): Column {
    const sums = this.#sums.subarray(0, groupCount);
    const values = type.kind === 'float4' ? Float32Array.from(sums) : Float64Array.from(sums);
    for (let group = 0; group < groupCount; group++) {
      if (Number.isFinite(sums[group]) && !Number.isFinite(values[group])) {
        throw new QueryError('outOfRange', 'value out of range: overflow');
      }
    }
    return { type, length: groupCount, validity: validityOf(this.#seen, groupCount), values, offsets: null };
  }

  averages(groupCount: number, type: SqlType, countOf: (group: number) => number): Column {
    const values = new Float64Array(groupCount);
    for (let group = 0; group < groupCount; group++) {
      if (this.#seen[group] === 1) values[group] = (this.#sums[group] as number) / countOf(group);
    }
    return { type, length: groupCount, validity: validityOf(this.#seen, groupCount), values, offsets: null };
  }
}
