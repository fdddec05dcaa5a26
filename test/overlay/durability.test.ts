import { describe, expect, test } from 'vitest';
import { diskPrefix, OverlayError, RegionSet } from '../../overlay/index.ts';
import type { Fleet } from './fleet.ts';
import { StoreFleet } from './store-fleet.ts';

const hourMs = 3_600_000;
const run = { virtualMsMax: 120_000 };

/** What was acknowledged, by resource. */
type Acknowledged = Map<string, string>;

async function expectAll(stores: StoreFleet, acknowledged: Acknowledged): Promise<void> {
  const found = new Map<string, string | undefined>();
  for (const resource of acknowledged.keys()) found.set(resource, await stores.get(resource));
  expect({ seed: stores.fleet.sim.seed, found }).toEqual({ seed: stores.fleet.sim.seed, found: acknowledged });
}

/** One after the other, the others having its data before the next does. */
async function restartEach(fleet: Fleet): Promise<void> {
  for (const { self } of fleet.all()) {
    const node = fleet.nodes.get(self.address);
    // The first of the others lets it in.
    if (node && node !== fleet.node(0)) await fleet.restart(node);
    await fleet.settle();
  }
  const [first] = fleet.all();
  if (!first) return;
  fleet.crash(first);
  await fleet.bringBack(first.self);
  await fleet.settle();
}

/** Puts one after the other, for as long as the fleet runs, from nodes that go on; notes what is acknowledged. */
function writeOn(stores: StoreFleet, acknowledged: Acknowledged, from = () => stores.any()): { stop(): void } {
  let isOver = false;
  const work = async (): Promise<void> => {
    for (let i = 0; !isOver; i++) {
      const resource = `r${i % 40}`;
      try {
        await from().put('books', resource, 'only', Buffer.from(`v${i}`), hourMs);
        acknowledged.set(resource, `v${i}`);
      } catch (error) {
        if (!(error instanceof OverlayError)) throw error;
        // Whether it was done is not known: some later value counts.
        acknowledged.delete(resource);
      }
    }
  };
  void work();
  return {
    stop: () => {
      isOver = true;
    },
  };
}

/** What was acknowledged in this time. */
async function writtenFor(stores: StoreFleet, virtualMs: number): Promise<Acknowledged> {
  const acknowledged: Acknowledged = new Map();
  const writer = writeOn(stores, acknowledged);
  await stores.fleet.sim.runFor(virtualMs);
  writer.stop();
  return acknowledged;
}

function lossyNodes(fleet: Fleet): number {
  return fleet.all().filter((node) => node.losses(RegionSet.whole()).length > 0).length;
}

