import { describe, expect, test } from 'vitest';
import { type Contact, geometries, type OverlayError, type OverlayNode } from '../../overlay/index.ts';
import { Fleet, recorder, variants } from './fleet.ts';

const app = 7;
const bytes = (text: string): Uint8Array => Buffer.from(text);

function pick(fleet: Fleet, count: number): OverlayNode[] {
  const nodes = fleet.all().slice(1);
  const picked: OverlayNode[] = [];
  while (picked.length < count) picked.push(...nodes.splice(Math.floor(fleet.sim.random() * nodes.length), 1));
  return picked;
}

describe.each(variants([1, 2]))('crashes ($geometry, seed $seed)', ({ geometry, seed }) => {
  test.each([1, 3, 6])('of %i of 30 nodes at once: tables repair, the dead are listed as missing', async (count) => {
    const options = { missingRememberedMs: 75_000 };
    const fleet = await Fleet.start(30, { geometry, seed, silentCrashes: count === 3, options });
    const dead = pick(fleet, count);
    for (const node of dead) fleet.crash(node);
    const crashedAtMs = fleet.sim.nowMs;
    await fleet.settle();
    expect(fleet.sim.nowMs - crashedAtMs).toBeLessThan(count < 6 ? 20_000 : 45_000);
    fleet.checkTiling();
    const ids = dead.map((node) => node.self.id).sort();
    for (const node of fleet.all())
      expect(
        node
          .missing()
          .map((contact) => contact.id)
          .sort(),
      ).toEqual(ids);

    const newcomer = (await fleet.grow(1))[0] as OverlayNode;
    await fleet.sim.runFor(5_000);
    expect(
      newcomer
        .missing()
        .map((contact) => contact.id)
        .sort(),
    ).toEqual(ids);
    await fleet.sim.runFor(85_000);
    expect(fleet.node(0).missing()).toEqual([]);
  });
});

test.each(variants([1, 2, 3]))(
  'at 5 percent loss nobody is declared dead, and every message arrives ($geometry, seed $seed)',
  async ({ geometry, seed }) => {
    const received: string[] = [];
    const lost: string[] = [];
    const fleet = await Fleet.start(32, {
      geometry,
      seed,
      lossRate: 0.05,
      jitterMs: 10,
      prepare: (node) =>
        node.register(app, {
          receive: (_from, payload) => {
            received.push(Buffer.from(payload).toString());
          },
          update: (change) => {
            if (change.kind === 'failed') lost.push(`${node.self.address}: ${change.contact.address}`);
          },
        }),
    });
    const [a, b] = [fleet.node(1), fleet.node(2)];
    const unwatch = a.watch(b.self, (reason) => lost.push(`watch: ${reason}`));
    for (let i = 0; i < 100; i++) {
      a.send(b.self, app, bytes(`${i}`));
      await fleet.sim.runFor(i % 10 === 0 ? 2_000 : 50);
    }
    await fleet.sim.runFor(120_000);
    unwatch();
    expect(lost).toEqual([]);
    expect(received).toEqual(Array.from({ length: 100 }, (_, i) => `${i}`));
    expect(fleet.disagreement()).toBeNull();
  },
);

test.each(variants([1, 2]))(
  'a partition is noticed on both sides, and heals ($geometry, seed $seed)',
  async ({ geometry, seed }) => {
    const fleet = await Fleet.start(20, { geometry, seed });
    const addresses = [...fleet.nodes.keys()];
    const [left, right] = [addresses.slice(0, 10), addresses.slice(10)];
    fleet.sim.partition(left, right);
    await fleet.sim.runUntil(() => fleet.all().every((node) => node.contacts().length === 10), {
      virtualMsMax: 60_000,
    });
    for (const node of fleet.all()) expect(node.missing()).toHaveLength(10);
    await fleet.sim.runFor(60_000);
    fleet.sim.heal();
    await fleet.settle();
    fleet.checkTiling();
    for (const node of fleet.all()) expect(node.missing()).toEqual([]);
  },
);

test.each(variants([1, 2]))(
  'a node that restarts with its identity is taken back, and its peers hear of it ($geometry, seed $seed)',
  async ({ geometry, seed }) => {
    const fleet = await Fleet.start(10, { geometry, seed });
    const watching = fleet.node(3);
    const heard = recorder();
    watching.register(app, heard);
    const victim = fleet.node(5);
    let lost: string | null = null;
    watching.watch(victim.self, (reason) => {
      lost = reason;
    });
    watching.send(victim.self, app, bytes('before'));
    await fleet.sim.runFor(1_000);

    const again = await fleet.restart(victim);
    again.register(app, recorder());
    await fleet.settle();
    expect(again.self).toEqual(victim.self);
    expect(lost).not.toBeNull();
    const address = victim.self.address;
    expect(heard.events.filter((event) => event.endsWith(address))).toEqual([`failed ${address}`, `joined ${address}`]);
    expect(watching.missing()).toEqual([]);
    const events = recorder();
    again.register(app + 1, events);
    watching.send(again.self, app + 1, bytes('after'));
    await fleet.sim.runFor(1_000);
    expect(events.events).toEqual(['receive after']);
    fleet.checkTiling();
  },
);

