import { expect, test } from 'vitest';
import { renderErrorAt } from './index.ts';

test.each<[string, string, number, string]>([
  ['the first place', 'selct 1', 0, 'LINE 1: selct 1\n        ^'],
  ['the end', 'SELECT', 6, 'LINE 1: SELECT\n              ^'],
  ['beyond the end', 'SELECT', 99, 'LINE 1: SELECT\n              ^'],
  ['no text', '', 0, 'LINE 1: \n        ^'],
  ['a later line', 'SELECT a\nFORM t\nWHERE b', 9, 'LINE 2: FORM t\n        ^'],
  ['lines of Windows', 'SELECT a\r\nFORM t\r\n', 10, 'LINE 2: FORM t\n        ^'],
  ['a line break', '\nx', 0, 'LINE 1: \n        ^'],
  ['tabs', '\tSELECT\ta b c', 12, 'LINE 1:  SELECT a b c\n                    ^'],
  ['characters of two units', "SELECT '😀' x y", 14, "LINE 1: SELECT '😀' x y\n                     ^"],
])('%s', (_, sql, position, rendered) => {
  expect(renderErrorAt(sql, position)).toBe(rendered);
});

test('a long line is cut to the part around the place', () => {
  const sql = `SELECT ${'column_of_some_length, '.repeat(50)}`;
  for (const position of [0, 30, 500, sql.length - 1]) {
    const [line = '', caret = ''] = renderErrorAt(sql, position).split('\n');
    expect(line.length).toBeLessThanOrEqual('LINE 1: '.length + 78);
    expect(line[caret.length - 1]).toBe(sql[position]);
  }
  expect(renderErrorAt(sql, 500)).toMatch(/^LINE 1: ….*…\n/);
});