describe.each([1, 2, 3])('with disks (seed %i)', (seed) => {
  test('a power failure of the whole fleet loses nothing that was acknowledged, and brings back nothing removed', async () => {
    const stores = await StoreFleet.start(8, { seed, disks: true });
    const { fleet } = stores;
    const acknowledged: Acknowledged = new Map();
    for (let i = 0; i < 30; i++) {
      await stores.put(`r${i}`, `v${i}`);
      acknowledged.set(`r${i}`, `v${i}`);
    }
    await stores.put('gone', 'x');
    await stores.put('brief', 'y', 20_000);
    await fleet.sim.runUntil(stores.any().remove('books', 'gone', 'only'), run);
    // The moment of the failure is in the middle of writes.
    for (let i = 0; i < 10; i++) void stores.any().put('books', `late${i}`, 'only', Buffer.from('l'), hourMs);
    await fleet.sim.runFor(60 * fleet.sim.random());
    for (let failure = 0; failure < 2; failure++) {
      await fleet.powerFailure();
      await fleet.settle();
      await fleet.sim.runFor(20_000);
    }
    await expectAll(stores, acknowledged);
    expect(await stores.get('gone')).toBeUndefined();
    expect(await stores.get('brief')).toBeUndefined();
    await fleet.sim.runFor(60_000);
    for (const resource of acknowledged.keys()) expect(stores.copies(resource)).toBe(3);
    expect(fleet.all().every((node) => node.counters().regionsAdopted === 0)).toBe(true);
    for (const node of fleet.all()) node.checkInvariants();
  });

  test('after a power failure, what somebody who is not back may have is missed until then, and no longer', async () => {
    const stores = await StoreFleet.start(8, { seed, disks: true });
    const { fleet } = stores;
    const acknowledged = await writtenFor(stores, 5_000);
    const absent = await fleet.powerFailure(2);
    // Longer than the dead are remembered: who is forgotten is not back.
    await fleet.sim.runFor(11 * 60_000);
    await fleet.settle();
    expect(lossyNodes(fleet)).toBeGreaterThan(0);
    for (const [i, contact] of absent.entries()) {
      await fleet.bringBack(contact);
      await fleet.settle();
      await fleet.sim.runFor(20_000);
      if (i === 0) expect(lossyNodes(fleet)).toBeGreaterThan(0);
    }
    expect(lossyNodes(fleet)).toBe(0);
    await expectAll(stores, acknowledged);
  });

  test.each([
    ['the power fails once more', (fleet: Fleet) => fleet.powerFailure()],
    ['each node restarts', restartEach],
  ] as const)(
    '%s before all are back: that what they may have is missed is not forgotten, and ends when they are',
    async (_, again) => {
      const stores = await StoreFleet.start(8, { seed, disks: true });
      const { fleet } = stores;
      const acknowledged = await writtenFor(stores, 5_000);
      const absent = await fleet.powerFailure(2);
      await fleet.sim.runFor(60_000);
      await fleet.settle();
      expect(lossyNodes(fleet)).toBeGreaterThan(0);
      await stores.put('between', 'both');
      acknowledged.set('between', 'both');
      await again(fleet);
      // Longer than the dead are remembered.
      await fleet.sim.runFor(11 * 60_000);
      await fleet.settle();
      for (const contact of absent) {
        expect(lossyNodes(fleet)).toBeGreaterThan(0);
        await fleet.bringBack(contact);
        await fleet.settle();
        await fleet.sim.runFor(20_000);
      }
      expect(lossyNodes(fleet)).toBe(0);
      await expectAll(stores, acknowledged);
      for (const node of fleet.all()) node.checkInvariants();
    },
  );

  test('nodes that restart again and again under writes lose nothing that was acknowledged', async () => {
    const stores = await StoreFleet.start(8, { seed, disks: true });
    const { fleet } = stores;
    const acknowledged: Acknowledged = new Map();
    for (let round = 0; round < 6; round++) {
      const writer = writeOn(stores, acknowledged);
      await fleet.sim.runFor(3_000);
      // Three at once: all copies of something.
      const victims = fleet
        .all()
        .filter((_, i) => i > 0)
        .sort(() => fleet.sim.random() - 0.5)
        .slice(0, 3);
      writer.stop();
      for (const node of victims) await fleet.restart(node);
      await fleet.settle();
      await fleet.sim.runFor(25_000);
    }
    await expectAll(stores, acknowledged);
    expect(acknowledged.size).toBeGreaterThan(10);
  });
});

test('what one node took as empty, being back alone, is whole again once all are back', async () => {
  const stores = await StoreFleet.start(5, { seed: 2, disks: true });
  const { fleet } = stores;
  const acknowledged: Acknowledged = new Map();
  for (let i = 0; i < 40; i++) {
    await stores.put(`r${i}`, `v${i}`);
    acknowledged.set(`r${i}`, `v${i}`);
  }
  const absent = await fleet.powerFailure(4);
  // Longer than it waits for somebody who has the rest.
  await fleet.sim.runFor(60_000);
  expect(fleet.node(0).counters().regionsAdopted).toBeGreaterThan(0);
  for (const contact of absent) {
    expect(fleet.node(0).losses(RegionSet.whole()).length).toBeGreaterThan(0);
    await fleet.bringBack(contact);
    await fleet.sim.runFor(20_000);
  }
  await fleet.settle();
  await fleet.sim.runFor(60_000);
  for (const node of fleet.all()) expect(node.losses(RegionSet.whole())).toEqual([]);
  await expectAll(stores, acknowledged);
});

