import { describe, expect, test } from 'vitest';
import { geometries } from '../../overlay/index.ts';
import { variants } from './fleet.ts';
import { bytes, hourMs, run, StoreFleet } from './store-fleet.ts';

describe.each(variants([1, 2]))('the object store ($geometry, seed $seed)', ({ geometry, seed }) => {
  test('keeps items at three nodes, and whoever asks finds them', async () => {
    const stores = await StoreFleet.start(16, { geometry, seed });
    for (let i = 0; i < 20; i++) await stores.put(`r${i}`, `v${i}`);
    for (let i = 0; i < 20; i++) {
      expect(stores.copies(`r${i}`)).toBe(3);
      expect(await stores.get(`r${i}`)).toBe(`v${i}`);
    }
    await stores.put('r3', 'changed');
    expect(await stores.get('r3')).toBe('changed');
    expect(await stores.get('r99')).toBeUndefined();
  });

  test('items survive crashes, joins and departures', async () => {
    const stores = await StoreFleet.start(16, { geometry, seed });
    const { fleet } = stores;
    for (let i = 0; i < 40; i++) await stores.put(`r${i}`, `v${i}`);
    for (let round = 0; round < 4; round++) {
      // Any two of three copies may go at once.
      fleet.crash(fleet.node(1 + Math.floor(fleet.sim.random() * (fleet.nodes.size - 1))));
      fleet.crash(fleet.node(1 + Math.floor(fleet.sim.random() * (fleet.nodes.size - 1))));
      await fleet.settle();
      await fleet.grow(3);
      await fleet.leave(fleet.node(2));
      await fleet.settle();
    }
    await fleet.sim.runFor(30_000);
    for (let i = 0; i < 40; i++) {
      expect(await stores.get(`r${i}`)).toBe(`v${i}`);
      expect(stores.copies(`r${i}`)).toBe(3);
    }
    expect(fleet.all().every((node) => node.counters().regionsAdopted === 0)).toBe(true);
  });

  test('items can be read and written while nodes join, and at 5% loss', async () => {
    const stores = await StoreFleet.start(8, { geometry, seed, lossRate: 0.05 });
    const { fleet } = stores;
    for (let i = 0; i < 10; i++) await stores.put(`r${i}`, `v${i}`);
    const nodes = Array.from({ length: 16 }, () => fleet.build());
    const joins = nodes.map((node) => node.join(['n0:1']));
    const store = stores.store(0);
    const puts = Array.from({ length: 10 }, (_, i) =>
      store.put('books', `r${i + 10}`, 'only', bytes(`v${i + 10}`), hourMs),
    );
    const gets = Array.from({ length: 10 }, (_, i) => store.get('books', `r${i}`));
    const found = await fleet.sim.runUntil(Promise.all(gets), run);
    expect(found.map((items) => Buffer.from(items[0]?.value ?? []).toString())).toEqual(
      Array.from({ length: 10 }, (_, i) => `v${i}`),
    );
    await fleet.sim.runUntil(Promise.all([...joins, ...puts]), run);
    await fleet.settle();
    await fleet.sim.runFor(60_000);
    for (let i = 0; i < 20; i++) {
      expect(await stores.get(`r${i}`)).toBe(`v${i}`);
      expect(stores.copies(`r${i}`)).toBe(3);
    }
  });

  test('a removed item stays removed, an unrenewed one expires', async () => {
    const stores = await StoreFleet.start(10, { geometry, seed });
    const { fleet } = stores;
    await stores.put('gone', 'x');
    await stores.put('brief', 'y', 20_000);
    await stores.put('renewed', 'z', 20_000);
    await fleet.sim.runUntil(stores.any().remove('books', 'gone', 'only'), run);
    expect(await fleet.sim.runUntil(stores.any().renew('books', 'renewed', 'only', hourMs), run)).toBe(true);
    expect(await fleet.sim.runUntil(stores.any().renew('books', 'never', 'only', hourMs), run)).toBe(false);
    await fleet.grow(6);
    await fleet.sim.runFor(60_000);
    expect(await stores.get('gone')).toBeUndefined();
    expect(await stores.get('brief')).toBeUndefined();
    expect(await stores.get('renewed')).toBe('z');
    expect([stores.copies('gone'), stores.copies('brief'), stores.copies('renewed')]).toEqual([0, 0, 3]);
  });
});

test.each(geometries)('copies that differ are made equal, in both directions (%s)', async (geometry) => {
  const stores = await StoreFleet.start(3, { geometry, seed: 6 });
  const { fleet } = stores;
  const others = [fleet.node(1).self.address, fleet.node(2).self.address];
  for (let i = 0; i < 30; i++) await stores.put(`old${i}`, 'a');
  fleet.sim.partition(['n0:1'], others);
  await fleet.sim.runUntil(() => fleet.node(0).contacts().length === 1 && fleet.node(1).contacts().length === 2, run);
  await fleet.sim.runUntil(stores.store(0).put('books', 'left', 'only', bytes('l'), hourMs), run);
  await fleet.sim.runUntil(stores.store(1).put('books', 'right', 'only', bytes('r'), hourMs), run);
  await fleet.sim.runUntil(stores.store(1).remove('books', 'old7', 'only'), run);
  fleet.sim.heal();
  await fleet.settle();
  await fleet.sim.runFor(60_000);
  expect([stores.copies('left'), stores.copies('right'), stores.copies('old7'), stores.copies('old8')]).toEqual([
    3, 3, 0, 3,
  ]);
});

test('large values and many items of one resource', async () => {
  const stores = await StoreFleet.start(4, { seed: 2, inboundBytesPerSecond: 100_000_000 });
  const { fleet } = stores;
  const value = new Uint8Array(1024 * 1024).fill(7);
  await fleet.sim.runUntil(stores.any().put('blobs', 'big', 'a', value, hourMs), run);
  const [found] = await fleet.sim.runUntil(stores.any().get('blobs', 'big'), run);
  expect(Buffer.from(found?.value ?? []).equals(Buffer.from(value))).toBe(true);
  await expect(
    fleet.sim.runUntil(stores.any().put('blobs', 'big', 'b', new Uint8Array(1024 * 1024 + 1), hourMs), run),
  ).rejects.toMatchObject({ code: 'refused' });
  const puts = Array.from({ length: 50 }, (_, i) =>
    stores.any().put('blobs', 'many', `${i}`, new Uint8Array(20_000), hourMs),
  );
  await fleet.sim.runUntil(Promise.all(puts), run);
  expect(await fleet.sim.runUntil(stores.any().get('blobs', 'many'), run)).toHaveLength(50);
});

test('a watch tells of new items where they are kept', async () => {
  const stores = await StoreFleet.start(3, { seed: 1 });
  const seen: string[] = [];
  const unwatch = stores.store(1).watch('books', (item) => seen.push(item.resourceId));
  await stores.put('a', '1');
  unwatch();
  await stores.put('b', '2');
  expect(seen).toEqual(['a']);
});
