import { describe, expect, test } from 'vitest';
import type { OverlayNode } from '../../overlay/index.ts';
import { Fleet, recorder } from './fleet.ts';

/** Failed members are forgotten long before the network heals, so that only seeds are left to find the others by. */
const options = { missingRememberedMs: 20_000 };
const limit = { virtualMsMax: 240_000 };

function addressesOf(nodes: readonly OverlayNode[]): string[] {
  return nodes.map((node) => node.self.address);
}

describe.each([1, 2, 3])('after a partition longer than the missing are remembered (seed %i)', (seed) => {
  test('three rings become one again', async () => {
    const fleet = await Fleet.start(18, { seed, options });
    const parts = [0, 1, 2].map((part) => addressesOf(fleet.all().filter((_, i) => i % 3 === part)));
    const [a, b, c] = parts as [string[], string[], string[]];
    fleet.sim.partition(a, [...b, ...c]);
    fleet.sim.partition(b, c);
    await fleet.sim.runUntil(() => fleet.all().every((node) => node.contacts().length === 6), limit);
    await fleet.sim.runFor(60_000);
    for (const node of fleet.all()) expect(node.missing()).toEqual([]);
    fleet.sim.heal();
    await fleet.settle(limit.virtualMsMax);
    fleet.checkTiling();
  });

  test('a node that lost every contact comes back through its seeds or those it met last', async () => {
    const fleet = await Fleet.start(10, { seed, options });
    const lonely = fleet.node(4 + seed);
    const others = addressesOf(fleet.all()).filter((address) => address !== lonely.self.address);
    fleet.sim.partition([lonely.self.address], others);
    await fleet.sim.runUntil(() => lonely.contacts().length === 1, limit);
    await fleet.sim.runFor(60_000);
    expect(lonely.missing()).toEqual([]);
    fleet.sim.heal();
    await fleet.settle(limit.virtualMsMax);
    fleet.checkTiling();
  });
});

test('a lost node knocks at its seeds ever more rarely', async () => {
  const fleet = await Fleet.start(2, { seed: 1, options });
  const [seedNode, lonely] = [fleet.node(0), fleet.node(1)];
  fleet.crash(seedNode);
  await fleet.sim.runUntil(() => lonely.contacts().length === 1, limit);
  await fleet.sim.runFor(300_000);
  const before = lonely.counters().framesOut;
  await fleet.sim.runFor(600_000);
  const knocks = lonely.counters().framesOut - before;
  expect(knocks).toBeGreaterThanOrEqual(8);
  expect(knocks).toBeLessThanOrEqual(24);
});

test.each([1, 2, 3])(
  'a member that one node cannot reach stays a member while others vouch for it (seed %i)',
  async (seed) => {
    const fleet = await Fleet.start(12, { seed });
    const [near] = fleet.node(2).neighbours(1);
    const blind = fleet.node(2);
    const events = recorder();
    blind.register(7, events);
    fleet.sim.partition([blind.self.address], [near?.address as string]);
    await fleet.sim.runFor(30_000);
    expect(events.events.filter((event) => event.startsWith('failed'))).toEqual([]);
    for (const node of fleet.all()) expect(node.missing()).toEqual([]);
    expect(fleet.disagreement()).toBeNull();
  },
);

test('a suspect is no first choice for others’ keys, and keeps its own until it is confirmed dead', async () => {
  const fleet = await Fleet.start(16, { seed: 7, silentCrashes: true });
  const victim = fleet.node(9);
  const [near] = victim.neighbours(1);
  const witness = fleet.all().find((node) => node.self.id === near?.id) as OverlayNode;
  const key = victim.self.id;
  fleet.crash(victim);
  await fleet.sim.runUntil(() => witness.isSuspect(victim.self.id), { virtualMsMax: 5_000 });
  expect(witness.owns(key)).toBe(false);
  await fleet.sim.runUntil(() => witness.contacts().every(({ id }) => id !== victim.self.id), { virtualMsMax: 5_000 });
  expect(witness.isSuspect(victim.self.id)).toBe(false);
  await fleet.settle();
  fleet.checkTiling();
});
