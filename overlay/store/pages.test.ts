import fc from 'fast-check';
import { expect, test } from 'vitest';
import { instanceOf, tokenAfter } from './pages.ts';

test('where a page ended is told to the next one, whatever the instance is called', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 30 }), (instanceId) => {
      expect(instanceOf(tokenAfter(instanceId))).toBe(instanceId);
    }),
  );
});

test.each(['=', 'a b', '!', `${'QUFB'.repeat(100)}`])('%j is no place where a page ended', (token) => {
  expect(() => instanceOf(token)).toThrow(expect.objectContaining({ code: 'refused' }));
});
