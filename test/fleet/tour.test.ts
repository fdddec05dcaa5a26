import { beforeAll, describe, expect, test } from 'vitest';
import { tourQueries, tourTables } from '../../cli/tour-script.ts';
import { QueryError } from '../../columnar/index.ts';
import { defaultGeometry, type GeometryName, geometries } from '../../engine/index.ts';
import { comparable, plainRows } from '../support/duckdb.ts';
import { type Answer, run, SimulatedFleet } from '../support/fleet.ts';
import { loadTourData, type TourData } from '../support/tour-data.ts';

const nodes = 64;
/** `SEEDS=1..50 npm run test:seeds` runs more of them. */
const seeds = seedsFrom(process.env['SEEDS'] ?? '1..3');
const deadlineMs = 60_000;
const startTimeoutMs = 300_000;

function seedsFrom(range: string): readonly number[] {
  const [first = 1, last = first] = range.split('..').map(Number);
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

let data: TourData;
beforeAll(async () => {
  data = await loadTourData();
});

async function fleetOf(seed: number, geometry: GeometryName): Promise<SimulatedFleet> {
  const fleet = await SimulatedFleet.start(
    { nodes, tables: data.tables, queryDeadlineMs: deadlineMs, geometry },
    { seed },
  );
  const [founder] = fleet.nodes;
  if (founder === undefined) throw new Error('no nodes');
  await fleet.drive(run(founder, `${tourTables.create}; ${tourTables.load}`));
  return fleet;
}

/** A whole number below `count`, from the seed. */
function pick(fleet: SimulatedFleet, count: number): number {
  return Math.floor(fleet.simulation.random() * count);
}

function isExact(sql: string, answer: Answer): boolean {
  const rows = comparable(plainRows(answer.schema, answer.rows), true);
  return JSON.stringify(rows) === JSON.stringify(data.expected.get(sql));
}

/** Some node that still lives answers; whatever happens, the query ends by its deadline. */
async function ask(fleet: SimulatedFleet, at: number, sql: string): Promise<Answer | QueryError> {
  const node = fleet.nodes[at];
  if (node === undefined) throw new Error(`no node ${at}`);
  const outcome = run(node, sql).catch((error: unknown) => {
    if (error instanceof QueryError) return error;
    throw error;
  });
  return fleet.drive(outcome, deadlineMs + 1_000);
}

function mustNotLie(seed: number, sql: string, answer: Answer | QueryError): void {
  if (answer instanceof QueryError) return;
  const claim = { seed, sql, complete: answer.coverage?.complete, exact: isExact(sql, answer) };
  if (claim.complete) expect(claim).toEqual({ ...claim, exact: true });
}

/** The default geometry with every seed, the others with the first. */
const variants = geometries.flatMap((geometry) =>
  seeds.slice(0, geometry === defaultGeometry ? undefined : 1).map((seed) => ({ geometry, seed })),
);

// One fleet for all three: the crash comes last.
describe.each(variants)('64 simulated nodes ($geometry, seed $seed)', ({ geometry, seed }) => {
  let fleet: SimulatedFleet;
  beforeAll(async () => {
    fleet = await fleetOf(seed, geometry);
  }, startTimeoutMs);

  test('without faults every answer is exact and complete', async () => {
    for (const { sql } of tourQueries) {
      const answer = await ask(fleet, pick(fleet, nodes), sql);
      if (answer instanceof QueryError) throw answer;
      expect({ seed, sql, rows: comparable(plainRows(answer.schema, answer.rows), true) }).toEqual({
        seed,
        sql,
        rows: data.expected.get(sql),
      });
      expect({ seed, sql, coverage: answer.coverage }).toMatchObject({ coverage: { complete: true, reasons: [] } });
    }
  });

  test('with 5% of all messages lost every answer is exact and complete', async () => {
    fleet.simulation.setLossRate(0.05);
    for (const { sql } of tourQueries) {
      const answer = await ask(fleet, pick(fleet, nodes), sql);
      if (answer instanceof QueryError) throw answer;
      expect({ seed, sql, exact: isExact(sql, answer), coverage: answer.coverage }).toMatchObject({
        exact: true,
        coverage: { complete: true },
      });
    }
  });

  test('with one crash at a random moment no query hangs and none claims more than it has', async () => {
    fleet.simulation.setLossRate(0);
    const asked = pick(fleet, nodes);
    const crashed = (asked + 1 + pick(fleet, nodes - 1)) % nodes;
    const crashesDuring = pick(fleet, tourQueries.length);
    for (const [i, { sql }] of tourQueries.entries()) {
      if (i === crashesDuring) {
        fleet.simulation.at(fleet.simulation.nowMs + pick(fleet, 1_000), () => void fleet.kill(crashed));
      }
      mustNotLie(seed, sql, await ask(fleet, asked, sql));
    }
  });
});
