import { expect, test } from 'vitest';
import { tableFromSpec } from './spec.ts';

test('a name may be given or follows from the file', () => {
  expect(tableFromSpec('flights=./data/f.parquet')).toEqual({ name: 'flights', path: './data/f.parquet' });
  expect(tableFromSpec('/data/Flights-3m.parquet')).toEqual({ name: 'flights_3m', path: '/data/Flights-3m.parquet' });
  expect(tableFromSpec('./a=b/c.csv')).toEqual({ name: 'c', path: './a=b/c.csv' });
  expect(tableFromSpec('t=a=b.csv')).toEqual({ name: 't', path: 'a=b.csv' });
});

test('a name that SQL cannot write and an empty path are refused', () => {
  for (const spec of ['', 't=', 'a b=c.csv', '=c.csv', '***.csv', '1x=c.csv']) {
    expect(() => tableFromSpec(spec)).toThrow(expect.objectContaining({ code: 'configuration' }));
  }
});
