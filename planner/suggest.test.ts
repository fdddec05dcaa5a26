import { expect, test } from 'vitest';
import { closest, didYouMean, editDistance } from './suggest.ts';

test.each([
  ['', '', 0],
  ['abc', 'abc', 0],
  ['abc', 'ab', 1],
  ['abc', 'acb', 1],
  ['kitten', 'sitting', 3],
])('%s and %s are %i edits apart', (a, b, distance) => {
  expect(editDistance(a, b)).toBe(distance);
  expect(editDistance(b, a)).toBe(distance);
});

test('only what is close is suggested', () => {
  expect(closest('fligths', ['airports', 'flights'])).toBe('flights');
  expect(closest('x', ['airports', 'flights'])).toBeNull();
  expect(didYouMean('nmae', ['name', 'iata'])).toBe('Did you mean "name"?');
  expect(didYouMean('zzz', ['name'])).toBeUndefined();
});
