import { describe, expect, test } from 'vitest';
import { type Address, type OverlayNode, RegionSet } from '../../overlay/index.ts';
import { Fleet, type FleetOptions } from './fleet.ts';

const app = 7;
const bytes = (text: string): Uint8Array => Buffer.from(text);

type Count = 'broadcastsOut' | 'broadcastsIn' | 'broadcastsRepeated' | 'broadcastsPulled';

/** What nodes that were prepared hear, each broadcast as often as it was delivered. */
function listeners() {
  const heard = new Map<Address, string[]>();
  const prepare = (node: OverlayNode): void => {
    const texts: string[] = [];
    heard.set(node.self.address, texts);
    node.register(app, {
      broadcast: (_origin, payload) => {
        texts.push(Buffer.from(payload).toString());
      },
    });
  };
  const at = (node: OverlayNode): string[] => (heard.get(node.self.address) ?? []).toSorted();
  const sum = (fleet: Fleet, of: Count): number => fleet.all().reduce((total, node) => total + node.counters()[of], 0);
  return { prepare, at, sum };
}

/** A fleet that listens. */
async function listening(count: number, options: FleetOptions) {
  const { prepare, at, sum } = listeners();
  const fleet = await Fleet.start(count, {
    ...options,
    prepare: (node) => {
      options.prepare?.(node);
      prepare(node);
    },
  });
  return { fleet, at, sum: (of: Count) => sum(fleet, of) };
}

describe.each([1, 2])('broadcasts (seed %i)', (seed) => {
  test('cost N - 1 payloads when all is well, and short announcements', async () => {
    const { fleet, at, sum } = await listening(40, { seed });
    await fleet.sim.runFor(60_000);
    const before = fleet.sim.stats();
    await fleet.sim.runFor(10_000);
    const idleBytes = fleet.sim.stats().bytes - before.bytes;
    fleet.node(5).broadcast(app, new Uint8Array(20_000));
    const started = fleet.sim.stats();
    await fleet.sim.runFor(10_000);
    const busyBytes = fleet.sim.stats().bytes - started.bytes - idleBytes;
    for (const node of fleet.all()) expect(at(node)).toHaveLength(1);
    expect([sum('broadcastsOut'), sum('broadcastsRepeated'), sum('broadcastsPulled')]).toEqual([39, 0, 0]);
    expect(busyBytes / 39 - 20_000).toBeLessThan(2_000);
  });

  test('cost as little when nobody knows everybody', async () => {
    const { prepare, at, sum } = listeners();
    const fleet = new Fleet({ seed, options: { contactsMax: 0, leafSetSize: 8 }, prepare });
    fleet.build().bootstrap();
    for (let i = 1; i < 60; i++) await fleet.sim.runUntil(fleet.build().join(['n0:1']), { virtualMsMax: 10_000 });
    await fleet.sim.runFor(10_000);
    for (const node of fleet.all()) expect(node.contacts().length).toBeLessThan(40);
    for (const origin of [0, 17, 50]) fleet.node(origin).broadcast(app, bytes(`from ${origin}`));
    await fleet.sim.runFor(10_000);
    for (const node of fleet.all()) expect(at(node)).toHaveLength(3);
    expect([sum(fleet, 'broadcastsOut'), sum(fleet, 'broadcastsRepeated')]).toEqual([3 * 59, 0]);
  });

  test('are kept without the frames that they came in', async () => {
    const alone = new Set<boolean>();
    const { fleet } = await listening(12, {
      seed,
      prepare: (node) =>
        node.register(app + 1, {
          broadcast: (_origin, payload) => alone.add(payload.buffer.byteLength === payload.byteLength),
        }),
    });
    fleet.node(0).broadcast(app + 1, new Uint8Array(500));
    await fleet.sim.runFor(2_000);
    expect([...alone]).toEqual([true]);
  });

  test('reach everybody once at 5 percent loss, many at a time', async () => {
    const { fleet, at, sum } = await listening(32, { seed, lossRate: 0.05, jitterMs: 20 });
    const texts = Array.from({ length: 20 }, (_, i) => `b${i}`);
    for (const [i, text] of texts.entries()) fleet.node(i).broadcast(app, bytes(text));
    await fleet.sim.runFor(20_000);
    for (const node of fleet.all()) expect(at(node)).toEqual(texts.toSorted());
    expect(sum('broadcastsRepeated')).toBeLessThan(0.2 * sum('broadcastsIn'));
  });

  test.each([0.3, 0.6])('reach all survivors once right after %d of all have failed', async (fraction) => {
    const { fleet, at, sum } = await listening(50, { seed, silentCrashes: true });
    for (const node of fleet.all().slice(1)) if (fleet.sim.random() < fraction) fleet.crash(node);
    fleet.node(0).broadcast(app, bytes('alarm'));
    await fleet.sim.runFor(30_000);
    for (const node of fleet.all()) expect(at(node)).toEqual(['alarm']);
    expect(sum('broadcastsRepeated')).toBeLessThanOrEqual(fleet.nodes.size);
  });

  test('reach those whose parent died with the message, by their neighbours', async () => {
    const { fleet, at, sum } = await listening(40, { seed, silentCrashes: true });
    const origin = fleet.node(0);
    const { delegate } = origin.split(RegionSet.whole(), origin.options.broadcastFanout, false);
    const [heir, ...children] = delegate.map(({ to }) => fleet.nodes.get(to.address) as OverlayNode);
    const cut = children.map((node) => node.self.address);
    origin.broadcast(app, bytes('will'));
    // Their word reaches the origin, which takes their parts for served, and nobody else.
    fleet.sim.partition(
      cut,
      [...fleet.nodes.keys()].filter((address) => address !== origin.self.address),
    );
    await fleet.sim.runFor(41);
    for (const child of children) expect(at(child)).toEqual(['will']);
    for (const child of children) fleet.crash(child);
    await fleet.sim.runFor(1);
    expect(at(heir as OverlayNode)).toEqual(['will']);
    await fleet.sim.runFor(30_000);
    for (const node of fleet.all()) expect(at(node)).toEqual(['will']);
    expect(sum('broadcastsPulled')).toBeGreaterThan(0);
  });

  test('reach a member that was cut off for a moment', async () => {
    const { fleet, at } = await listening(24, { seed });
    const aside = fleet.node(9);
    const others = [...fleet.nodes.keys()].filter((address) => address !== aside.self.address);
    fleet.sim.partition([aside.self.address], others);
    fleet.node(3).broadcast(app, bytes('news'));
    await fleet.sim.runFor(2_200);
    expect(at(aside)).toEqual([]);
    fleet.sim.heal();
    await fleet.sim.runFor(10_000);
    for (const node of fleet.all()) expect(at(node)).toEqual(['news']);
  });
});

test('a large broadcast is slow, and nobody is taken for silent', async () => {
  const { fleet, at, sum } = await listening(10, { seed: 1 });
  fleet.node(0).broadcast(app, new Uint8Array(500_000));
  await fleet.sim.runFor(20_000);
  for (const node of fleet.all()) expect(at(node)).toHaveLength(1);
  expect([sum('broadcastsOut'), sum('broadcastsPulled')]).toEqual([9, 0]);
});

test('a broadcast that is too large is refused', async () => {
  const { fleet } = await listening(2, { seed: 1 });
  const { broadcastBytesMax } = fleet.node(0).options;
  expect(() => fleet.node(0).broadcast(app, new Uint8Array(broadcastBytesMax + 1))).toThrow(/exceeds/);
});
