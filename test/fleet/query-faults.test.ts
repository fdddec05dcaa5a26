import { describe, expect, test } from 'vitest';
import { QueryError } from '../../columnar/index.ts';
import { type EventQuery, eventQueries, eventTables, labelTables } from '../support/events.ts';
import { attempt, type Fault, faults, lie, pick, pickSome, queriesLeft, whole } from '../support/faults.ts';
import { run, SimulatedFleet } from '../support/fleet.ts';
import { seedsOr } from '../support/seeds.ts';

const seeds = seedsOr('1..2');
const deadlineMs = 20_000;
/** Names are looked up before the query begins, each for at most this long. */
const lookupMs = 16_000;
const roundsPerSeed = 2;

async function fleetOf(seed: number): Promise<SimulatedFleet> {
  const nodes = 8 + (seed % 13);
  const fleet = await SimulatedFleet.start(
    { nodes, tables: eventTables, queryDeadlineMs: deadlineMs },
    { seed, silentCrashes: seed % 2 === 0 },
  );
  const [founder] = fleet.nodes;
  if (founder === undefined) throw new Error('no nodes');
  await fleet.drive(run(founder, `${labelTables.create}; ${labelTables.load}`));
  return fleet;
}

function nodeOf(fleet: SimulatedFleet, index: number) {
  const node = fleet.nodes[index];
  if (node === undefined) throw new Error(`no node ${index}`);
  return node;
}

/** A query at one node, begun now or a moment later, and what is wrong with its answer. */
async function lieOf(
  fleet: SimulatedFleet,
  query: EventQuery,
  asked: number,
  members: readonly number[],
  optional: readonly number[],
) {
  const outcome = await attempt(run(nodeOf(fleet, asked), query.sql));
  return { asked, sql: query.sql, lie: lie(query, outcome, members, optional) };
}

/** Some queries and one fault, and all that must hold meanwhile and afterwards. */
async function round(fleet: SimulatedFleet, fault: Fault): Promise<void> {
  const story = { seed: fleet.simulation.seed, fault: fault.name, nodes: fleet.up.length };
  const members = fleet.up;
  const asked = pickSome(fleet, members, 3);
  const trouble = fault.begin(fleet, asked);
  // Every other time the fault comes first.
  if (pick(fleet, 2) === 0) await fleet.rest(pick(fleet, 5_000));
  const answers = asked.flatMap((index) =>
    pickSome(fleet, eventQueries, 1).map((query) => lieOf(fleet, query, index, members, trouble.optional)),
  );
  const lies = (await fleet.drive(Promise.all(answers), deadlineMs + 2 * lookupMs)).filter(
    (answer) => answer.lie !== null,
  );
  expect({ ...story, lies }).toEqual({ ...story, lies: [] });
  await trouble.end();
  await fleet.rest(8_000);
  expect({ ...story, left: await queriesLeft(fleet) }).toEqual({ ...story, left: [] });
}

describe.each(seeds)('seed %i', (seed) => {
  test.each(faults)('$name: no query hangs, lies, counts twice or leaves anything behind', async (fault) => {
    const fleet = await fleetOf(seed);
    for (let i = 0; i < roundsPerSeed; i += 1) {
      await round(fleet, fault);
      await whole(fleet);
    }
  });

  test('nothing is left of queries whose client or proxy goes away', async () => {
    const fleet = await fleetOf(seed);
    for (const end of ['cancel', 'close', 'stop', 'crash'] as const) {
      for (let i = 0; i < 2; i += 1) {
        const [proxy = 1] = pickSome(fleet, fleet.up.slice(1), 1);
        const [query] = pickSome(fleet, eventQueries, 1);
        const session = nodeOf(fleet, proxy).openSession();
        const outcome = attempt(run({ openSession: () => session }, query?.sql ?? ''));
        await fleet.rest(pick(fleet, 700));
        let stopped: Promise<unknown> = Promise.resolve();
        if (end === 'cancel') session.cancel();
        if (end === 'close') session.close();
        if (end === 'stop') stopped = fleet.leave(proxy);
        if (end === 'crash') await fleet.kill(proxy);
        else {
          const ended = await fleet.drive(outcome, 1_000);
          if (ended instanceof QueryError) expect(['cancelled', 'shutdown']).toContain(ended.code);
        }
        await fleet.rest(end === 'crash' ? 8_000 : 5_000);
        const story = { seed, end, proxy, sql: query?.sql };
        expect({ ...story, left: await queriesLeft(fleet) }).toEqual({ ...story, left: [] });
        await fleet.drive(stopped);
      }
    }
  });
});
