import { describe, expect, test } from 'vitest';
import { types } from '../columnar/index.ts';
import { defineTable } from './index.ts';
import { failure, statement } from './test-tables.ts';

function define(sql: string) {
  const parsed = statement(sql);
  if (parsed.kind !== 'createTable') throw new Error('no CREATE TABLE');
  return defineTable(parsed, { namespace: 'space', replicasMax: 3, nowMs: 1_700_000_000_000.5 });
}

test('a table as it is written', () => {
  const table = define(
    "CREATE TABLE t (id bigint, device text NOT NULL, v numeric(10, 2), PRIMARY KEY (id, device)) PARTITION BY HASH (device) WITH (lifetime = '1 hour', replicas = 2)",
  );
  expect(table).toEqual({
    name: 't',
    source: 'distributed',
    schema: {
      fields: [
        { name: 'id', type: types.int8 },
        { name: 'device', type: types.text },
        { name: 'v', type: types.numeric(10, 2) },
      ],
    },
    distributed: {
      namespace: 'space',
      primaryKey: [0, 1],
      partitionBy: [1],
      notNull: [0, 1],
      lifetimeMs: 3_600_000,
      replicas: 2,
      createdAtMs: 1_700_000_000_000,
    },
  });
});

test('rows are placed by the primary key, or by all columns', () => {
  expect(define('CREATE TABLE t (a int, b int PRIMARY KEY)').distributed?.partitionBy).toEqual([1]);
  expect(define('CREATE TABLE t (a int, b int)').distributed).toMatchObject({
    primaryKey: [],
    partitionBy: [0, 1],
    lifetimeMs: null,
    replicas: null,
  });
});

describe('errors', () => {
  test.each([
    ['CREATE TABLE t (a int, a text)', 'duplicateColumn', 23, null],
    ['CREATE TABLE t (a intger)', 'unknownType', 18, 'Did you mean "integer"?'],
    ['CREATE TABLE t (aa int, PRIMARY KEY (ab))', 'unknownColumn', 37, 'Did you mean "aa"?'],
    ['CREATE TABLE t (a int PRIMARY KEY, b int) PARTITION BY HASH (b)', 'invalidParameter', 61, null],
    ['CREATE TABLE t (a int) WITH (replicas = 0)', 'invalidParameter', 29, null],
    [
      'CREATE TABLE t (a int) WITH (replicas = 4)',
      'invalidParameter',
      29,
      'Ask for at most 3, or start all nodes of the fleet with --replicas 4.',
    ],
    ["CREATE TABLE t (a int) WITH (lifetime = 'soon')", 'invalidDatetime', 29, null],
    ["CREATE TABLE t (a int) WITH (lifetime = '0 seconds')", 'invalidParameter', 29, null],
    ['CREATE TABLE t (a int) WITH (lifetme = 1)', 'invalidParameter', 29, 'Known options: lifetime, replicas.'],
    ['CREATE TABLE t (a int) WITH (replicas = 1, replicas = 2)', 'invalidParameter', 43, null],
    ['CREATE TABLE sys.t (a int)', 'unsupported', 13, 'Leave out the schema.'],
  ])('%s', (sql, code, position, hint) => {
    const error = failure(() => define(sql));
    expect({ code: error.code, position: error.position }).toEqual({ code, position });
    if (hint !== null) expect(error.hint).toBe(hint);
  });
});
