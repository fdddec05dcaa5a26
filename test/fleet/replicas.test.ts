import { describe, expect, test } from 'vitest';
import { QueryError } from '../../columnar/index.ts';
import { plainRows } from '../support/duckdb.ts';
import { attempt, pickSome, whole } from '../support/faults.ts';
import { run, SimulatedFleet } from '../support/fleet.ts';
import { seedsOr } from '../support/seeds.ts';

const rows = 200;
const nodes = 10;

function nodeOf(fleet: SimulatedFleet, index: number) {
  const node = fleet.nodes[index];
  if (node === undefined) throw new Error(`no node ${index}`);
  return node;
}

async function ask(fleet: SimulatedFleet, sql: string): Promise<readonly (readonly unknown[])[]> {
  const answer = await fleet.drive(run(nodeOf(fleet, 0), sql));
  return plainRows(answer.schema, answer.rows);
}

/** A fleet that keeps so many copies, with a table in it. */
async function fleetOf(replicas: number, seed: number, silentCrashes = false): Promise<SimulatedFleet> {
  const fleet = await SimulatedFleet.start({ nodes, tables: () => [], replicas }, { seed, silentCrashes });
  await ask(fleet, 'CREATE TABLE numbers (n int PRIMARY KEY, twice int) WITH (replicas = 1)');
  const values = Array.from({ length: rows }, (_, n) => `(${n}, ${n * 2})`).join(', ');
  await ask(fleet, `INSERT INTO numbers VALUES ${values}`);
  return fleet;
}

function total(answer: { readonly rows: readonly (readonly unknown[])[] }): number {
  return Number(answer.rows[0]?.[0]);
}

describe.each([1, 2, 3, 4, 5])('a fleet that keeps %i copies', (replicas) => {
  test('tells what a table asked for and what it has, and refuses one that asks for more', async () => {
    const fleet = await fleetOf(replicas, 10 + replicas);
    expect(await ask(fleet, 'SELECT replicas_asked, replicas_kept FROM sys.tables')).toEqual([[1, replicas]]);
    await ask(fleet, `CREATE TABLE fits (n int) WITH (replicas = ${replicas})`);
    const sql = `CREATE TABLE greedy (n int) WITH (replicas = ${replicas + 1})`;
    const refused = await fleet.drive(attempt(run(nodeOf(fleet, 0), sql)));
    if (!(refused instanceof QueryError)) throw new Error('it was created');
    expect(refused).toMatchObject({ code: 'invalidParameter', position: sql.indexOf('replicas') });
    expect(refused.hint).toContain(`--replicas ${replicas + 1}`);
    expect(refused.message).toContain(`the ${replicas} cop`);
  });

  test('loses nothing to a graceful end, nor to as many crashes as it has copies to spare', async () => {
    const fleet = await fleetOf(replicas, 20 + replicas);
    await fleet.drive(fleet.leave(pickSome(fleet, fleet.up.slice(1), 1)[0] ?? 1));
    await whole(fleet);
    for (const victim of pickSome(fleet, fleet.up.slice(1), replicas - 1)) await fleet.kill(victim);
    await fleet.rest(20_000);
    await fleet.settle();
    expect(await ask(fleet, 'SELECT count(*), sum(twice) FROM numbers')).toEqual([[rows, rows * (rows - 1)]]);
    expect(await ask(fleet, 'SELECT sum(rows_stored) FROM sys.nodes')).toEqual([[rows * replicas]]);
  });
});

describe.each(seedsOr('1..4'))('seed %i: a fleet of two copies', (seed) => {
  test('outlives one crash after the other, and never claims to be whole while it is not', async () => {
    const fleet = await fleetOf(2, seed, seed % 2 === 0);
    for (let crash = 0; crash < 3; crash += 1) {
      const [victim = 1] = pickSome(fleet, fleet.up.slice(1), 1);
      await fleet.kill(victim);
      for (let i = 0; i < 12; i += 1) {
        const answer = await fleet.drive(attempt(run(nodeOf(fleet, 0), 'SELECT count(*) FROM numbers')));
        if (answer instanceof QueryError)
          expect({ seed, crash, i, code: answer.code }).toMatchObject({ code: 'unreachable' });
        else {
          const claim = { seed, crash, i, rows: total(answer), complete: answer.coverage?.complete };
          expect(claim).toEqual({ ...claim, rows: claim.complete ? rows : Math.min(claim.rows, rows) });
        }
        await fleet.rest(400);
      }
      await fleet.rest(15_000);
      await fleet.settle();
      expect({ seed, crash, counted: await ask(fleet, 'SELECT count(*) FROM numbers') }).toEqual({
        seed,
        crash,
        counted: [[rows]],
      });
    }
  });
});