test.each(geometries)('a node that leaves is not missing, and nobody takes it for dead (%s)', async (geometry) => {
  const fleet = await Fleet.start(12, { geometry, seed: 4 });
  const heard = recorder();
  fleet.node(2).register(app, heard);
  const leaving = fleet.node(7);
  await fleet.leave(leaving);
  await fleet.settle();
  fleet.checkTiling();
  await fleet.sim.runFor(10_000);
  expect(heard.events.filter((event) => event !== 'region')).toEqual([`left ${leaving.self.address}`]);
  for (const node of fleet.all()) expect(node.missing()).toEqual([]);
});

test('a watched peer that dies is reported within seconds, once', async () => {
  const fleet = await Fleet.start(8, { seed: 9, silentCrashes: true });
  const reports: string[] = [];
  const victim = fleet.node(4);
  fleet.node(1).watch(victim.self, (reason) => reports.push(reason));
  fleet.node(1).watch(fleet.node(2).self, (reason) => reports.push(`alive: ${reason}`));
  await fleet.sim.runFor(10_000);
  expect(reports).toEqual([]);
  fleet.crash(victim);
  await fleet.sim.runFor(5_000);
  expect(reports).toEqual(['the peer does not answer']);
});

test('joining fails with a reason when no seed answers', async () => {
  const fleet = new Fleet({ seed: 1 });
  fleet.sim.host('dead:1');
  fleet.sim.crash('dead:1');
  const node = fleet.build();
  const waiting = fleet.build();
  const joining = fleet.sim.runUntil(node.join(['dead:1', waiting.self.address]), { virtualMsMax: 120_000 });
  await expect(joining).rejects.toMatchObject({ name: 'OverlayError', code: 'refused' });
  waiting.bootstrap();
  await fleet.sim.runUntil(node.join([waiting.self.address]), { virtualMsMax: 10_000 });
  await fleet.settle();
});

test('nonsense closes its link, is counted, and hurts nobody else', async () => {
  const fleet = await Fleet.start(5, { seed: 1 });
  const evil = fleet.sim.host('evil:1');
  const target = fleet.node(2);
  for (let i = 0; i < 20; i++) {
    evil.transport.send(
      target.self.address,
      Uint8Array.from({ length: 3 * i }, () => Math.floor(fleet.sim.random() * 256)),
    );
    await fleet.sim.runFor(100);
  }
  await fleet.sim.runFor(5_000);
  expect(target.counters().framesMalformed).toBeGreaterThan(0);
  expect(fleet.sim.stats().rejections).toBeGreaterThan(0);
  expect(fleet.disagreement()).toBeNull();
  for (const node of fleet.all()) expect(node.missing()).toEqual([]);
});

test('a node that is closed while it looks for its neighbours says nothing more', async () => {
  const outcomes = new Set<string>();
  for (let afterMs = 50; afterMs < 3_000; afterMs += 150) {
    const fleet = await Fleet.start(8, { seed: 3, silentCrashes: true });
    // Those who are silent make looking for neighbours take long.
    for (const dead of fleet.all().slice(4)) fleet.crash(dead);
    const node = fleet.build();
    node.join(['n0:1']).then(
      () => outcomes.add('joined'),
      (error: OverlayError) => outcomes.add(error.code),
    );
    await fleet.sim.runFor(afterMs);
    void node.close();
    const { framesOut } = node.counters();
    await fleet.sim.runFor(10_000);
    expect(node.counters().framesOut).toBe(framesOut);
  }
  expect([...outcomes].sort()).toEqual(['closed', 'joined']);
});

test('whoever keeps a copy takes writes from the owner alone, and from its heir once the owner leaves or is silent', async () => {
  const fleet = await Fleet.start(8, { seed: 4, silentCrashes: true });
  const owner = fleet.node(3);
  const key = owner.self.id;
  const [, heir] = owner.replicas(key, 3) as [Contact, Contact, Contact];
  const keepers = fleet.all().filter((node) => node !== owner);
  for (const keeper of fleet.all()) expect(keeper.mayOwn(owner.self, key)).toBe(true);
  for (const keeper of fleet.all()) expect(keeper.mayOwn(heir, key)).toBe(false);
  // It was looked at, and answered.
  await fleet.sim.runFor(1_000);
  for (const keeper of keepers) expect(keeper.mayOwn(heir, key)).toBe(false);
  void owner.leave();
  expect(owner.mayOwn(heir, key)).toBe(true);
  await fleet.sim.runFor(1_000);
  for (const keeper of keepers) expect(keeper.mayOwn(heir, key)).toBe(true);

  const [dead, other] = fleet.node(0).replicas(fleet.node(5).self.id, 2) as [Contact, Contact];
  const observer = fleet.all().find(({ self }) => self.id !== dead.id && self.id !== other.id) as OverlayNode;
  fleet.crash(fleet.node(5));
  expect(observer.mayOwn(other, dead.id)).toBe(false);
  // Long before it is declared dead.
  await fleet.sim.runFor(1_500);
  expect(observer.contacts()).toContainEqual(dead);
  expect(observer.mayOwn(other, dead.id)).toBe(true);
});
