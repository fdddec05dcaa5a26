import type { Batch, Column } from './batch.ts';
import { getBit } from './bitmap.ts';
import { intervalSpan } from './interval.ts';
import { asWords, type FixedArray } from './layout.ts';
import { readInterval } from './words.ts';

// Murmur3 (Austin Appleby, x86_32), one column after the other: `hashes[row]` is the running state.

const nullWord = 0x6e_75_6c_6c;
const canonicalNaN = 0x7f_c0_00_00;

/**
 * A hash a row over the given columns: equal values of equal types hash alike in any batch or slice.
 * NULL equals NULL, -0 equals 0, NaN equals NaN, `1 day` equals `24 hours`.
 *
 * @param seed any integer; choose another one where the bits of an earlier hash were already used
 */
export function hashRows(batch: Batch, columns: readonly number[], seed = 0): Uint32Array {
  const hashes = new Int32Array(batch.numRows).fill(seed);
  for (const index of columns) mixColumn(hashes, batch.columns[index] as Column);
  const words = columns.length;
  for (let row = 0; row < hashes.length; row++) hashes[row] = finish((hashes[row] as number) ^ words);
  return new Uint32Array(hashes.buffer);
}

function mix(hash: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51);
  k = (k << 15) | (k >>> 17);
  const h = hash ^ Math.imul(k, 0x1b873593);
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
}

function finish(hash: number): number {
  let h = hash ^ (hash >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

function mixColumn(hashes: Int32Array, column: Column): void {
  const { type, values, validity } = column;
  switch (type.kind) {
    case 'boolean':
      mixBits(hashes, values as Uint8Array, validity);
      break;
    case 'int2':
      mixShorts(hashes, values as Int16Array, validity);
      break;
    case 'int4':
    case 'date':
      mixSingleWords(hashes, values as Int32Array, validity);
      break;
    case 'int8':
    case 'timestamp':
    case 'timestamptz':
      mixWords(hashes, asWords(values as FixedArray), 2, validity);
      break;
    case 'numeric':
      mixWords(hashes, asWords(values as FixedArray), 4, validity);
      break;
    case 'float4':
      mixFloat4(hashes, values as Float32Array, validity);
      break;
    case 'float8':
      mixFloat8(hashes, values as Float64Array, validity);
      break;
    case 'interval':
      mixIntervals(hashes, values as Int32Array, validity);
      break;
    case 'text':
    case 'bytea':
      mixBytes(hashes, values as Uint8Array, column.offsets as Int32Array, validity);
      break;
  }
}

function mixBits(hashes: Int32Array, bits: Uint8Array, validity: Uint8Array | null): void {
  for (let row = 0; row < hashes.length; row++) {
    const valid = validity === null || getBit(validity, row);
    hashes[row] = mix(hashes[row] as number, valid ? Number(getBit(bits, row)) : nullWord);
  }
}

function mixShorts(hashes: Int32Array, values: Int16Array, validity: Uint8Array | null): void {
  for (let row = 0; row < hashes.length; row++) {
    const valid = validity === null || getBit(validity, row);
    hashes[row] = mix(hashes[row] as number, valid ? (values[row] as number) : nullWord);
  }
}

function mixSingleWords(hashes: Int32Array, words: Int32Array, validity: Uint8Array | null): void {
  for (let row = 0; row < hashes.length; row++) {
    const valid = validity === null || getBit(validity, row);
    hashes[row] = mix(hashes[row] as number, valid ? (words[row] as number) : nullWord);
  }
}

function mixWords(hashes: Int32Array, words: Int32Array, width: 2 | 4, validity: Uint8Array | null): void {
  for (let row = 0; row < hashes.length; row++) {
    let hash = hashes[row] as number;
    if (validity === null || getBit(validity, row)) {
      const at = row * width;
      hash = mix(mix(hash, words[at] as number), words[at + 1] as number);
      if (width === 4) hash = mix(mix(hash, words[at + 2] as number), words[at + 3] as number);
    } else {
      hash = mix(hash, nullWord);
    }
    hashes[row] = hash;
  }
}

function mixFloat4(hashes: Int32Array, values: Float32Array, validity: Uint8Array | null): void {
  const words = asWords(values);
  for (let row = 0; row < hashes.length; row++) {
    let word = nullWord;
    if (validity === null || getBit(validity, row)) {
      const value = values[row] as number;
      word = value === 0 ? 0 : Number.isNaN(value) ? canonicalNaN : (words[row] as number);
    }
    hashes[row] = mix(hashes[row] as number, word);
  }
}

function mixFloat8(hashes: Int32Array, values: Float64Array, validity: Uint8Array | null): void {
  const words = asWords(values);
  for (let row = 0; row < hashes.length; row++) {
    const hash = hashes[row] as number;
    const value = values[row] as number;
    if (validity !== null && !getBit(validity, row)) hashes[row] = mix(hash, nullWord);
    else if (value === 0) hashes[row] = mix(mix(hash, 0), 0);
    else if (Number.isNaN(value)) hashes[row] = mix(mix(hash, 0), canonicalNaN);
    else hashes[row] = mix(mix(hash, words[2 * row] as number), words[2 * row + 1] as number);
  }
}

function mixIntervals(hashes: Int32Array, values: Int32Array, validity: Uint8Array | null): void {
  for (let row = 0; row < hashes.length; row++) {
    let hash = hashes[row] as number;
    if (validity === null || getBit(validity, row)) {
      const span = intervalSpan(readInterval(values, row));
      hash = mix(hash, Number(BigInt.asIntN(32, span)));
      hash = mix(hash, Number(BigInt.asIntN(32, span >> 32n)));
      hash = mix(hash, Number(BigInt.asIntN(32, span >> 64n)));
    } else {
      hash = mix(hash, nullWord);
    }
    hashes[row] = hash;
  }
}

function mixBytes(hashes: Int32Array, bytes: Uint8Array, offsets: Int32Array, validity: Uint8Array | null): void {
  for (let row = 0; row < hashes.length; row++) {
    let hash = hashes[row] as number;
    if (validity === null || getBit(validity, row)) {
      const end = offsets[row + 1] as number;
      let at = offsets[row] as number;
      const length = end - at;
      for (; at + 4 <= end; at += 4) {
        const low = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
        hash = mix(hash, low | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24));
      }
      let rest = 0;
      for (let shift = 0; at < end; at++, shift += 8) rest |= (bytes[at] as number) << shift;
      if ((length & 3) !== 0) hash = mix(hash, rest);
      // The length tells ('ab', 'c') from ('a', 'bc').
      hash = mix(hash, length);
    } else {
      hash = mix(hash, nullWord);
    }
    hashes[row] = hash;
  }
}
