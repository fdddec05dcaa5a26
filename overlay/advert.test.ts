import { expect, test } from 'vitest';
import { advertCodec } from './advert.ts';
import { CodecError, decode, encode } from './codec.ts';
import { keyOf } from './keys.ts';
import { RegionSet } from './region.ts';

const [a, b, c] = ['a', 'b', 'c'].map(keyOf).sort() as [string, string, string];
const none = new RegionSet();
const advert = {
  held: new RegionSet([{ from: a, to: b }]),
  spare: new RegionSet([{ from: b, to: c }]),
  retired: none,
  lossy: RegionSet.whole(),
  isVolatile: false,
};
const keyBytes = 20;

test('an edge that two regions share is told once', () => {
  const told = encode(advertCodec, advert);
  expect(told.length).toBeLessThan(4 * keyBytes);
  const heard = decode(advertCodec, told);
  expect(heard.held.equals(advert.held) && heard.spare.equals(advert.spare)).toBe(true);
  expect(heard.retired.isEmpty && heard.lossy.isWhole).toBe(true);
});

test.each([true, false])('of what would not survive a crash: %j', (isVolatile) => {
  expect(decode(advertCodec, encode(advertCodec, { ...advert, isVolatile }))).toMatchObject({ isVolatile });
});

test('what is no set, or of no part, is refused', () => {
  const told = encode(advertCodec, advert);
  const partsOfFirstEdge = 3 + 1 + keyBytes;
  for (const parts of [0, 0b1_0000, 0b0110]) {
    const other = Uint8Array.from(told);
    other[partsOfFirstEdge] = parts;
    expect(() => decode(advertCodec, other)).toThrow(CodecError);
  }
  expect(() => decode(advertCodec, Uint8Array.of(32, 0, 0))).toThrow(CodecError);
});
