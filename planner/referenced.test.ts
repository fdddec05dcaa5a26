import { expect, test } from 'vitest';
import { referencedTables, tableKey } from './index.ts';
import { statement } from './test-tables.ts';

test.each([
  ['SELECT 1', []],
  ['SELECT * FROM a JOIN sys.nodes ON true, (SELECT * FROM c UNION ALL SELECT * FROM a) x', ['a', 'sys.nodes', 'c']],
  ['INSERT INTO t SELECT * FROM u', ['t', 'u']],
  ['EXPLAIN SELECT * FROM t', ['t']],
  ["SUBSCRIBE (SELECT count(*) FROM t) EVERY '1 second'", ['t']],
  ['DESCRIBE t', ['t']],
  ['DROP TABLE t', ['t']],
  ['CREATE TABLE t (a int)', []],
  ['SHOW TABLES', []],
])('%s', (sql, expected) => {
  expect(referencedTables(statement(sql)).map(tableKey)).toEqual(expected);
});
