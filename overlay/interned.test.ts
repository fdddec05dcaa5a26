import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Interned } from './interned.ts';

const words = fc.array(fc.uint8Array({ minLength: 4, maxLength: 4 }), { minLength: 1, maxLength: 300 });

test('a value is found only under the bytes that it was kept for', () => {
  fc.assert(
    fc.property(words, (list) => {
      const interned = new Interned<string>(8, 100);
      for (const word of list) {
        const bytes = Buffer.from([9, ...word, ...word, 9]);
        const text = bytes.toString('hex', 1, 9);
        const found = interned.get(bytes, 1, 8);
        if (found === undefined) interned.keep(bytes, 1, 8, text);
        else expect(found).toBe(text);
        expect(interned.get(bytes, 1, 8)).toBe(text);
      }
    }),
  );
});

test('values that are read again and again are mostly found, when there is room for them', () => {
  const interned = new Interned<number>(4, 2_000);
  const bytes = Buffer.alloc(4 * 1_000);
  for (let i = 0; i < 1_000; i++) bytes.writeUInt32BE(Math.imul(i, 0x85ebca6b) >>> 0, 4 * i);
  let found = 0;
  for (let round = 0; round < 20; round++) {
    found = 0;
    for (let i = 0; i < 1_000; i++) {
      if (interned.get(bytes, 4 * i, 4) === i) found += 1;
      else interned.keep(bytes, 4 * i, 4, i);
    }
  }
  expect(found).toBeGreaterThan(700);
});

test('what is too long is not kept', () => {
  const interned = new Interned<number>(4, 64);
  const bytes = Buffer.alloc(5);
  interned.keep(bytes, 0, 5, 1);
  expect(interned.get(bytes, 0, 5)).toBeUndefined();
  interned.keep(bytes, 0, 4, 2);
  expect(interned.get(bytes, 0, 5)).toBeUndefined();
  expect(interned.get(bytes, 0, 4)).toBe(2);
});
