import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Copies } from './copies.ts';
import { RegionSet, wholeRing } from './region.ts';
import { Serving } from './serving.ts';
import { advert, advertOf } from './testing/adverts.ts';
import { contactOf, contactsOf, tableOf } from './testing/contacts.ts';
import { position, region } from './testing/positions.ts';

const replicas = 3;
const members = contactsOf(9, 1);

const setting = fc
  .record({
    known: fc.subarray(members),
    held: fc.array(region, { maxLength: 3 }),
    adverts: fc.array(fc.tuple(fc.constantFrom(...members), advert), { maxLength: 6 }),
  })
  .map(({ known, held, adverts }) => {
    const table = tableOf(contactOf(0), known);
    const copies = new Copies(table, replicas);
    copies.reconsider();
    for (const one of held) copies.hold(one, []);
    for (const [contact, said] of adverts) copies.advertised(contact, said, 1);
    return { table, copies, serving: new Serving(table, copies, replicas) };
  });

describe('a region that a node is given', () => {
  test('is tiled by what it serves, what it delegates, and what is lost', () => {
    const regions = fc.array(region, { minLength: 1, maxLength: 3 }).map((list) => new RegionSet(list));
    fc.assert(
      fc.property(setting, regions, fc.integer({ min: 1, max: 4 }), fc.boolean(), (world, given, fanout, asHolder) => {
        const { table, copies, serving } = world;
        const { serve, delegate, lost } = serving.split(given, fanout, asHolder);
        const tiling = new RegionSet();
        for (const part of [serve, lost, ...delegate.map(({ region: part }) => part)]) {
          expect(tiling.addAll(part)).toBe(false);
        }
        expect(tiling.equals(given)).toBe(true);
        expect(copies.servable().missingFrom(serve).isEmpty).toBe(true);
        expect(delegate.length).toBeLessThanOrEqual(asHolder ? 0 : fanout);
        if (!asHolder) expect(table.region().missingFrom(serve).isEmpty).toBe(true);
        for (const part of delegate.filter((one) => one.asHolder)) {
          // It is this node's, and the other says that it has it.
          expect(table.region().missingFrom(part.region).isEmpty).toBe(true);
          expect(copies.holdersOf(part.region).orphans.isEmpty).toBe(true);
        }
      }),
    );
  });
});

test('a leaving node leaves its own keys to those who own them without it, unless it is alone', () => {
  fc.assert(
    fc.property(setting, ({ table, copies, serving }) => {
      copies.leave();
      const { serve, delegate, lost } = serving.split(RegionSet.whole(), 4, false);
      const tiling = new RegionSet();
      for (const part of [serve, lost, ...delegate.map(({ region: part }) => part)]) {
        expect(tiling.addAll(part)).toBe(false);
      }
      expect(tiling.isWhole).toBe(true);
      if (table.size === 1) return;
      expect(serve.isEmpty && lost.isEmpty).toBe(true);
      const others = table.contacts().filter(({ id }) => id !== table.self.id);
      for (const { to, region: part } of delegate) {
        const without = tableOf(to, others);
        expect(without.region().missingFrom(part.intersect(table.region())).isEmpty).toBe(true);
      }
    }),
  );
});

test('writes of a key go to those who must keep it and to those who say they have it, never to oneself', () => {
  fc.assert(
    fc.property(setting, position, ({ table, copies, serving }, key) => {
      const copiers = serving.copiers(key, key).map(({ id }) => id);
      expect(new Set(copiers).size).toBe(copiers.length);
      expect(copiers).not.toContain(table.self.id);
      for (const { id } of table.replicas(key, replicas)) if (id !== table.self.id) expect(copiers).toContain(id);
      for (const { id } of members) {
        if (table.get(id) && copies.heldBy(id).has(key)) expect(copiers).toContain(id);
      }
    }),
  );
});

describe('others may read', () => {
  const nowMs = 77;

  /** A node that was alone, until others came who hold everything by now. */
  function retired(recovered: boolean): Serving {
    const table = tableOf(contactOf(0), []);
    const copies = new Copies(table, 1);
    if (recovered) copies.recover(RegionSet.whole(), RegionSet.whole());
    else copies.holdAll();
    copies.reconsider();
    for (const member of members) table.heard(member);
    copies.reconsider();
    for (const member of members) copies.advertised(member, advertOf([wholeRing]), 1);
    return new Serving(table, copies, 1);
  }

  test('what is held, with its flaws', () => {
    const copies = new Copies(tableOf(contactOf(0), []), replicas);
    copies.reconsider();
    const [left, right] = [
      { from: '0'.repeat(40), to: '8'.repeat(40) },
      { from: '8'.repeat(40), to: '0'.repeat(40) },
    ];
    copies.hold(left, [{ region: left, atMs: 5 }]);
    const serving = new Serving(tableOf(contactOf(0), []), copies, replicas);
    const { available, losses, doubtful } = serving.readable([left, right], true, nowMs);
    expect(available.regions()).toEqual([left]);
    expect(losses).toEqual([{ region: left, atMs: 5 }]);
    expect(doubtful.isEmpty).toBe(true);
  });

  test('what has retired only if they ask for anything, since it may lack what came later', () => {
    const serving = retired(false);
    expect(serving.holds(members[0]?.id ?? '', members[0]?.id ?? '')).toBe(false);
    expect(serving.readable([wholeRing], false, nowMs).available.isWhole).toBe(false);
    const { available, losses, doubtful } = serving.readable([wholeRing], true, nowMs);
    expect(available.isWhole).toBe(true);
    expect(losses.length).toBeGreaterThan(0);
    expect(losses.every(({ atMs }) => atMs === nowMs)).toBe(true);
    expect(doubtful.isEmpty).toBe(true);
  });

  test('what is from the disk as doubtful', () => {
    const { available, losses, doubtful } = retired(true).readable([wholeRing], true, nowMs);
    expect(available.isWhole).toBe(true);
    expect(losses).toEqual([]);
    expect(doubtful.isWhole).toBe(true);
  });
});
