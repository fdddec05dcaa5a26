import { describe, expect, test } from 'vitest';
import { absent, Blobs, guardOf, type OverlayNode } from '../../overlay/index.ts';
import { seedsOr } from '../support/seeds.ts';
import { bytes, hourMs, run, StoreFleet } from './store-fleet.ts';

const mebibyte = 1024 * 1024;

/** Bytes of which no two chunks are alike. */
function pattern(length: number): Uint8Array {
  const value = new Uint32Array(length / 4);
  for (let i = 0; i < value.length; i++) value[i] = Math.imul(i, 2_654_435_761);
  return new Uint8Array(value.buffer);
}

function start(count: number, seed: number): Promise<StoreFleet> {
  return StoreFleet.start(count, { seed, inboundBytesPerSecond: 100_000_000 });
}

function blobsOf(stores: StoreFleet, node: OverlayNode): Blobs {
  return new Blobs(node, stores.of(node));
}

test.each(seedsOr('1..2'))('16 MiB are put and got while nodes crash (seed %i)', async (seed) => {
  const stores = await start(12, seed);
  const { fleet } = stores;
  const [writer, reader] = [fleet.node(1), fleet.node(2)];
  const value = pattern(16 * mebibyte);
  const crashOne = (): void => {
    const others = fleet.all().filter((node) => node !== writer && node !== reader);
    fleet.crash(others[Math.floor(fleet.sim.random() * others.length)] as OverlayNode);
  };
  const put = blobsOf(stores, writer).put('books', 'large', 'only', value, hourMs);
  await fleet.sim.runFor(500);
  crashOne();
  await fleet.sim.runUntil(put, run);
  await fleet.settle();
  const got = blobsOf(stores, reader).get('books', 'large', 'only');
  await fleet.sim.runFor(500);
  crashOne();
  const found = await fleet.sim.runUntil(got, run);
  expect(Buffer.compare(found ?? new Uint8Array(0), value)).toBe(0);
});

describe('large values', () => {
  test('of any size are read as they were put, have versions and guards', async () => {
    const stores = await start(4, 1);
    const { sim } = stores.fleet;
    const blobs = blobsOf(stores, stores.fleet.node(0));
    for (const size of [0, 4, 256 * 1024, 256 * 1024 + 4]) {
      await sim.runUntil(blobs.put('books', `b${size}`, 'only', pattern(size), hourMs), run);
      const found = await sim.runUntil(blobs.get('books', `b${size}`, 'only'), run);
      expect(Buffer.compare(found ?? bytes('none'), pattern(size))).toBe(0);
    }
    const put = (options: object): Promise<string> =>
      sim.runUntil(blobs.put('books', 'g', 'only', bytes('x'), hourMs, options), run);
    await put({ expected: absent, guard: guardOf('s') });
    await expect(put({ expected: absent, secret: 's' })).rejects.toMatchObject({ code: 'conflict' });
    await expect(put({})).rejects.toMatchObject({ code: 'refused' });
    const tooLarge = blobs.put('books', 'g', 'only', new Uint8Array(16 * mebibyte + 1), hourMs);
    await expect(sim.runUntil(tooLarge, run)).rejects.toThrow('a value of 16777217 bytes exceeds 16777216');
    expect(await sim.runUntil(blobs.get('books', 'none', 'only'), run)).toBeNull();
    await stores.put('plain', 'text');
    await expect(sim.runUntil(blobs.get('books', 'plain', 'only'), run)).rejects.toThrow('not a large value');
  });

  test('live on with all their chunks when renewed, and say what is missing otherwise', async () => {
    const stores = await start(4, 2);
    const { sim } = stores.fleet;
    const blobs = blobsOf(stores, stores.fleet.node(0));
    const value = pattern(mebibyte);
    for (const name of ['renewed', 'broken']) {
      // Each has chunks of its own.
      value[0] = name.length;
      for (let i = 0; i < 4; i++) value[i * 256 * 1024] = name.length;
      await sim.runUntil(blobs.put('books', name, 'only', value, 10_000), run);
    }
    expect(await sim.runUntil(blobs.renew('books', 'renewed', 'only', hourMs), run)).toBe(true);
    expect(await sim.runUntil(blobs.renew('books', 'none', 'only', hourMs), run)).toBe(false);
    // The manifest of the other is renewed alone.
    await sim.runUntil(stores.any().renew('books', 'broken', 'only', hourMs), run);
    await sim.runFor(120_000);
    expect((await sim.runUntil(blobs.get('books', 'renewed', 'only'), run))?.length).toBe(mebibyte);
    await expect(sim.runUntil(blobs.get('books', 'broken', 'only'), run)).rejects.toThrow(
      /only 0 of 4 chunks were read/,
    );
    await expect(sim.runUntil(blobs.renew('books', 'broken', 'only', hourMs), run)).rejects.toMatchObject({
      code: 'unreachable',
    });
  });
});
