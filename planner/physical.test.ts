import { describe, expect, test } from 'vitest';
import { partitionKey, types } from '../columnar/index.ts';
import { nodesOf } from './nodes.ts';
import { plan, tables } from './test-tables.ts';

describe('waves', () => {
  const waves = (sql: string) => {
    const { opgraphs, waves: count } = plan(sql);
    return [opgraphs.map(({ output }) => output?.wave ?? null), count];
  };
  test.each([
    ['scans end in wave 0', 'SELECT delay FROM flights', [[0, null], 1]],
    ['a tree from the sources too', 'SELECT count(*) FROM flights', [[0, null], 1]],
    ['groups come out in the wave after', 'SELECT origin, count(*) FROM flights GROUP BY origin', [[0, 1, null], 2]],
    ['an inner join streams', 'SELECT delay FROM flights JOIN states ON origin = state', [[0, 0, 0, null], 1]],
    [
      'a left join waits for its inputs',
      'SELECT delay FROM flights LEFT JOIN states ON origin = state',
      [[0, 0, 1, null], 2],
    ],
    [
      'top-k of a join waits for it',
      'SELECT delay FROM flights JOIN states ON origin = state ORDER BY 1 LIMIT 2',
      [[0, 0, 1, null], 2],
    ],
    [
      'a chain of joins is one wave, its groups the next, the top of these the same',
      'SELECT o.city, count(*) AS n FROM flights f JOIN airports o ON f.origin = o.iata JOIN airports d ON f.destination = d.iata ' +
        'GROUP BY o.city ORDER BY n DESC LIMIT 3',
      [[0, 0, 0, 0, 1, 2, null], 3],
    ],
    ['no table, one wave', 'SELECT 1', [[null], 1]],
  ])('%s', (_, sql, expected) => {
    expect(waves(sql)).toEqual(expected);
  });
});

describe('whom a query reaches', () => {
  const reach = (sql: string) => plan(sql).dissemination;
  const reading = (id: bigint) => ({ kind: 'key', key: partitionKey('readings/1', [id], [types.int8]) });

  test('the owner, when every partition column is bound', () => {
    expect(reach('SELECT * FROM readings WHERE id = 42')).toEqual(reading(42n));
    expect(reach("SELECT count(*) FROM readings WHERE '42' = id AND value > 3")).toEqual(reading(42n));
    expect(reach('SELECT * FROM readings WHERE id IN (7)')).toEqual(reading(7n));
    expect(reach('SELECT * FROM (SELECT id AS x, device FROM readings) r WHERE x = 5000000000')).toEqual(
      reading(5_000_000_000n),
    );
    expect(reach("SELECT * FROM pairs WHERE b = 'x' AND a = 1::bigint")).toEqual({
      kind: 'key',
      key: partitionKey('pairs/1', [1, 'x'], [types.int4, types.text]),
    });
  });

  test('every node otherwise', () => {
    for (const sql of [
      'SELECT * FROM readings WHERE id > 42',
      'SELECT * FROM readings WHERE id = 42 OR id = 43',
      'SELECT * FROM readings WHERE id IN (1, 2)',
      'SELECT * FROM readings WHERE id = 1.5',
      'SELECT * FROM pairs WHERE a = 1',
      "SELECT * FROM pairs WHERE a = 5000000000 AND b = 'x'",
      'SELECT * FROM readings a, readings b WHERE a.id = 1 AND b.id = 1',
      'SELECT delay FROM flights WHERE delay = 3',
    ]) {
      expect(reach(sql), sql).toEqual({ kind: 'all' });
    }
  });
});

test('every plan is frozen, joins have keys of equal types', () => {
  const { opgraphs } = plan(
    'SELECT k.t FROM kinds k JOIN states s ON k.i8 = s.code JOIN kinds j ON j.n = s.code + k.i4',
  );
  for (const { root } of opgraphs) {
    for (const node of nodesOf(root)) {
      expect(Object.isFrozen(node)).toBe(true);
      if (node.kind !== 'join') continue;
      const left = node.leftKeys.map((key) => node.left.schema.fields[key]?.type);
      expect(node.rightKeys.map((key) => node.right.schema.fields[key]?.type)).toEqual(left);
    }
  }
});

test('literal rows never leave the proxy but through an exchange', () => {
  for (const name of tables.keys()) {
    const { opgraphs } = plan(`SELECT count(*) FROM ${name} UNION ALL VALUES (1)`);
    expect(
      opgraphs.filter(({ root }) => [...nodesOf(root)].some(({ kind }) => kind === 'values')).map(({ at }) => at),
    ).toEqual(['proxy']);
  }
});
