import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decode, encode } from './codec.ts';
import { Comparison, divide } from './comparison.ts';
import { horizonOf } from './expiry.ts';
import { keyAt, keyOf } from './keys.ts';
import type { Region } from './overlay.ts';
import { RegionSet, wholeRing } from './region.ts';
import { compareReply, replicationRequest } from './replication-messages.ts';
import { itemsIn, KeyStore } from './testing/key-store.ts';

const options = { exchangeItemsMax: 16 };

class Copy {
  readonly store = new KeyStore();
  readonly comparison: Comparison;
  nowMs = 1_000_000;

  constructor() {
    this.comparison = new Comparison(options, new Map([[1, this.store]]), () => this.nowMs);
  }

  /** Makes both equal; returns what it took. */
  async reconcile(other: Copy, regions: readonly Region[]) {
    const cost = { requests: 0, bytes: 0, items: 0 };
    const differing = await this.comparison.differences(regions, async (request) => {
      const sent = encode(replicationRequest, { type: 'compare', anything: false, ...request });
      const received = encode(compareReply, {
        ...other.comparison.answer(request),
        available: new RegionSet(),
        losses: [],
        doubtful: new RegionSet(),
      });
      cost.requests += 1;
      cost.bytes += sent.length + received.length;
      return decode(compareReply, received);
    });
    for (const [from, to] of [[this, other] as const, [other, this] as const]) {
      for (const chunk of from.store.export(differing)) {
        cost.items += itemsIn(chunk).length;
        to.store.import(chunk);
      }
    }
    return { ...cost, differing };
  }
}

const lasting = 1e9;

function pair(common: number, mine: number, theirs: number, salt = ''): [Copy, Copy] {
  const [one, other] = [new Copy(), new Copy()];
  const put = (name: string, ...copies: Copy[]): void => {
    for (const { store } of copies) store.put({ key: keyOf(salt + name), expiresAtMs: lasting });
  };
  for (let i = 0; i < common; i++) put(`c${i}`, one, other);
  for (let i = 0; i < mine; i++) put(`m${i}`, one);
  for (let i = 0; i < theirs; i++) put(`t${i}`, other);
  return [one, other];
}

describe('two copies', () => {
  test('become equal wherever they differ, within the regions that are compared', async () => {
    const count = fc.nat(300);
    const point = fc.bigInt({ min: 0n, max: (1n << 160n) - 1n }).map(keyAt);
    await fc.assert(
      fc.asyncProperty(count, count, count, fc.string(), point, point, async (common, mine, theirs, salt, from, to) => {
        const [one, other] = pair(common, mine, theirs, salt);
        const outside = { from: to, to: from };
        const before = [one, other].map(({ store }) => store.digest(outside, 0));
        await one.reconcile(other, [{ from, to }]);
        expect(one.store.digest({ from, to }, 0)).toEqual(other.store.digest({ from, to }, 0));
        if (from !== to) expect([one, other].map(({ store }) => store.digest(outside, 0))).toEqual(before);
        expect((await one.reconcile(other, [{ from, to }])).differing).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  test('move items in proportion to their differences, in a few requests', async () => {
    const [one, other] = pair(100_000, 10, 10);
    const few = await one.reconcile(other, [wholeRing]);
    expect(one.store.items.size).toBe(100_020);
    expect(one.store.digest(wholeRing, 0)).toEqual(other.store.digest(wholeRing, 0));
    expect(few.items).toBeLessThanOrEqual(20 * 2 * options.exchangeItemsMax);
    expect(few.requests).toBeLessThanOrEqual(12);
    const same = await one.reconcile(other, [wholeRing]);
    expect(same).toMatchObject({ requests: 1, items: 0, differing: [] });
    expect(same.bytes).toBeLessThan(200);
  });

  test('do not look for the differences where one of them has nothing', async () => {
    const [one, other] = pair(0, 0, 1_000);
    expect(await one.reconcile(other, [wholeRing])).toMatchObject({ requests: 1, items: 1_000 });
    expect(one.store.items.size).toBe(1_000);
  });

  test('that hold the same are equal at any time, however their clocks differ and while items expire', async () => {
    const [one, other] = pair(0, 0, 0);
    for (let i = 0; i < 2_000; i++) {
      const item = { key: keyOf(`${i}`), expiresAtMs: 1_000_000 + 50 * i };
      one.store.put(item);
      other.store.put(item);
    }
    other.nowMs += 4_000;
    for (let step = 0; step < 100; step++) {
      one.nowMs += 1_300;
      other.nowMs += 1_300;
      expect((await one.reconcile(other, [wholeRing])).differing).toEqual([]);
      expect((await other.reconcile(one, [wholeRing])).differing).toEqual([]);
    }
    expect(one.store.digest(wholeRing, horizonOf(one.nowMs)).items).toBe(0);
  });

  test('of clocks too far apart are taken to differ', async () => {
    const [one, other] = pair(100, 0, 0);
    other.nowMs += 3_600_000;
    expect((await one.reconcile(other, [wholeRing])).differing).toEqual([wholeRing]);
  });
});

test('a region is divided into parts that tile it', () => {
  const point = fc.bigInt({ min: 0n, max: (1n << 160n) - 1n });
  const length = fc.oneof(fc.bigInt({ min: 1n, max: (1n << 160n) - 1n }), fc.bigInt({ min: 1n, max: 40n }));
  fc.assert(
    fc.property(point, length, fc.integer({ min: 1, max: 16 }), (start, size, parts) => {
      const region = { from: keyAt(start), to: keyAt(start + size) };
      const divided = divide(region, parts);
      expect(divided.length).toBe(size < BigInt(parts) ? Number(size) : parts);
      const tiling = new RegionSet();
      for (const part of divided) expect(tiling.add(part)).toBe(false);
      expect(tiling.regions()).toEqual([region]);
    }),
  );
  expect(new RegionSet(divide(wholeRing, 16)).isWhole).toBe(true);
});
