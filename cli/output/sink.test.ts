import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { wrapped } from './printable.ts';
import { widthOf } from './sink.ts';

test('a terminal that does not know its size has no width to keep to', () => {
  const terminal = (columns?: number) =>
    Object.assign(new Writable(), { isTTY: true, ...(columns === undefined ? {} : { columns }) });
  expect(widthOf(terminal(80))).toBe(80);
  expect(widthOf(terminal(0))).toBe(Number.POSITIVE_INFINITY);
  expect(widthOf(terminal())).toBe(Number.POSITIVE_INFINITY);
  expect(widthOf(Object.assign(new Writable(), { columns: 80 }))).toBe(Number.POSITIVE_INFINITY);
});

test('long lines are broken at spaces, as far as there are any', () => {
  expect(wrapped('one two', 7)).toBe('one two');
  expect(wrapped('one two three', 7)).toBe('one two\n  three');
  expect(wrapped('incomprehensible words', 5)).toBe('incomprehensible\n  words');
  expect(wrapped('日本 日本', 5)).toBe('日本\n  日本');
});
