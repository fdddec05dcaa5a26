import { expect, test } from 'vitest';
import { checkTableName, columnNames } from './names.ts';

test('column names become plain identifiers', () => {
  const header = ['Airport Name', ' Cost Total $ ', '2020', '', 'a-b', 'A B', '_id', 'größe', '$'];
  expect(columnNames(header)).toEqual([
    'airport_name',
    'cost_total',
    '_2020',
    'column_4',
    'a_b',
    'a_b_2',
    '_id',
    'größe',
    'column_9',
  ]);
});

test('a numbered name never meets another column', () => {
  const names = columnNames(['a', 'A', 'a_2', 'a']);
  expect(new Set(names).size).toBe(4);
  expect(names).toEqual(['a', 'a_2', 'a_2_2', 'a_3']);
});

test('table names are lower case and neither empty nor too long', () => {
  expect(checkTableName('flights_2024')).toBe('flights_2024');
  for (const name of ['', 'Flights', '2024', 'a b', 'a.b', 'x'.repeat(64)]) {
    expect(() => checkTableName(name)).toThrow(expect.objectContaining({ code: 'configuration' }));
  }
});
