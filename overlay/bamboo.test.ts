import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BambooTable } from './bamboo.ts';
import { clockwise, inRegion, keyAt, pointOf, randomKey } from './keys.ts';
import type { Contact, Key } from './overlay.ts';
import { RegionSet } from './region.ts';

const generous = { contactsMax: 1_024, leafSetSize: 16 };
const top = 1n << 160n;

function contactAt(id: Key): Contact {
  return { id, address: `n${id.slice(0, 6)}:1` };
}

/** Members that may stand side by side, at both ends of the ring, or far apart. */
const id = fc
  .oneof(
    fc.bigInt({ min: 0n, max: top - 1n }),
    fc.bigInt({ min: 0n, max: 40n }),
    fc.bigInt({ min: top - 40n, max: top - 1n }),
    fc.integer({ min: 0, max: 15 }).map((i) => (BigInt(i) * top) / 16n),
  )
  .map(keyAt);
const ids = fc.uniqueArray(id, { minLength: 1, maxLength: 40 });

function tableOf(members: readonly Key[], options = generous): BambooTable {
  const [self, ...others] = members.map(contactAt);
  const table = new BambooTable(self as Contact, options);
  for (const other of others) table.heard(other);
  return table;
}

/** Members by circular distance to `key`, the clockwise one first of equals. */
function nearestByHand(members: readonly Key[], key: Key): Key[] {
  const ahead = (member: Key): bigint => clockwise(pointOf(key), pointOf(member));
  const behind = (member: Key): bigint => clockwise(pointOf(member), pointOf(key));
  const rank = (member: Key): bigint =>
    ahead(member) <= behind(member) ? 2n * ahead(member) : 2n * behind(member) + 1n;
  return [...members].sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
}

describe('a table that knows everybody', () => {
  test('owner, replicas, regions and next hops agree with distance', () => {
    fc.assert(
      fc.property(ids, id, fc.integer({ min: 1, max: 5 }), (members, key, n) => {
        const table = tableOf(members);
        table.checkInvariants();
        const nearest = nearestByHand(members, key);
        const self = members[0] as Key;
        expect(table.replicas(key, n).map((c) => c.id)).toEqual(nearest.slice(0, n));
        expect(table.owner(key).id).toBe(nearest[0]);
        expect(table.owns(key)).toBe(nearest[0] === self);
        for (const member of members) {
          const within = inRegion(key, table.replicaRegionOf(member, n));
          expect(within).toBe(nearest.slice(0, n).includes(member));
        }
        const nearer = nearest.slice(0, nearest.indexOf(self));
        expect(table.nextHops(key, n).map((c) => c.id)).toEqual(nearer.slice(0, n));
        expect(table.around(key, n).map((c) => c.id)).toEqual(nearest.filter((m) => m !== key).slice(0, n));
      }),
    );
  });

  test('the regions of all members tile the ring', () => {
    fc.assert(
      fc.property(ids, (members) => {
        const table = tableOf(members);
        const tiling = new RegionSet();
        for (const member of members) expect(tiling.add(table.replicaRegionOf(member, 1))).toBe(false);
        expect(tiling.isWhole).toBe(true);
      }),
    );
  });

  test('the leaf set is the nearest on each side', () => {
    fc.assert(
      fc.property(ids, (members) => {
        const table = tableOf(members, { contactsMax: 64, leafSetSize: 4 });
        const ring = [...members].sort();
        const at = ring.indexOf(members[0] as Key);
        const expected = new Set([1, 2, -1, -2].map((step) => ring[(at + step + 2 * ring.length) % ring.length]));
        expected.delete(members[0]);
        expect(new Set(table.leaves().map((c) => c.id))).toEqual(expected);
        for (const member of members) expect(table.isLeaf(member)).toBe(expected.has(member));
      }),
    );
  });
});

