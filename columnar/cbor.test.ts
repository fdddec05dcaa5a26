import { expect, test } from 'vitest';
import { decodeCbor, encodeCbor } from './cbor.ts';

const refused = (bytes: Uint8Array, complaint: string): void => {
  expect(() => decodeCbor(bytes)).toThrow(expect.objectContaining({ code: 'protocol' }));
  expect(() => decodeCbor(bytes)).toThrow(complaint);
};

test('plain data comes back, integers of every size included', () => {
  const integers = [0, 23, 24, 255, 256, 65_535, 65_536, 2 ** 32, Number.MAX_SAFE_INTEGER].flatMap((n) => [n, -1 - n]);
  const large = [2n ** 63n, 2n ** 64n, -(2n ** 64n), 10n ** 38n - 1n, 1n - 10n ** 38n];
  const value = {
    integers,
    large,
    list: [[], [{}], null, true, false, 1.5, Number.NaN],
    text: 'ü',
    bytes: Uint8Array.of(1),
  };
  const decoded = decodeCbor(encodeCbor(value)) as typeof value;
  expect({ ...decoded, bytes: Uint8Array.from(decoded.bytes) }).toEqual(value);
  expect(decodeCbor(encodeCbor(Object.fromEntries(integers.map((n) => [`${n}`, n]))))).toHaveProperty('255', 255);
});

test('claims beyond the bytes are refused before anything is made of them', () => {
  refused(Uint8Array.of(0x9a, 0x06, 0, 0, 0), 'a list longer than the message');
  refused(Uint8Array.of(0x82, 0x82, 1, 2), 'it ends early');
  refused(Uint8Array.of(0xba, 0, 1, 0, 0), 'a map longer than the message');
  refused(Uint8Array.of(0x5b, 255, 255, 255, 255, 255, 255, 255, 255), 'it ends early');
  refused(Uint8Array.of(0x7a, 255, 255, 255, 255), 'it ends early');
  refused(new Uint8Array(5_000).fill(0x81), 'nested too deep');
});

test('values that are packed, to be multiplied by the decoder, are refused', () => {
  const list = (items: readonly Uint8Array[]): Uint8Array =>
    Buffer.concat([Uint8Array.of(0x99, items.length >> 8, items.length & 0xff), ...items]);
  const [none, nulls] = [list([]), list(new Array(2_000).fill(Uint8Array.of(0xf6)))];
  // A table of packed values, prefixes and suffixes; then 2,000 empty lists, each with 2,000 nulls as its prefix.
  const prefixed = list(new Array(2_000).fill(Uint8Array.of(0xd8, 225, 0x80)));
  const bomb = Buffer.concat([Uint8Array.of(0xd8, 51), list([none, list([none, nulls]), none, prefixed])]);
  refused(bomb, 'an unknown tag');
});

test('what no peer of ours writes is refused', () => {
  refused(new Uint8Array(0), 'it ends early');
  refused(Uint8Array.of(0, 0), 'bytes left over');
  refused(Uint8Array.of(0x9f, 0xff), 'an unknown length');
  refused(Uint8Array.of(0xa1, 0x01, 0x01), 'a key that is no text');
  refused(Uint8Array.of(0xc1, 0x00), 'an unknown tag'); // a date
  refused(Uint8Array.of(0xd8, 0x1c, 0x80), 'an unknown tag'); // a value that others refer to
  refused(Uint8Array.of(0xc2, 0x58, 18, ...new Uint8Array(18)), 'an integer too long');
  refused(Uint8Array.of(0xf8, 0x20), 'an unknown simple value');
});
