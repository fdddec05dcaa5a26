import fc from 'fast-check';
import { expect, test } from 'vitest';
import { allSet, bitmapBytes, clearBit, copyBits, countSetBits, getBit, setBit, setBits, sliceBits } from './bitmap.ts';

const bools = fc.array(fc.boolean(), { maxLength: 70 });

function pack(values: readonly boolean[]): Uint8Array {
  const bits = new Uint8Array(bitmapBytes(values.length));
  values.forEach((value, index) => {
    if (value) setBit(bits, index);
  });
  return bits;
}

function unpack(bits: Uint8Array, length: number): boolean[] {
  return Array.from({ length }, (_, index) => getBit(bits, index));
}

test('bits are set, cleared, counted', () => {
  const bits = pack([true, false, true]);
  expect(bits).toEqual(Uint8Array.of(0b101));
  clearBit(bits, 0);
  expect(bits).toEqual(Uint8Array.of(0b100));
  fc.assert(
    fc.property(bools, (values) => {
      expect(countSetBits(pack(values), values.length)).toBe(values.filter(Boolean).length);
    }),
  );
  expect(countSetBits(Uint8Array.of(0xff), 3)).toBe(3);
  expect(allSet(11)).toEqual(Uint8Array.of(0xff, 0b111));
});

test('slices, at bytes and between them', () => {
  fc.assert(
    fc.property(bools, fc.nat(70), fc.nat(70), (values, a, b) => {
      const [start, end] = [Math.min(a, b, values.length), Math.min(Math.max(a, b), values.length)];
      const slice = sliceBits(pack(values), start, end);
      expect(slice.length).toBe(bitmapBytes(end - start));
      expect(unpack(slice, end - start)).toEqual(values.slice(start, end));
    }),
  );
});

test('runs are copied and set behind each other', () => {
  fc.assert(
    fc.property(bools, fc.nat(20), bools, (first, ones, second) => {
      const length = first.length + ones + second.length;
      const bits = new Uint8Array(bitmapBytes(length));
      copyBits(pack(first), 0, bits, 0, first.length);
      setBits(bits, first.length, ones);
      copyBits(pack(second), 0, bits, first.length + ones, second.length);
      expect(unpack(bits, length)).toEqual([...first, ...Array<boolean>(ones).fill(true), ...second]);
    }),
  );
});
