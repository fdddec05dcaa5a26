import fc from 'fast-check';
import { expect, test } from 'vitest';
import { inRegion, keyAt } from '../keys.ts';
import type { Region } from '../overlay.ts';
import { wholeRing } from '../region.ts';
import { someRecord } from '../testing/records.ts';
import { Items, itemOf, resourceKey } from './items.ts';
import type { ItemRecord } from './messages.ts';

const point = fc.bigInt({ min: 0n, max: (1n << 160n) - 1n }).map(keyAt);
const regions = fc.array(fc.record({ from: point, to: point }), { maxLength: 4 });
const record: fc.Arbitrary<ItemRecord> = fc
  .record({
    namespace: fc.constantFrom('a', 'b'),
    resourceId: fc.integer({ min: 0, max: 20 }).map(String),
    instanceId: fc.constantFrom('x', 'y'),
    value: fc.option(fc.constant(Uint8Array.of(1))),
    writtenAtMs: fc.integer({ min: 0, max: 50 }),
    writer: fc.constantFrom(keyAt(1n), keyAt(2n)),
    endsAtMs: fc.integer({ min: 0, max: 60_000 }),
    lifetimeLeftMs: fc.integer({ min: 0, max: 60_000 }),
  })
  .map((drawn) => ({ ...someRecord, ...drawn }));

test('the digest of items is that of all that had not expired by the horizon, tombstones included', () => {
  fc.assert(
    fc.property(
      fc.array(record, { maxLength: 80 }),
      fc.array(fc.nat(), { maxLength: 10 }),
      fc.integer({ min: 0, max: 7 }).map((steps) => steps * 10_000),
      regions,
      (records, removed, horizonMs, parts) => {
        const items = new Items();
        for (const each of records) items.merge(itemOf(each, 0));
        for (const nth of removed) {
          const there = [...items.within(wholeRing)];
          const gone = there[nth % Math.max(1, there.length)];
          if (gone) items.remove(gone);
        }
        for (const atMs of [0, horizonMs]) {
          for (const part of [wholeRing, ...parts]) {
            const counted = [...items.within(wholeRing)].filter(
              ({ key, endsAtMs }) => endsAtMs > atMs && inRegion(key, part),
            );
            const sum = counted.reduce((total, { hash }) => total + hash, 0n);
            expect(items.digest(part, atMs)).toEqual({ items: counted.length, hash: BigInt.asUintN(64, sum) });
          }
        }
      },
    ),
    { numRuns: 200 },
  );
});

test('copies that were told of an item at different times have one digest', () => {
  const [one, other] = [new Items(), new Items()];
  const written = { ...someRecord, writtenAtMs: 5, endsAtMs: 30_000 };
  one.merge(itemOf({ ...written, lifetimeLeftMs: 29_995 }, 5));
  other.merge(itemOf({ ...written, lifetimeLeftMs: 20_000 }, 9_000));
  const part: Region = { from: resourceKey(someRecord.namespace, someRecord.resourceId), to: keyAt(0n) };
  for (const horizonMs of [0, 20_000, 30_000])
    expect(other.digest(part, horizonMs)).toEqual(one.digest(part, horizonMs));
  expect(one.digest(part, 30_000).items).toBe(0);
});
