import fc from 'fast-check';
import { expect, test } from 'vitest';
import { keyOf } from '../keys.ts';
import type { Contact, Key } from '../overlay.ts';
import { type ArcSums, censusSlices, differing, Tally, within } from './census.ts';

const contact = (i: number): Contact => ({ id: keyOf(`${i}`), address: `n${i}:1` });
const inRingOrder = (list: Contact[]): Contact[] => list.sort((a, b) => (a.id < b.id ? -1 : 1));
const members = fc.uniqueArray(fc.nat(300), { maxLength: 200 }).map((list) => inRingOrder(list.map(contact)));
const sumsOf = (list: readonly Contact[], slice = 1): ArcSums => Tally.of(list).sums(slice);

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
      for (let i = 0; i < censusSlices; i++) expect(tally.sums(i)).toEqual(other.sums(i));
      expect(tally.members).toBe(b.length);
      other.add(keyOf('another'));
      expect(tally.agrees(other.census)).toBe(false);
    }),
  );
});

test('comparisons in all slices name every difference once there is room for it', () => {
  fc.assert(
    fc.property(members, members, fc.double({ min: 0, max: 0.999, noNaN: true }), (mine, theirs, start) => {
      const theirIds = new Set(theirs.map(({ id }) => id));
      const myIds = new Set(mine.map(({ id }) => id));
      const lacked = new Set<Key>();
      const doubted = new Set<Key>();
      for (let slice = 0; slice < censusSlices; slice++) {
        const { arcs, members: named } = differing(mine, sumsOf(mine, slice), sumsOf(theirs, slice), 1_000, start);
        const namedIds = new Set(named.map(({ id }) => id));
        for (const id of namedIds) if (!theirIds.has(id)) lacked.add(id);
        for (const { id } of within(theirs, arcs)) if (!namedIds.has(id)) doubted.add(id);
      }
      expect([...lacked].sort()).toEqual([...myIds].filter((id) => !theirIds.has(id)).sort());
      expect([...doubted].sort()).toEqual([...theirIds].filter((id) => !myIds.has(id)).sort());
    }),
  );
});

test('too many differences are named in whole arcs', () => {
  const mine = inRingOrder(Array.from({ length: 300 }, (_, i) => contact(i)));
  const { arcs, members: named } = differing(mine, sumsOf(mine), sumsOf([]), 50, 0.5);
  expect(named.length).toBeGreaterThan(30);
  expect(named.length).toBeLessThanOrEqual(50);
  expect(within(mine, arcs)).toHaveLength(named.length);
});
