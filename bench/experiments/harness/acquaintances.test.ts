import { describe, expect, test } from 'vitest';
import { ContactTable, geometries, randomKey } from '../../../overlay/index.ts';
import { randomStream } from '../../../simulator/random.ts';
import { acquaintances } from './acquaintances.ts';

const random = randomStream(5, 'acquaintances');
const ring = Array.from({ length: 2_000 }, (_, i) => ({ id: randomKey(random), address: `n${i}:1` })).sort((a, b) =>
  a.id < b.id ? -1 : 1,
);

describe.each(geometries)('whom a founder of a %s ring knows', (geometry) => {
  test.each([0, 100, 1_024])('with a budget of %i, is what its table has places for', (contactsMax) => {
    for (const place of [0, 1, 777, 1_023, 1_999]) {
      const options = { geometry, contactsMax, leafSetSize: 16 };
      const self = ring[place] as (typeof ring)[number];
      const founder = new ContactTable(self, options);
      const others = acquaintances(ring, place, options, random);
      expect(new Set(others).size).toBe(others.length);
      expect(others).not.toContain(self);
      for (const contact of others) founder.heard(contact);
      founder.checkInvariants();
      const all = new ContactTable(self, options);
      for (const contact of ring) all.heard(contact);
      expect(founder.region()).toEqual(all.region());
      expect(new Set(founder.leaves())).toEqual(new Set(all.leaves()));
      expect(founder.size).toBe(all.size);
    }
  });
});

test('a fleet within the budget knows everybody', () => {
  const few = ring.slice(0, 900);
  expect(acquaintances(few, 450, { geometry: 'bamboo', leafSetSize: 16, contactsMax: 1_024 }, random)).toHaveLength(
    899,
  );
});
