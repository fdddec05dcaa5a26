import { strict as assert } from 'node:assert';
import { hash } from 'node:crypto';
import type { Key, Region } from './overlay.ts';

/** Bytes of a key on the wire. */
export const keyBytes = 20;
export const keyDigits = 2 * keyBytes;
export const keyBits = 8 * keyBytes;

/** The lowest key, at which a walk round the ring begins. */
export const zeroKey: Key = '0'.repeat(keyDigits);

/** The position on the ring of some bytes or text, by SHA-1. */
export function keyOf(data: Uint8Array | string): Key {
  return hash('sha1', data, 'hex');
}

const drawn = Buffer.alloc(keyBytes);

/** A key drawn uniformly; `random` is uniform in [0, 1). */
export function randomKey(random: () => number): Key {
  for (let at = 0; at < keyBytes; at += 4) drawn.writeUInt32BE(Math.floor(random() * 2 ** 32), at);
  return keyIn(drawn, 0);
}

const codes = Buffer.from('0123456789abcdef', 'latin1');
/** A key in the making. */
const making = Buffer.alloc(keyDigits);
const notADigit = 16;
/** What a character stands for, by its code. */
const digits = new Uint8Array(128).fill(notADigit);
for (const [digit, code] of codes.entries()) digits[code] = digit;

/** The key whose bytes stand in a buffer. By hand, as below: keys are in every message, and a call into Node costs more. */
export function keyIn(buffer: Uint8Array, at: number): Key {
  for (let i = 0; i < keyBytes; i++) {
    const byte = buffer[at + i] as number;
    making[2 * i] = codes[byte >> 4] as number;
    making[2 * i + 1] = codes[byte & 15] as number;
  }
  return making.toString('latin1');
}

/** Inverse of `keyIn`. */
export function writeKey(key: Key, buffer: Uint8Array, at: number): void {
  if (key.length !== keyDigits) assert.fail(`not a key: ${key}`);
  let all = 0;
  for (let i = 0; i < keyBytes; i++) {
    const high = digits[key.charCodeAt(2 * i)] ?? notADigit;
    const low = digits[key.charCodeAt(2 * i + 1)] ?? notADigit;
    all |= high | low;
    buffer[at + i] = (high << 4) | low;
  }
  if (all >= notADigit) assert.fail(`not a key: ${key}`);
}

export function isKey(text: string): boolean {
  return /^[0-9a-f]{40}$/.test(text);
}

/** The key as a number in [0, 2^160). */
export function pointOf(key: Key): bigint {
  return BigInt(`0x${key}`);
}

export function keyAt(point: bigint): Key {
  return BigInt.asUintN(keyBits, point).toString(16).padStart(keyDigits, '0');
}

/** Positions that heads tell apart. */
export const headsMax = 2 ** 52;

/** The leading 52 bits of a key: as much as a number holds exactly, and enough to tell nearly any two members apart. */
export function headOf(key: Key): number {
  return numberAt(key, 0, 6) * 2 ** 28 + numberAt(key, 6, 13);
}

/** The number that some digits stand for, seven at most. Asked for with every message: nothing is allocated. */
function numberAt(key: Key, start: number, end: number): number {
  let number = 0;
  for (let i = start; i < end; i++) number = (number << 4) | digitAt(key, i);
  return number;
}

function digitAt(key: Key, index: number): number {
  const code = key.charCodeAt(index);
  return code <= 57 ? code - 48 : code - 87;
}

/** Clockwise steps from one head to the other, in [0, 2^52); less than one off the distance of the keys. */
export function clockwiseHeads(from: number, to: number): number {
  return to >= from ? to - from : to - from + headsMax;
}

/** The key that follows, or that precedes for a negative step. */
export function keyBeside(key: Key, step: bigint): Key {
  return keyAt(pointOf(key) + step);
}

/** The region from one key clockwise to another, both included. */
export function between(first: Key, last: Key): Region {
  return { from: first, to: keyBeside(last, 1n) };
}

/** Clockwise steps from one point to the other, in [0, 2^160). */
export function clockwise(from: bigint, to: bigint): bigint {
  return BigInt.asUintN(keyBits, to - from);
}

/**
 * Where ownership passes from `a` to `b`, its clockwise neighbour: keys before it are nearer to `a`, it and
 * those after it at least as near to `b`. Alone on the ring (`a === b`) it is the opposite point.
 *
 * That is half the sum of the two and one, beyond half of the ring if `b` is below `a`: by hand, digit by digit, since
 * every change of a table asks for some.
 */
export function midpoint(a: Key, b: Key): Key {
  let carry = 1;
  for (let i = keyDigits - 1; i >= 0; i--) {
    const sum = digitAt(a, i) + digitAt(b, i) + carry;
    making[i] = sum & 15;
    carry = sum >> 4;
  }
  // The digit before the first: the carry, and a turn of the ring for `b`.
  let above = carry + (b <= a ? 1 : 0);
  for (let i = 0; i < keyDigits; i++) {
    const digit = making[i] as number;
    making[i] = codes[((above & 1) << 3) | (digit >> 1)] as number;
    above = digit;
  }
  return making.toString('latin1');
}

/** A key of a region drawn uniformly; `random` is uniform in [0, 1). */
export function randomKeyIn({ from, to }: Region, random: () => number): Key {
  const length = clockwise(pointOf(from), pointOf(to)) || 1n << BigInt(keyBits);
  return keyBeside(from, (pointOf(randomKey(random)) * length) >> BigInt(keyBits));
}

/** Orders keys as one meets them walking clockwise from `origin`: negative when `a` comes first. */
export function compareClockwise(origin: Key, a: Key, b: Key): number {
  if (a === b) return 0;
  const aWraps = a < origin;
  const bWraps = b < origin;
  if (aWraps !== bWraps) return aWraps ? 1 : -1;
  return a < b ? -1 : 1;
}

export function inRegion(key: Key, region: Region): boolean {
  const { from, to } = region;
  if (from === to) return true;
  return from < to ? key >= from && key < to : key >= from || key < to;
}

/** Number of leading hexadecimal digits that two keys share, 0 to 40. */
export function sharedDigits(a: Key, b: Key): number {
  let digits = 0;
  while (digits < keyDigits && a.charCodeAt(digits) === b.charCodeAt(digits)) digits += 1;
  return digits;
}

/** Number of leading bits that two keys share, 0 to 160. */
export function sharedBits(a: Key, b: Key): number {
  const digits = sharedDigits(a, b);
  if (digits === keyDigits) return keyBits;
  const differing = Number.parseInt(a.charAt(digits), 16) ^ Number.parseInt(b.charAt(digits), 16);
  return 4 * digits + Math.clz32(differing) - 28;
}

/** Index of the first key of a sorted list that is not before `key`; the list's length if there is none. */
export function lowerBound<T>(sorted: readonly T[], key: Key, keyOfItem: (item: T) => Key): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keyOfItem(sorted[middle] as T) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
