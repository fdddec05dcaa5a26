import { expect, test } from 'vitest';
import type { GeometryName } from '../../overlay/index.ts';
import { variants } from '../overlay/fleet.ts';
import { eventQueries, eventTables, labelTables } from '../support/events.ts';
import { attempt, faults, pickSome } from '../support/faults.ts';
import { run, SimulatedFleet } from '../support/fleet.ts';
import { seedsOr } from '../support/seeds.ts';

/** Queries of every kind and faults of every kind, as chance has it: the digest of all frames that were delivered. */
async function digestOf(seed: number, geometry: GeometryName): Promise<string> {
  const options = { nodes: 10, tables: eventTables, queryDeadlineMs: 20_000, geometry };
  const fleet = await SimulatedFleet.start(options, { seed, lossRate: 0.02, jitterMs: 5 });
  const ask = (sql: string) => {
    const [asked] = pickSome(fleet, fleet.up, 1);
    const node = asked === undefined ? undefined : fleet.nodes[asked];
    if (asked === undefined || node === undefined) throw new Error('nobody is up');
    return { asked, outcome: () => fleet.drive(attempt(run(node, sql))) };
  };
  await ask(`${labelTables.create}; ${labelTables.load}`).outcome();
  for (const fault of faults) {
    const [query = eventQueries[0]] = pickSome(fleet, eventQueries, 1);
    const { asked, outcome } = ask(query?.sql ?? '');
    const trouble = fault.begin(fleet, [asked]);
    await outcome();
    await trouble.end();
  }
  await ask("SUBSCRIBE (SELECT grp, count(*) FROM events GROUP BY grp) EVERY '1 second' FOR '3 seconds'").outcome();
  return fleet.simulation.digest();
}

/** Of the runs so far. */
const digests = new Set<string>();

test.each(variants(seedsOr('1..2')))(
  'the same seed gives the same run, frame by frame, and no other does: $geometry, seed $seed',
  async ({ geometry, seed }) => {
    const digest = await digestOf(seed, geometry);
    expect({ seed, digest: await digestOf(seed, geometry) }).toEqual({ seed, digest });
    expect([...digests]).not.toContain(digest);
    digests.add(digest);
  },
);
