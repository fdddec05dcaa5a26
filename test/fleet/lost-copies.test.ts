import { describe, expect, test } from 'vitest';
import { QueryError } from '../../columnar/index.ts';
import { resourceKey } from '../../overlay/store/items.ts';
import { attempt, pick, whole } from '../support/faults.ts';
import { type Answer, run, SimulatedFleet } from '../support/fleet.ts';
import { seedsOr } from '../support/seeds.ts';

const rows = 400;
const values = Array.from({ length: rows }, (_, n) => `(${n})`).join(', ');

/** A fleet with a table of `rows` rows, which are never written again unless a test does. */
async function fleetWithTable(nodes: number, seed: number): Promise<SimulatedFleet> {
  const options = { nodes, tables: () => [], queryDeadlineMs: 20_000 };
  const fleet = await SimulatedFleet.start(options, { seed, silentCrashes: seed % 2 === 0 });
  await ask(fleet, 0, `CREATE TABLE numbers (n int4 PRIMARY KEY); INSERT INTO numbers VALUES ${values}`);
  return fleet;
}

async function outcomeAt(fleet: SimulatedFleet, at: number, sql: string): Promise<Answer | QueryError> {
  const node = fleet.nodes[at];
  if (node === undefined) throw new Error(`no node ${at}`);
  return fleet.drive(attempt(run(node, sql)));
}

async function ask(fleet: SimulatedFleet, at: number, sql: string): Promise<Answer> {
  const outcome = await outcomeAt(fleet, at, sql);
  if (outcome instanceof QueryError) throw outcome;
  return outcome;
}

const count = 'SELECT count(*) FROM numbers';
const complete = (n: number): object => ({ rows: [[BigInt(n)]], coverage: { complete: true } });

/** Asks one node after the other for a while: whatever claims to be complete must have every row. */
async function watch(fleet: SimulatedFleet, virtualMs: number): Promise<void> {
  const untilMs = fleet.simulation.nowMs + virtualMs;
  while (fleet.simulation.nowMs < untilMs) {
    await fleet.rest(500 + pick(fleet, 1_500));
    await check(fleet, fleet.up[pick(fleet, fleet.up.length)] ?? 0);
  }
}

async function check(fleet: SimulatedFleet, at: number): Promise<void> {
  const outcome = await outcomeAt(fleet, at, count);
  if (!(outcome instanceof QueryError) && outcome.coverage?.complete) expect(outcome).toMatchObject(complete(rows));
}

/** Five neighbours on the ring, which have all copies of some regions, though not of the table's definition. */
function neighbours(fleet: SimulatedFleet): number[] {
  const byId = fleet.up.toSorted((a, b) => ((fleet.nodes[a]?.id ?? '') < (fleet.nodes[b]?.id ?? '') ? -1 : 1));
  const keepers = fleet.nodes[0]?.overlay.replicas(resourceKey('catalog', 'numbers'), 3).map(({ id }) => id);
  for (let first = pick(fleet, byId.length); ; first++) {
    const found = Array.from({ length: 5 }, (_, i) => byId[(first + i) % byId.length] as number);
    if (!keepers?.every((id) => found.some((index) => fleet.nodes[index]?.id === id))) return found;
  }
}

describe.each(seedsOr('1..6'))('seed %i', (seed) => {
  test('rows that are gone with all their copies are missed for ever, until the table is made anew', async () => {
    const fleet = await fleetWithTable(12, seed);
    const victims = neighbours(fleet);
    for (const victim of victims) await fleet.kill(victim);
    // Other nodes come to their addresses, so that nobody is missing: before the regions are taken as empty, or after.
    if (seed % 2 === 0) await watch(fleet, 60_000);
    const comings = victims.map((victim) => fleet.replace(victim));
    await fleet.drive(Promise.all(comings), 120_000);
    await watch(fleet, 60_000);
    for (let round = 0; round < 2; round++) {
      const coming = fleet.join();
      await watch(fleet, 5_000);
      await fleet.drive(coming);
      await fleet.drive(fleet.leave(fleet.up[pick(fleet, fleet.up.length)] ?? 0), 120_000);
      await watch(fleet, 5_000);
    }
    await whole(fleet);

    for (const at of fleet.up) {
      const { coverage, rows: counted } = await ask(fleet, at, count);
      expect(Number(counted[0]?.[0])).toBeLessThan(rows);
      expect(coverage).toMatchObject({ complete: false, missing: [] });
      expect(coverage?.regionsLost).not.toEqual([]);
      expect(coverage?.reasons.join()).toMatch(
        /^rows of numbers may be missing: no whole copy of a part was left at 2[-\d]{9}T\d\d:\d\dZ/,
      );
    }
    const [at = 0] = fleet.up;
    // What never was in the lost copies is not missed: nodes' own rows, and tables that are younger.
    expect(await ask(fleet, at, 'SELECT count(*) FROM sys.nodes')).toMatchObject(complete(fleet.up.length));
    await ask(fleet, at, `CREATE TABLE younger (n int4 PRIMARY KEY); INSERT INTO younger VALUES ${values}`);
    expect(await ask(fleet, at, 'SELECT count(*) FROM younger')).toMatchObject(complete(rows));
    // Rows written again are there again, but nobody can know that they are all.
    await ask(fleet, at, `INSERT INTO numbers VALUES ${values}`);
    expect(await ask(fleet, at, count)).toMatchObject({ rows: [[BigInt(rows)]], coverage: { complete: false } });
    const anew = 'DROP TABLE numbers; CREATE TABLE numbers (n int4 PRIMARY KEY);';
    await ask(fleet, at, `${anew} INSERT INTO numbers VALUES ${values}`);
    for (const index of fleet.up) expect(await ask(fleet, index, count)).toMatchObject(complete(rows));
  });

  test('a partition, however long, leaves no mark where a whole copy survived', async () => {
    const fleet = await fleetWithTable(9, seed);
    fleet.partition(fleet.up.filter((index) => index % 3 === seed % 3));
    await watch(fleet, 90_000);
    fleet.heal();
    await watch(fleet, 20_000);
    // Regions that move while some of their copies may still be marked.
    const coming = fleet.join();
    await watch(fleet, 10_000);
    await fleet.drive(coming);
    await whole(fleet);
    await fleet.rest(30_000);
    for (const index of fleet.up) expect(await ask(fleet, index, count)).toMatchObject(complete(rows));
  });
});
