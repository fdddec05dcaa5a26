import { expect, test } from 'vitest';
import { QueryError, types } from '../../columnar/index.ts';
import { iteratorTable } from '../../engine/index.ts';
import { attempt, whole } from '../support/faults.ts';
import { addressOf, run, SimulatedFleet } from '../support/fleet.ts';
import { seedsOr } from '../support/seeds.ts';

const ddl = 'CREATE TABLE notes (id int PRIMARY KEY, body text)';

/** Rows of `notes`, in batches, from any node; notes which were acknowledged. */
async function insert(fleet: SimulatedFleet, acknowledged: Set<number>, from: number, to: number): Promise<void> {
  const { up } = fleet;
  const node = fleet.nodes[up[Math.floor(fleet.simulation.random() * up.length)] ?? 0];
  if (!node) throw new Error('nobody is up');
  const ids = Array.from({ length: to - from }, (_, i) => from + i);
  const values = ids.map((id) => `(${id}, 'note ${id}')`).join(', ');
  const outcome = await attempt(run(node, `INSERT INTO notes VALUES ${values}`));
  if (!(outcome instanceof QueryError)) for (const id of ids) acknowledged.add(id);
}

test.each(seedsOr('1..3'))(
  'seed %i: rows survive a power failure of the whole fleet in the middle of writes',
  async (seed) => {
    const fleet = await SimulatedFleet.start({ nodes: 6, tables: () => [], disks: true }, { seed });
    const [asked] = fleet.nodes;
    if (!asked) throw new Error('a fleet has a node');
    await fleet.drive(run(asked, ddl));
    const acknowledged = new Set<number>();
    for (let i = 0; i < 10; i++) await fleet.drive(insert(fleet, acknowledged, 100 * i, 100 * (i + 1)));
    for (let failure = 0; failure < 2; failure++) {
      const start = 1_000 * (failure + 1);
      for (let i = 0; i < 5; i++) void insert(fleet, acknowledged, start + 50 * i, start + 50 * (i + 1));
      await fleet.rest(400 * fleet.simulation.random());
      await fleet.powerFailure();
      await whole(fleet, 240_000);
      const node = fleet.nodes[fleet.up[failure] ?? 0];
      if (!node) throw new Error('nobody is up');
      const { rows, coverage } = await fleet.drive(run(node, 'SELECT id, body FROM notes'));
      expect({ seed, complete: coverage?.complete }).toEqual({ seed, complete: true });
      const found = new Map(rows.map(([id, body]) => [Number(id), body]));
      expect(found.size).toBe(rows.length);
      expect({ seed, lost: [...acknowledged].filter((id) => found.get(id) !== `note ${id}`) }).toEqual({
        seed,
        lost: [],
      });
    }
    await fleet.drive(insert(fleet, acknowledged, 9_000, 9_100));
    expect(acknowledged.has(9_050)).toBe(true);
  },
);

test('a node that comes back before its fleet serves clients soon, though nobody keeps what it publishes', async () => {
  const names = ['a', 'b', 'c', 'd'];
  const schema = { fields: [{ name: 'x', type: types.int4 }] };
  const tables = () => names.map((name) => iteratorTable(name, schema, () => [{ x: 1 }]));
  const fleet = await SimulatedFleet.start({ nodes: 3, tables, disks: true }, { seed: 1 });
  await fleet.rest(5_000);
  for (const index of fleet.up) await fleet.kill(index);
  const beganMs = fleet.simulation.nowMs;
  await fleet.drive(fleet.restart(1));
  expect(fleet.simulation.nowMs - beganMs).toBeLessThan(10_000);
  const [, back] = fleet.nodes;
  if (!back) throw new Error('a fleet has nodes');
  const { rows, coverage } = await fleet.drive(run(back, 'SELECT x FROM c'));
  expect({ rows, complete: coverage?.complete }).toEqual({ rows: [[1]], complete: false });
});

test('tables of nodes stay known where a disk is full', async () => {
  const schema = { fields: [{ name: 'x', type: types.int4 }] };
  const namesOf = (index: number) => ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => `${name}${index}`);
  const tables = (index: number) => namesOf(index).map((name) => iteratorTable(name, schema, () => [{ x: 1 }]));
  const fleet = await SimulatedFleet.start({ nodes: 3, tables, disks: true }, { seed: 1 });
  fleet.simulation.disk(addressOf(2)).isFull = true;
  // Longer than a table is known whose node is not heard of.
  await fleet.rest(200_000);
  for (const node of fleet.nodes) {
    if (!node) throw new Error('nobody has ended');
    for (const name of [0, 1, 2].flatMap(namesOf)) {
      const { rows } = await fleet.drive(run(node, `SELECT x FROM ${name}`));
      expect({ name, rows }).toEqual({ name, rows: [[1]] });
    }
  }
});

test('where a disk is full, writes fail with SQLSTATE 53100 and the disk, and what is there is served', async () => {
  const fleet = await SimulatedFleet.start({ nodes: 3, tables: () => [], disks: true }, { seed: 1 });
  const [asked] = fleet.nodes;
  if (!asked) throw new Error('a fleet has nodes');
  await fleet.drive(run(asked, ddl));
  await fleet.drive(run(asked, "INSERT INTO notes VALUES (1, 'kept')"));
  const address = addressOf(2);
  fleet.simulation.disk(address).isFull = true;
  const full = { sqlState: '53100', message: expect.stringContaining(`node ${address} takes no writes`) };
  await expect(fleet.drive(run(asked, "INSERT INTO notes VALUES (2, 'more')"))).rejects.toMatchObject({
    ...full,
    hint: expect.stringContaining('disk'),
  });
  await expect(fleet.drive(run(asked, 'CREATE TABLE more (id int)'))).rejects.toMatchObject(full);
  const { rows } = await fleet.drive(run(asked, 'SELECT id, body FROM notes WHERE id = 1'));
  expect(rows).toEqual([[1, 'kept']]);
  const dropping = fleet.drive(run(asked, 'DROP TABLE notes'));
  await expect(dropping).rejects.toMatchObject(full);
  await expect(dropping).rejects.toThrow(/^dropping table "notes" failed: node /);
  // The owner of the name has done it.
  const rowsStored = async (): Promise<unknown> =>
    (await fleet.drive(run(asked, 'SELECT sum(rows_stored) FROM sys.nodes'))).rows;
  await expect(fleet.drive(run(asked, 'SELECT id FROM notes'))).rejects.toMatchObject({ code: 'unknownTable' });
  await fleet.rest(1_000);
  expect(String(await rowsStored())).toBe('0');
});