test('a node that comes back reads and gives back only what differs', async () => {
  const stores = await StoreFleet.start(6, { seed: 5, disks: true });
  const { fleet } = stores;
  for (let i = 0; i < 600; i++) await stores.put(`r${i}`, `v${i}`);
  const node = fleet.node(3);
  fleet.crash(node);
  await fleet.sim.runFor(2_000);
  for (let i = 0; i < 5; i++) await stores.put(`r${i}`, 'changed');
  const again = await fleet.restart(node);
  await fleet.settle();
  await fleet.sim.runFor(30_000);
  for (let i = 0; i < 600; i += 50) expect(stores.copies(`r${i}`)).toBe(3);
  for (let i = 0; i < 5; i++) expect(await stores.get(`r${i}`)).toBe('changed');
  const itemBytes = 150;
  expect(again.counters().chunkBytesIn).toBeLessThan(100 * itemBytes);
});

test('what only the disk of a returning node has comes back, even after its region was taken as empty', async () => {
  const stores = await StoreFleet.start(7, { seed: 4, disks: true });
  const { fleet } = stores;
  for (let i = 0; i < 60; i++) await stores.put(`r${i}`, `v${i}`);
  const victims = [1, 2, 3].map((i) => fleet.node(i));
  for (const node of victims) fleet.crash(node);
  await fleet.sim.runFor(90_000);
  for (let i = 60; i < 80; i++) await stores.put(`r${i}`, `v${i}`);
  for (const node of victims) await fleet.restart(node);
  await fleet.settle();
  await fleet.sim.runFor(60_000);
  await expectAll(stores, new Map(Array.from({ length: 80 }, (_, i) => [`r${i}`, `v${i}`])));
  for (let i = 0; i < 80; i++) expect(stores.copies(`r${i}`)).toBe(3);
});

test('a node whose disk is full refuses writes, says why, and goes on serving', async () => {
  const stores = await StoreFleet.start(3, { seed: 3, disks: true });
  const { fleet } = stores;
  await stores.put('before', 'v');
  const { address } = fleet.node(1).self;
  fleet.sim.disk(address).isFull = true;
  await expect(stores.put('after', 'v')).rejects.toMatchObject({
    code: 'full',
    message: expect.stringMatching(new RegExp(`node ${address} takes no writes, since its disk has failed: no space`)),
  });
  expect(await stores.get('before')).toBe('v');
  expect(fleet.node(1).journal.failure?.code).toBe('full');
  fleet.sim.disk(address).isFull = false;
  await fleet.restart(fleet.node(1));
  await fleet.settle();
  await stores.put('after', 'v');
  expect(await stores.get('after')).toBe('v');
  expect(stores.copies('after')).toBe(3);
});

