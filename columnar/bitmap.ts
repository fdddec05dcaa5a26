// Bitmaps as Arrow has them: least significant bit first. Bits behind the last one are undefined.

export function bitmapBytes(length: number): number {
  return (length + 7) >>> 3;
}

export function getBit(bits: Uint8Array, index: number): boolean {
  return ((bits[index >>> 3] as number) & (1 << (index & 7))) !== 0;
}

export function setBit(bits: Uint8Array, index: number): void {
  bits[index >>> 3] = (bits[index >>> 3] as number) | (1 << (index & 7));
}

export function clearBit(bits: Uint8Array, index: number): void {
  bits[index >>> 3] = (bits[index >>> 3] as number) & ~(1 << (index & 7));
}

const setBitsOfByte = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll('0', '').length);

/** How many of the first `length` bits are set. */
export function countSetBits(bits: Uint8Array, length: number): number {
  const whole = length >>> 3;
  let count = 0;
  for (let i = 0; i < whole; i++) count += setBitsOfByte[bits[i] as number] as number;
  const rest = length & 7;
  if (rest !== 0) count += setBitsOfByte[(bits[whole] as number) & ((1 << rest) - 1)] as number;
  return count;
}

/** A bitmap of `length` set bits, zero behind them. */
export function allSet(length: number): Uint8Array {
  const bits = new Uint8Array(bitmapBytes(length)).fill(0xff);
  clearTail(bits, length);
  return bits;
}

/** Zeroes the bits behind the first `length` in the last byte. */
export function clearTail(bits: Uint8Array, length: number): void {
  const rest = length & 7;
  if (rest !== 0) bits[length >>> 3] = (bits[length >>> 3] as number) & ((1 << rest) - 1);
}

/** Bits `start` to `end` as a bitmap of their own: a view when `start` is at a byte, else a copy. */
export function sliceBits(bits: Uint8Array, start: number, end: number): Uint8Array {
  const length = end - start;
  if ((start & 7) === 0) return bits.subarray(start >>> 3, (start >>> 3) + bitmapBytes(length));
  const slice = new Uint8Array(bitmapBytes(length));
  copyBits(bits, start, slice, 0, length);
  return slice;
}

/** Copies `length` bits; those of `target` from `targetStart` on must be zero. */
export function copyBits(
  source: Uint8Array,
  start: number,
  target: Uint8Array,
  targetStart: number,
  length: number,
): void {
  let from = start;
  let to = targetStart;
  const end = start + length;
  while (from < end) {
    // As many bits as both bytes still have room for.
    const count = Math.min(8 - (from & 7), 8 - (to & 7), end - from);
    const chunk = ((source[from >>> 3] as number) >>> (from & 7)) & ((1 << count) - 1);
    target[to >>> 3] = (target[to >>> 3] as number) | (chunk << (to & 7));
    from += count;
    to += count;
  }
}

/** Sets `length` bits from `start` on. */
export function setBits(bits: Uint8Array, start: number, length: number): void {
  const end = start + length;
  let index = start;
  for (; index < end && (index & 7) !== 0; index++) setBit(bits, index);
  const wholeEnd = end & ~7;
  if (wholeEnd > index) {
    bits.fill(0xff, index >>> 3, wholeEnd >>> 3);
    index = wholeEnd;
  }
  for (; index < end; index++) setBit(bits, index);
}
