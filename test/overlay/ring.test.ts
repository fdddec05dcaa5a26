import { beforeAll, describe, expect, test } from 'vitest';
import { type Contact, geometries, OverlayError, RegionSet, randomKey, wholeRing } from '../../overlay/index.ts';
import { Fleet, recorder, variants } from './fleet.ts';

const app = 7;
const bytes = (text: string): Uint8Array => Buffer.from(text);
const run = { virtualMsMax: 60_000 };

describe.each(variants([1, 2, 3]))('64 nodes that join at once ($geometry, seed $seed)', ({ geometry, seed }) => {
  let fleet: Fleet;
  let settledAtMs = 0;
  const heard = new Map<string, string[]>();
  beforeAll(async () => {
    fleet = await Fleet.start(64, {
      geometry,
      seed,
      prepare: (node) => {
        const { events, ...handlers } = recorder();
        heard.set(node.self.address, events);
        node.register(app, handlers);
      },
    });
    settledAtMs = fleet.sim.nowMs;
  }, 300_000);

  test('know each other, tile the ring, and agree on owners', async () => {
    // What gossip left out is found as members compare their tables in turn.
    expect(settledAtMs).toBeLessThan(25_000);
    fleet.checkTiling();
    for (let i = 0; i < 50; i++) {
      const key = randomKey(fleet.sim.random);
      const asking = fleet.node(Math.floor(fleet.sim.random() * 64));
      const found = await fleet.sim.runUntil(asking.lookup(key), run);
      expect(found).toEqual(fleet.owner(key).self);
      expect(asking.replicas(key, 3)[0]).toEqual(found);
    }
  });

  test('a broadcast reaches each exactly once', async () => {
    const before = fleet.sim.stats().messages;
    fleet.node(17).broadcast(app, bytes('all hands'));
    await fleet.sim.runFor(1_000);
    for (const events of heard.values()) {
      expect(events.filter((event) => event.startsWith('broadcast'))).toEqual(['broadcast all hands']);
    }
    expect(fleet.sim.stats().messages - before).toBeLessThan(2_000);
    expect(fleet.all().every((node) => node.counters().broadcastsRepeated === 0)).toBe(true);
  });

  test('splits of any region serve, delegate and lose nothing twice', () => {
    for (let i = 0; i < 100; i++) {
      const region = { from: randomKey(fleet.sim.random), to: randomKey(fleet.sim.random) };
      const node = fleet.node(i % 64);
      const asked = new RegionSet([i === 0 ? wholeRing : region]);
      const { serve, delegate, lost } = node.split(asked, 4, false);
      expect(lost.isEmpty).toBe(true);
      expect(delegate.length).toBeLessThanOrEqual(4);
      const tiling = new RegionSet();
      for (const part of [serve, ...delegate.map((d) => d.region)]) expect(tiling.addAll(part)).toBe(false);
      expect(tiling.equals(asked)).toBe(true);
    }
  });
});

test.each(geometries)(
  'a routed message passes the apps on its way and arrives at the owner, once (%s)',
  async (geometry) => {
    const delivered: string[] = [];
    let forwarded = 0;
    // Tables too small to know everybody, so that routes have several hops.
    const fleet = new Fleet({
      geometry,
      seed: 5,
      lossRate: 0.05,
      options: { contactsMax: 0, leafSetSize: 8 },
      prepare: (node) =>
        node.register(app, {
          deliver: ({ key, payload, hops }) => {
            expect(node.region().has(key)).toBe(true);
            delivered.push(`${Buffer.from(payload)}`.replaceAll('.', ''));
            expect(`${Buffer.from(payload)}`.split('.')).toHaveLength(hops + 1);
          },
          forward: ({ payload }) => {
            forwarded += 1;
            return { kind: 'continue', payload: bytes(`${Buffer.from(payload)}.`) };
          },
        }),
    });
    fleet.build().bootstrap();
    for (let i = 1; i < 60; i++) await fleet.sim.runUntil(fleet.build().join(['n0:1']), run);
    await fleet.sim.runFor(5_000);
    for (let i = 0; i < 200; i++) fleet.node(i % 60).route(randomKey(fleet.sim.random), app, bytes(`m${i}`));
    await fleet.sim.runFor(20_000);
    expect(delivered.sort()).toEqual(Array.from({ length: 200 }, (_, i) => `m${i}`).sort());
    expect(forwarded).toBeGreaterThan(200);
    fleet.checkTiling();
  },
);

test('requests are answered, refused, or fail with a reason', async () => {
  const fleet = await Fleet.start(3, {
    seed: 1,
    prepare: (node) =>
      node.register(app, {
        answer: (_from, payload) => {
          const text = Buffer.from(payload).toString();
          if (text === 'fail') throw new OverlayError('timeout', 'the disk is slow');
          if (text === 'large') return new Uint8Array(3 * 1024 * 1024);
          return Buffer.from(`re: ${text}`);
        },
      }),
  });
  const a = fleet.node(0);
  const ask = (to: Contact, payload: Uint8Array) => fleet.sim.runUntil(a.request(to, app, payload), run);
  const peer = fleet.node(1).self;
  expect(Buffer.from(await ask(peer, bytes('hello'))).toString()).toBe('re: hello');
  expect(Buffer.from(await ask(a.self, bytes('myself'))).toString()).toBe('re: myself');
  await expect(ask(peer, bytes('fail'))).rejects.toMatchObject({ code: 'timeout', message: 'the disk is slow' });
  await expect(ask(peer, bytes('large'))).rejects.toMatchObject({ code: 'refused' });
  await expect(ask(peer, new Uint8Array(3 * 1024 * 1024))).rejects.toMatchObject({ code: 'refused' });
  await expect(fleet.sim.runUntil(a.request(peer, 99, bytes('x')), run)).rejects.toMatchObject({ code: 'refused' });
  expect((await ask(peer, new Uint8Array(256 * 1024))).length).toBeGreaterThan(256 * 1024);
  fleet.crash(fleet.node(1));
  await expect(ask(peer, bytes('hello?'))).rejects.toBeInstanceOf(OverlayError);
});