describe.each([1, 2, 3])('copies on failed disks (seed %i)', (seed) => {
  /** Three nodes with what was put, and eight that came later, whose disks have never taken anything. */
  async function mostlyFull(): Promise<StoreFleet> {
    const stores = await StoreFleet.start(3, { seed, disks: true });
    const { fleet } = stores;
    for (let i = 0; i < 30; i++) await stores.put(`r${i}`, `v${i}`);
    for (let i = 3; i < 11; i++) fleet.sim.disk(`n${i}:1`).isFull = true;
    await fleet.grow(8);
    await fleet.sim.runFor(60_000);
    expect(fleet.all().filter(({ journal }) => journal.failure?.code === 'full')).toHaveLength(8);
    return stores;
  }

  test('serve, and are no reason for others to give up theirs', async () => {
    const stores = await mostlyFull();
    const { fleet } = stores;
    for (let i = 0; i < 30; i++) expect(await stores.get(`r${i}`)).toBe(`v${i}`);
    for (const { self } of fleet.all()) fleet.sim.disk(self.address).isFull = false;
    await fleet.powerFailure();
    await fleet.settle();
    // Who is back first may have had nothing on its disk, and takes over what the others had.
    await fleet.sim.runFor(60_000);
    for (let i = 0; i < 30; i++) expect(await stores.get(`r${i}`)).toBe(`v${i}`);
    for (let i = 0; i < 30; i++) expect(stores.copies(`r${i}`)).toBe(3);
    for (const node of fleet.all()) node.checkInvariants();
  });

  test('take soft state, and nothing else', async () => {
    const stores = await mostlyFull();
    const { fleet } = stores;
    for (let i = 0; i < 30; i++) {
      const put = stores.any().put('books', `soft${i}`, 'only', Buffer.from('s'), hourMs, { isSoft: true });
      await fleet.sim.runUntil(put, run);
      expect(await stores.get(`soft${i}`)).toBe('s');
    }
    await expect(stores.put('after', 'v')).rejects.toMatchObject({ code: 'full' });
    const renew = (i: number, isSoft: boolean): Promise<boolean> =>
      fleet.sim.runUntil(stores.any().renew('books', `r${i}`, 'only', 2 * hourMs, { isSoft }), run);
    for (let i = 0; i < 30; i++) expect(await renew(i, true)).toBe(true);
    await fleet.sim.runFor(1.5 * hourMs);
    for (let i = 0; i < 30; i++) expect(await stores.get(`r${i}`)).toBe(`v${i}`);
    await expect(renew(0, false)).rejects.toMatchObject({ code: 'full' });
  });
});

test.each([1, 23, 32])(
  'disks that fill up and are emptied again, among restarts and newcomers, lose nothing that was acknowledged (seed %i)',
  async (seed) => {
    const stores = await StoreFleet.start(6, { seed, disks: true });
    const { fleet } = stores;
    const { sim } = fleet;
    const acknowledged: Acknowledged = new Map();
    for (let i = 0; i < 30; i++) {
      await stores.put(`early${i}`, 'e');
      acknowledged.set(`early${i}`, 'e');
    }
    const writer = writeOn(stores, acknowledged, () => stores.store(0));
    let failedMax = 0;
    for (let round = 0; round < 16; round++) {
      await sim.runFor(4_000 * sim.random());
      const node = fleet.node(1 + Math.floor((fleet.nodes.size - 1) * sim.random()));
      const disk = sim.disk(node.self.address);
      if (disk.isFull) {
        disk.isFull = sim.random() < 0.3;
        await fleet.restart(node);
      } else if (round % 2 === 0) {
        sim.disk(`n${fleet.nodes.size}:1`).isFull = sim.random() < 0.8;
        await fleet.grow(1);
      } else if (sim.random() < 0.5) disk.isFull = true;
      else await fleet.restart(node);
      failedMax = Math.max(failedMax, fleet.all().filter(({ journal }) => journal.failure).length);
    }
    writer.stop();
    // Until the last put has succeeded or failed.
    await sim.runFor(20_000);
    expect(failedMax).toBeGreaterThan(1);
    expect(acknowledged.size).toBeGreaterThan(0);
    for (const { self } of fleet.all()) sim.disk(self.address).isFull = false;
    await fleet.powerFailure();
    await fleet.settle();
    await sim.runFor(60_000);
    await expectAll(stores, acknowledged);
    for (const node of fleet.all()) node.checkInvariants();
  },
);

test.each(['damage', 'forget'] as const)(
  '%s: noticed, the rest is used, and the node takes no writes',
  async (harm) => {
    const stores = await StoreFleet.start(3, { seed: 8, disks: true });
    const { fleet } = stores;
    for (let i = 0; i < 20; i++) await stores.put(`r${i}`, `v${i}`);
    const node = fleet.node(2);
    fleet.crash(node);
    fleet.sim.disk(node.self.address)[harm](diskPrefix.objects, 7);
    const again = await fleet.restart(node);
    await fleet.sim.runFor(20_000);
    expect(again.journal.failure?.code).toBe('corrupt');
    for (let i = 0; i < 20; i++) expect(await stores.get(`r${i}`)).toBe(`v${i}`);
    await expect(stores.put('new', 'v')).rejects.toMatchObject({ code: 'refused' });
  },
);

