import { describe, expect, test } from 'vitest';
import { eventQueries, eventTables, labelTables } from '../support/events.ts';
import { attempt, type Fault, faults, lie, pickSome, queriesLeft, whole } from '../support/faults.ts';
import { run, SimulatedFleet } from '../support/fleet.ts';
import { seedsOr } from '../support/seeds.ts';

const seeds = seedsOr('1..2');
const deadlineMs = 20_000;
/** Names are looked up before the query begins, each for at most this long. */
const lookupMs = 16_000;
const roundsPerSeed = 4;

async function fleetOf(seed: number, silentCrashes: boolean): Promise<SimulatedFleet> {
  const nodes = 8 + (seed % 9);
  const fleet = await SimulatedFleet.start({ nodes, tables: eventTables, queryDeadlineMs: deadlineMs }, { seed, silentCrashes });
  const [founder] = fleet.nodes;
  if (founder === undefined) throw new Error('no nodes');
  await fleet.drive(run(founder, `${labelTables.create}; ${labelTables.load}`));
  return fleet;
}

/** One query with one fault, and all that must hold meanwhile and afterwards. */
async function round(fleet: SimulatedFleet, fault: Fault): Promise<void> {
  const [query] = pickSome(fleet, eventQueries, 1);
  const [asked] = pickSome(fleet, fleet.up, 1);
  const node = asked === undefined ? undefined : fleet.nodes[asked];
  if (query === undefined || asked === undefined || node === undefined) throw new Error('nothing to ask');
  const story = { seed: fleet.simulation.seed, fault: fault.name, sql: query.sql, asked, nodes: fleet.up.length };
  const members = fleet.up;
  const trouble = fault.begin(fleet, asked);
  const outcome = await fleet.drive(attempt(run(node, query.sql)), deadlineMs + 2 * lookupMs);
  expect({ ...story, lie: lie(query, outcome, members, trouble.optional) }).toEqual({ ...story, lie: null });
  await trouble.end();
  await fleet.rest(8_000);
  expect({ ...story, left: await queriesLeft(fleet) }).toEqual({ ...story, left: [] });
}

describe.each(seeds)('seed %i', (seed) => {
  test.each(faults)('$name: no query hangs, lies, counts twice or leaves anything behind', async (fault) => {
    const fleet = await fleetOf(seed, seed % 2 === 0);
    for (let i = 0; i < roundsPerSeed; i += 1) {
      await round(fleet, fault);
      await whole(fleet);
    }
  });
});
