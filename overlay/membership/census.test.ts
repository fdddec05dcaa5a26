import fc from 'fast-check';
import { expect, test } from 'vitest';
import { keyOf } from '../keys.ts';
import type { Contact } from '../overlay.ts';
import { differing, Tally, within } from './census.ts';

const contact = (i: number): Contact => ({ id: keyOf(`${i}`), address: `n${i}:1` });
const inRingOrder = (list: Contact[]): Contact[] => list.sort((a, b) => (a.id < b.id ? -1 : 1));
const members = fc.uniqueArray(fc.nat(300), { maxLength: 200 }).map((list) => inRingOrder(list.map(contact)));
const arcsOf = (list: readonly Contact[]): readonly number[] => Tally.of(list).arcs;

test('two who know the same agree, however they came to it; two who do not, do not', () => {
  fc.assert(
    fc.property(members, members, (a, b) => {
      const tally = new Tally();
      for (const { id } of a) tally.add(id);
      for (const { id } of b) if (!a.some((one) => one.id === id)) tally.add(id);
      for (const { id } of a) if (!b.some((one) => one.id === id)) tally.remove(id);
      const other = new Tally();
      for (const { id } of [...b].reverse()) other.add(id);
      expect(tally.agrees(other.census)).toBe(true);
      expect(tally.arcs).toEqual(other.arcs);
      expect(tally.members).toBe(b.length);
      other.add(keyOf('another'));
      expect(tally.agrees(other.census)).toBe(false);
    }),
  );
});

test('a comparison names every difference once there is room for it', () => {
  fc.assert(
    fc.property(members, members, fc.double({ min: 0, max: 0.999, noNaN: true }), (mine, theirs, start) => {
      const { arcs, members: named } = differing(mine, arcsOf(mine), arcsOf(theirs), 1_000, start);
      const theirIds = new Set(theirs.map(({ id }) => id));
      const namedIds = new Set(named.map(({ id }) => id));
      for (const { id } of mine) if (!theirIds.has(id)) expect(namedIds).toContain(id);
      const myIds = new Set(mine.map(({ id }) => id));
      const doubtful = within(theirs, arcs).filter(({ id }) => !namedIds.has(id));
      expect(doubtful.map(({ id }) => id).sort()).toEqual([...theirIds].filter((id) => !myIds.has(id)).sort());
    }),
  );
});

test('too many differences are named in whole arcs', () => {
  const mine = inRingOrder(Array.from({ length: 300 }, (_, i) => contact(i)));
  const { arcs, members: named } = differing(mine, arcsOf(mine), arcsOf([]), 50, 0.5);
  expect(named.length).toBeGreaterThan(30);
  expect(named.length).toBeLessThanOrEqual(50);
  expect(within(mine, arcs)).toHaveLength(named.length);
});
