import { expect, test } from 'vitest';
import { suggest } from './suggest.ts';

test.each([
  ['lisen', 'listen'],
  ['Listen', 'listen'],
  ['secret-fiel', 'secret-file'],
  ['jion', null],
  ['frequency', null],
])('%s -> %s', (word, expected) => {
  expect(suggest(word, ['listen', 'join', 'secret-file', 'pg'])).toBe(expected);
});
