import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CodecError, decode, encode, text } from './codec.ts';

const name = text(1_000);

test('text of any length and alphabet is read as it was written', () => {
  const units = fc.constantFrom<'grapheme' | 'grapheme-ascii' | 'binary-ascii'>(
    'grapheme',
    'grapheme-ascii',
    'binary-ascii',
  );
  const any = units.chain((unit) => fc.string({ unit, maxLength: 200 }));
  fc.assert(
    fc.property(any, (value) => {
      fc.pre(Buffer.byteLength(value) <= 1_000);
      expect(decode(name, encode(name, value))).toBe(value);
    }),
  );
});

test('bytes are read as text as UTF-8 says, or not at all', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const written = Buffer.concat([Uint8Array.of(bytes.length, 0), bytes]);
      const value = Buffer.from(bytes).toString();
      const isUtf8 = Buffer.compare(Buffer.from(value), bytes) === 0;
      if (isUtf8) expect(decode(name, written)).toBe(value);
      else expect(() => decode(name, written)).toThrow(CodecError);
    }),
  );
});