describe('split', () => {
  test('tiles the region, delegates to others only, each part holding the id it goes to or belonging to it', () => {
    fc.assert(
      fc.property(ids, id, id, fc.integer({ min: 2, max: 9 }), (members, from, to, fanout) => {
        const table = tableOf(members);
        const region = { from, to };
        const { own, delegate } = table.split(region, fanout);
        expect(delegate.length).toBeLessThanOrEqual(fanout);
        const tiling = new RegionSet();
        for (const part of [...own, ...delegate.map((d) => d.region)]) expect(tiling.add(part)).toBe(false);
        expect(tiling.equals(new RegionSet([region]))).toBe(true);
        for (const part of own) expect(new RegionSet([table.region()]).covers(part)).toBe(true);
        for (const { to: child, region: part } of delegate) {
          expect(child.id).not.toBe(table.self.id);
          const theirs = new RegionSet([table.replicaRegionOf(child.id, 1)]);
          expect(inRegion(child.id, part) || theirs.overlaps(part)).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('reaches every member exactly once', () => {
    const random = lcg(7);
    const members = Array.from({ length: 200 }, () => randomKey(random));
    const tables = new Map(members.map((self) => [self, tableOf([self, ...members.filter((m) => m !== self)])]));
    const reached: Key[] = [];
    let depthMax = 0;
    const visit = (at: Key, region: { from: Key; to: Key }, depth: number): void => {
      reached.push(at);
      depthMax = Math.max(depthMax, depth);
      const split = tables.get(at)?.split(region, 8);
      for (const { to, region: part } of split?.delegate ?? []) visit(to.id, part, depth + 1);
    };
    visit(members[0] as Key, { from: '0'.repeat(40), to: '0'.repeat(40) }, 0);
    expect([...reached].sort()).toEqual([...members].sort());
    expect(depthMax).toBeLessThanOrEqual(4);
  });
});

describe('the contact budget', () => {
  const options = { contactsMax: 40, leafSetSize: 8 };

  test('keeps the leaf set and a member in every slot, whatever comes and goes', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(id, fc.boolean(), fc.nat(300)), { maxLength: 150 }), id, (events, self) => {
        const table = new BambooTable(contactAt(self), options);
        const alive = new Set<Key>([self]);
        for (const [member, comes, rttMs] of events) {
          if (comes) {
            if (table.heard(contactAt(member), rttMs) !== 'ignored') alive.add(member);
          } else {
            table.remove(member);
            if (member !== self) alive.delete(member);
          }
          table.checkInvariants();
        }
      }),
    );
  });

  test('routes in logarithmically many hops when no table knows more than a fraction', () => {
    const random = lcg(3);
    const members = Array.from({ length: 300 }, () => randomKey(random));
    const tables = new Map(
      members.map((self) => [self, tableOf([self, ...members.filter((m) => m !== self)], options)]),
    );
    let hopsMax = 0;
    for (let i = 0; i < 200; i++) {
      const key = randomKey(random);
      const owner = nearestByHand(members, key)[0] as Key;
      let at = members[Math.floor(random() * members.length)] as Key;
      let hops = 0;
      while (at !== owner) {
        at = tables.get(at)?.nextHops(key, 1)[0]?.id as Key;
        expect(at).toBeDefined();
        hops += 1;
      }
      hopsMax = Math.max(hopsMax, hops);
    }
    expect(hopsMax).toBeLessThanOrEqual(6);
  });

  test('prefers quick members in a full slot', () => {
    const self = '0'.repeat(40);
    const table = new BambooTable(contactAt(self), { contactsMax: 20, leafSetSize: 2 });
    const inSlot = (i: number): Contact => contactAt(keyAt((8n << 156n) + (BigInt(i) << 100n)));
    for (let i = 1; i <= 19; i++) table.heard(inSlot(10 * i), 100);
    expect(table.heard(inSlot(55), 10)).toBe('added');
    expect(table.heard(inSlot(56), 900)).toBe('ignored');
    expect(table.heard(inSlot(57))).toBe('ignored');
    expect(table.size).toBe(20);
  });
});

test('contacts move, and are probed in turn', () => {
  const table = tableOf(
    Array.from({ length: 30 }, (_, i) => keyAt((BigInt(i) * top) / 30n)),
    { contactsMax: 64, leafSetSize: 4 },
  );
  const probed = new Set(Array.from({ length: 25 }, () => table.nextToProbe()?.id));
  expect(probed.size).toBe(25);
  const other = table.contacts()[9] as Contact;
  expect(table.heard({ id: other.id, address: 'elsewhere:2' })).toBe('moved');
  expect(table.get(other.id)?.address).toBe('elsewhere:2');
  expect(table.remove(other.id)?.address).toBe('elsewhere:2');
  expect(table.remove(other.id)).toBeUndefined();
});

function lcg(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
