import { expect, test } from 'vitest';
import { type Schema, type SqlType, types } from '../../columnar/index.ts';
import { iteratorTable, type RowObject } from '../../engine/index.ts';
import { run, SimulatedFleet } from '../support/fleet.ts';

const fields = (k: SqlType, at: SqlType): Schema => ({
  fields: [
    { name: 'k', type: k },
    { name: 'at', type: at },
  ],
});

/** What files of one kind may look like on three machines: whole numbers, large ones, fractions; days and instants. */
const guessed: readonly (readonly [Schema, readonly RowObject[]])[] = [
  [
    fields(types.int4, types.date),
    [
      { k: 1, at: '2026-01-01' },
      { k: null, at: null },
    ],
  ],
  [
    fields(types.int8, types.timestamp),
    [
      { k: 2n ** 40n, at: '2026-01-01 00:00:00' },
      { k: 1n, at: '2026-01-02 12:00:00' },
    ],
  ],
  [
    fields(types.float8, types.date),
    [
      { k: 0.5, at: '2026-01-02' },
      { k: 1, at: '2026-01-01' },
    ],
  ],
];
const known = {
  fields: [
    { name: 'k', type: types.int8 },
    { name: 'name', type: types.text },
  ],
};
const names = [
  { k: 1n, name: 'one' },
  { k: 2n ** 40n, name: 'many' },
];

async function answersOf(sameTypes: boolean): Promise<unknown[]> {
  const [common] = [fields(types.float8, types.timestamp)];
  const tables = (index: number) => {
    const [schema, rows] = guessed[index] ?? [common, []];
    const converted = rows.map((row) => ({ k: row.k === null ? null : Number(row.k), at: row.at ?? null }));
    return [
      sameTypes ? iteratorTable('logs', common, () => converted) : iteratorTable('logs', schema, () => rows),
      iteratorTable('names', known, () => (index === 0 ? names : [])),
    ];
  };
  const fleet = await SimulatedFleet.start({ nodes: 3, tables }, { seed: 3 });
  const answers: unknown[] = [];
  for (const sql of [
    'DESCRIBE logs',
    'SELECT count(*), count(k), sum(k), min(at), max(at) FROM logs',
    'SELECT k, count(*) FROM logs GROUP BY k ORDER BY 1',
    'SELECT name, at FROM logs JOIN names ON logs.k = names.k ORDER BY 1, 2',
    "SELECT k FROM logs WHERE at = TIMESTAMP '2026-01-01' AND k < 2 ORDER BY 1",
    'SELECT DISTINCT at FROM logs ORDER BY at DESC LIMIT 2',
  ]) {
    const [node] = fleet.nodes;
    if (node) answers.push((await fleet.drive(run(node, sql))).rows);
  }
  return answers;
}

test('a local table whose files look different at each node has the types that UNION ALL would give it', async () => {
  const [described, ...answers] = await answersOf(false);
  expect(described).toEqual([
    ['k', 'double precision', 'yes', ''],
    ['at', 'timestamp without time zone', 'yes', ''],
  ]);
  expect([described, ...answers]).toEqual(await answersOf(true));
});
