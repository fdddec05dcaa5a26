import { describe, expect, test } from 'vitest';
import { QueryError, type Schema, types } from '../../columnar/index.ts';
import { iteratorTable } from '../../engine/index.ts';
import { attempt } from '../support/faults.ts';
import { run, SimulatedFleet } from '../support/fleet.ts';
import { seedsOr } from '../support/seeds.ts';

const schema: Schema = { fields: [{ name: 'n', type: types.int4 }] };
const rowsPerNode = 9_000;
const nodes = 4;

function tables(index: number) {
  const rows = Array.from({ length: rowsPerNode }, (_, i) => ({ n: index * rowsPerNode + i }));
  return [iteratorTable('source', schema, () => rows)];
}

function nodeOf(fleet: SimulatedFleet, index: number) {
  const node = fleet.nodes[index];
  if (node === undefined) throw new Error(`no node ${index}`);
  return node;
}

async function fleetOf(seed: number): Promise<SimulatedFleet> {
  const fleet = await SimulatedFleet.start({ nodes, tables }, { seed });
  await fleet.drive(run(nodeOf(fleet, 0), 'CREATE TABLE kept (n int PRIMARY KEY)'));
  return fleet;
}

const insert = 'INSERT INTO kept SELECT n FROM source';

async function rowsKept(fleet: SimulatedFleet, at = 0): Promise<number> {
  const { rows, coverage } = await fleet.drive(run(nodeOf(fleet, at), 'SELECT count(*) FROM kept'));
  expect(coverage?.regionsLost).toEqual([]);
  return Number(rows[0]?.[0]);
}

/** What an INSERT that ended early says is in the table: at least, and at most. */
function toldBy({ message }: QueryError): { readonly least: number; readonly most: number } {
  const [, stored = 0, more = 0] =
    /(\d+) rows had been stored(?:, and up to (\d+) more may have been)?$/.exec(message) ?? [];
  return { least: Number(stored), most: Number(stored) + Number(more) };
}

test('an INSERT tells what its query covers, and one of literal rows covers nothing', async () => {
  const fleet = await fleetOf(1);
  const literal = await fleet.drive(run(nodeOf(fleet, 1), 'INSERT INTO kept VALUES (-1)'));
  expect(literal).toMatchObject({ rowsAffected: 1, coverage: null });
  const whole = await fleet.drive(run(nodeOf(fleet, 1), insert));
  expect(whole).toMatchObject({
    rowsAffected: nodes * rowsPerNode,
    coverage: { complete: true, nodesAnswered: nodes },
  });
  await fleet.kill(3);
  await fleet.rest(15_000);
  const partial = await fleet.drive(run(nodeOf(fleet, 1), insert));
  expect(partial.rowsAffected).toBe(3 * rowsPerNode);
  expect(partial.coverage).toMatchObject({ complete: false, nodesAnswered: 3, missing: [{ id: nodeOf(fleet, 3).id }] });
});

test('a row that cannot be stored fails the INSERT, which tells what was stored before', async () => {
  const fleet = await fleetOf(1);
  await fleet.drive(run(nodeOf(fleet, 0), 'CREATE TABLE strict (n int NOT NULL, m int)'));
  const sql = `INSERT INTO strict SELECT CASE WHEN n < ${3 * rowsPerNode} THEN n END, n FROM source`;
  const failed = await fleet.drive(attempt(run(nodeOf(fleet, 0), sql)));
  if (!(failed instanceof QueryError)) throw new Error('it succeeded');
  expect(failed.code).toBe('notNull');
  const { rows } = await fleet.drive(run(nodeOf(fleet, 0), 'SELECT count(*) FROM strict'));
  expect(Number(rows[0]?.[0])).toBe(toldBy(failed).least);
});

describe.each(seedsOr('1..1'))('seed %i: an INSERT that is to end early', (seed) => {
  /** How long it takes when nobody ends it: the same seed gives the same run. */
  async function wholeMs(): Promise<number> {
    const fleet = await fleetOf(seed);
    const began = fleet.simulation.nowMs;
    await fleet.drive(run(nodeOf(fleet, 1), insert));
    return fleet.simulation.nowMs - began;
  }

  const ends = [
    ['cancel', ['cancelled']],
    // Names may still be looked up.
    ['close', ['cancelled', 'shutdown']],
    ['stop', ['shutdown']],
    ['deadline', ['deadline']],
  ] as const;

  test.each(ends)('%s: it stops writing at once and tells how much is stored', async (end, codes) => {
    const lengthMs = await wholeMs();
    let partly = 0;
    for (const share of [0.1, 0.65, 0.85]) {
      const fleet = await fleetOf(seed);
      const afterMs = Math.ceil(lengthMs * share);
      const session = nodeOf(fleet, 1).openSession();
      const setting = end === 'deadline' ? `SET statement_timeout = '${afterMs} ms'; ` : '';
      const ended = attempt(run({ openSession: () => session }, setting + insert));
      await fleet.rest(afterMs);
      if (end === 'cancel') session.cancel();
      if (end === 'close') session.close();
      const stopped = end === 'stop' ? fleet.leave(1) : Promise.resolve();
      const outcome = await fleet.drive(ended, 200);
      await fleet.drive(stopped);
      // Writes that were under way arrive, or are given up.
      await fleet.rest(20_000);
      const kept = await rowsKept(fleet);
      const story = { seed, end, afterMs, kept };
      if (!(outcome instanceof QueryError)) throw new Error(`not ended: ${JSON.stringify(story)}`);
      expect(codes).toContain(outcome.code);
      const told = toldBy(outcome);
      if (told.least > 0) partly += 1;
      expect({ ...story, told, isTrue: told.least <= kept && kept <= told.most }).toEqual({
        ...story,
        told,
        isTrue: true,
      });
    }
    expect(partly).toBeGreaterThan(0);
  });
});
