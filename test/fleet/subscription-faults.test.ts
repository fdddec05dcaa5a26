import { describe, expect, test } from 'vitest';
import { batchToRows, QueryError } from '../../columnar/index.ts';
import type { EpochAnswer } from '../../engine/index.ts';
import { virtualEpochMs } from '../../simulator/index.ts';
import { eventsPerNode, eventTables } from '../support/events.ts';
import { pick, pickSome, queriesLeft } from '../support/faults.ts';
import { epochs, SimulatedFleet } from '../support/fleet.ts';
import { seedsOr } from '../support/seeds.ts';

const seeds = seedsOr('1..4');
const everyMs = 1_000;
/** Until a silent crash is noticed, and the epochs begun before that are over. */
const detectionMs = 8_000;

/** When each node was up, in virtual milliseconds: what an epoch's answer is held against. */
class Roll {
  readonly #lives: { readonly node: number; readonly fromMs: number; memberMs: number; toMs: number }[] = [];
  readonly #troublesAtMs: number[] = [];
  readonly #fleet: SimulatedFleet;

  constructor(fleet: SimulatedFleet) {
    this.#fleet = fleet;
    for (const node of fleet.up) void this.up(node, Promise.resolve());
  }

  async up(node: number, member: Promise<unknown>): Promise<void> {
    const never = Number.POSITIVE_INFINITY;
    const life = { node, fromMs: this.#fleet.simulation.nowMs, memberMs: never, toMs: never };
    this.#lives.push(life);
    await member;
    life.memberMs = this.#fleet.simulation.nowMs;
  }

  /** @param gracefully it told the others, so that nobody has to find out */
  down(node: number, gracefully: boolean): void {
    const life = this.#lives.findLast((candidate) => candidate.node === node);
    if (life !== undefined) life.toMs = this.#fleet.simulation.nowMs;
    if (!gracefully) this.#troublesAtMs.push(this.#fleet.simulation.nowMs);
  }

  /** Nodes that were members for all of a span of time. */
  throughout(fromMs: number, toMs: number): number[] {
    return this.#lives.filter((life) => life.memberMs <= fromMs && life.toMs >= toMs).map(({ node }) => node);
  }

  /** Nodes that were up for some of it. */
  within(fromMs: number, toMs: number): number[] {
    return this.#lives.filter((life) => life.fromMs <= toMs && life.toMs >= fromMs).map(({ node }) => node);
  }

  calm(fromMs: number, toMs: number): boolean {
    return !this.#troublesAtMs.some((atMs) => atMs > fromMs - detectionMs && atMs < toMs);
  }
}

const perNode = `SELECT node, count(*) AS n FROM events GROUP BY node`;

/** @returns what is wrong with an epoch's answer, or nothing */
function faultsOf(answer: EpochAnswer, roll: Roll): string[] {
  const beganAtMs = answer.epoch * everyMs - virtualEpochMs;
  const endedAtMs = answer.atMs - virtualEpochMs;
  const rows = batchToRows(answer.batch).map(([node, n]) => [Number(node), Number(n)] as const);
  const counted = rows.map(([node]) => node);
  const wrong: string[] = [];
  if (rows.some(([, n]) => n !== eventsPerNode)) wrong.push(`a node counted twice or in part: ${JSON.stringify(rows)}`);
  if (counted.length !== answer.coverage.nodesAnswered)
    wrong.push(`${counted.length} nodes, says ${answer.coverage.nodesAnswered}`);
  const possible = roll.within(beganAtMs, endedAtMs);
  if (!counted.every((node) => possible.includes(node))) wrong.push('a node that was not up');
  // Who has just joined may be in the next epoch only.
  const certain = roll.throughout(beganAtMs - 2 * everyMs, endedAtMs);
  const absent = certain.filter((node) => !counted.includes(node));
  if (absent.length > 0 && answer.coverage.complete) wrong.push(`claims to be complete without ${absent.join()}`);
  if (absent.length > 0 && roll.calm(beganAtMs, endedAtMs))
    wrong.push(`without ${absent.join()}, which lived: ${answer.coverage.reasons.join('; ')}`);
  return wrong;
}

describe.each(seeds)('seed %i', (seed) => {
  async function fleetOf(): Promise<SimulatedFleet> {
    const simulated = { seed, silentCrashes: seed % 2 === 0, lossRate: seed % 3 === 0 ? 0.05 : 0 };
    return SimulatedFleet.start({ nodes: 9 + (seed % 7), tables: eventTables }, simulated);
  }

  function node(fleet: SimulatedFleet, index: number) {
    const found = fleet.nodes[index];
    if (found === undefined) throw new Error(`no node ${index}`);
    return found;
  }

  test('who dies costs its own rows, who joins takes part, nobody counts twice, epochs come in order', async () => {
    const fleet = await fleetOf();
    const roll = new Roll(fleet);
    const asked = pick(fleet, fleet.nodes.length);
    const [crashed = 0, left = 0] = pickSome(
      fleet,
      fleet.up.filter((index) => index !== asked),
      2,
    );
    const began = fleet.simulation.nowMs;
    const at = (fromMs: number, act: () => void): void => fleet.simulation.at(began + fromMs + pick(fleet, 2_000), act);
    at(3_000, () => {
      roll.down(crashed, false);
      void fleet.kill(crashed);
    });
    at(13_000, () => void roll.up(fleet.nodes.length, fleet.join()));
    at(16_000, () => void roll.up(crashed, fleet.restart(crashed)));
    at(20_000, () => {
      roll.down(left, true);
      void fleet.leave(left);
    });
    const answers = await fleet.drive(
      epochs(node(fleet, asked), `SUBSCRIBE (${perNode}) EVERY '1 second' FOR '30 seconds'`),
      120_000,
    );
    const wrong = answers.flatMap((answer) =>
      faultsOf(answer, roll).map((what) => `epoch ${answer.epoch - (answers[0]?.epoch ?? 0)}: ${what}`),
    );
    expect({ seed, crashed, left, wrong }).toEqual({ seed, crashed, left, wrong: [] });
    expect({ seed, epochs: answers.map(({ epoch }) => epoch - (answers[0]?.epoch ?? 0)) }).toEqual({
      seed,
      epochs: answers.map((_, i) => i),
    });
    expect({ seed, count: answers.length }).toEqual({ seed, count: 30 });
    await fleet.rest(5_000);
    expect({ seed, left: await queriesLeft(fleet) }).toEqual({ seed, left: [] });
  });

  test('nothing is left of a subscription that was cancelled, abandoned, or whose proxy died', async () => {
    const fleet = await fleetOf();
    const [proxy = 0, other = 0] = pickSome(
      fleet,
      fleet.up.filter((index) => index !== 0),
      2,
    );
    const sql = `SUBSCRIBE (${perNode}) EVERY '1 second'`;

    const session = node(fleet, proxy).openSession();
    const cancelled = (async () => {
      for await (const result of session.execute(sql))
        if (result.kind === 'epochs') for await (const _ of result.epochs);
    })().catch((error: unknown) => error);
    await fleet.rest(3_000 + pick(fleet, 1_000));
    session.cancel();
    const error = await fleet.drive(cancelled);
    expect(error instanceof QueryError && error.code).toBe('cancelled');

    const answers = await fleet.drive(epochs(node(fleet, other), sql, 3));
    expect(answers).toHaveLength(3);
    await fleet.rest(5_000);
    expect({ seed, left: await queriesLeft(fleet) }).toEqual({ seed, left: [] });

    void epochs(node(fleet, proxy), sql);
    await fleet.rest(2_000 + pick(fleet, 1_000));
    await fleet.kill(proxy);
    await fleet.rest(8_000);
    expect({ seed, left: await queriesLeft(fleet) }).toEqual({ seed, left: [] });
  });
});