test('a node that stands in for its fleet with nothing on its disk does not pretend that this is all', async () => {
  const stores = await StoreFleet.start(2, { seed: 6, disks: true });
  const { fleet } = stores;
  await stores.put('r', 'v');
  const others = fleet.all().map(({ self }) => self);
  const node = fleet.build();
  const disk = fleet.sim.disk(node.self.address);
  await fleet.sim.runUntil(
    node.recover().then(() => node.join(others.map(({ address }) => address))),
    run,
  );
  // There is room for the names of the others, and for nothing of what they have.
  await fleet.sim.runUntil(() => disk.entries > 0, run);
  disk.isFull = true;
  await fleet.settle();
  for (const one of fleet.all()) fleet.crash(one);
  disk.isFull = false;
  fleet.sim.restart(node.self.address);
  const back = fleet.build(node.self.address, node.self.id);
  expect(await fleet.sim.runUntil(back.recover(), run)).not.toEqual([]);
  back.recall();
  back.bootstrap();
  for (let i = 0; i < 9; i++) {
    const isWhole = back.holds(back.self.id, back.self.id) && back.losses(RegionSet.whole()).length === 0;
    expect(isWhole).toBe(false);
    await fleet.sim.runFor(10_000);
  }
  for (const other of others) await fleet.bringBack(other);
  await fleet.settle();
  await fleet.sim.runFor(60_000);
  expect(await stores.get('r')).toBe('v');
  expect(lossyNodes(fleet)).toBe(0);
});

describe('a disk that cannot be read', () => {
  test('is as good as none to a fleet that has the rest, but that the node takes no writes', async () => {
    const stores = await StoreFleet.start(5, { seed: 4, disks: true });
    const { fleet } = stores;
    for (let i = 0; i < 20; i++) await stores.put(`r${i}`, `v${i}`);
    const node = fleet.node(2);
    fleet.crash(node);
    fleet.sim.disk(node.self.address).isUnreadable = true;
    const again = await fleet.restart(node);
    await fleet.settle();
    expect(again.journal.failure?.code).toBe('corrupt');
    for (let i = 0; i < 20; i++) {
      const [item] = await fleet.sim.runUntil(stores.of(again).get('books', `r${i}`), run);
      expect(item && Buffer.from(item.value).toString()).toBe(`v${i}`);
    }
    expect(lossyNodes(fleet)).toBe(0);
    const refused = { code: 'refused', message: expect.stringContaining(`node ${again.self.address} takes no writes`) };
    const putAll = async (): Promise<void> => {
      for (let i = 0; i < 20; i++) await stores.put(`new${i}`, 'v');
    };
    await expect(putAll()).rejects.toMatchObject(refused);
  });

  test('leaves a node that is alone in doubt about everything', async () => {
    const stores = await StoreFleet.start(1, { seed: 5, disks: true });
    const { fleet } = stores;
    await stores.put('r', 'v');
    fleet.sim.disk(fleet.node(0).self.address).isUnreadable = true;
    await fleet.powerFailure();
    await fleet.settle();
    expect(await stores.get('r')).toBeUndefined();
    expect(fleet.node(0).losses(RegionSet.whole())).not.toEqual([]);
  });
});

test('a disk that has forgotten something is no proof that nobody had more, also when all are back', async () => {
  const stores = await StoreFleet.start(2, { seed: 9, disks: true });
  const { fleet } = stores;
  for (let i = 0; i < 20; i++) await stores.put(`r${i}`, `v${i}`);
  for (const node of fleet.all()) fleet.sim.disk(node.self.address).forget(diskPrefix.objects, 3);
  await fleet.powerFailure();
  await fleet.sim.runFor(90_000);
  const found: (string | undefined)[] = [];
  for (let i = 0; i < 20; i++) found.push(await stores.get(`r${i}`));
  expect(found.filter((value) => value === undefined)).toHaveLength(1);
  for (const node of fleet.all()) expect(node.losses(RegionSet.whole()).length).toBeGreaterThan(0);
});
