import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { clockwise, inRegion, keyAt, pointOf, randomKey } from '../keys.ts';
import type { Contact, Key } from '../overlay.ts';
import { RegionSet } from '../region.ts';
import { ContactTable, type GeometryName, geometries } from './contact-table.ts';

// What every geometry must do, by the same tests for all of them.

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
    // Of one slice, and of slices side by side.
    fc.bigInt({ min: 0n, max: 1n << 150n }).map((offset) => (top / 3n + offset) % top),
  )
  .map(keyAt);
const ids = fc.uniqueArray(id, { minLength: 1, maxLength: 40 });
/** Members of one slice of a Kademlia ring, far more on one side of its branchings than on the other. */
const crowd = fc
  .tuple(
    fc.bigInt({ min: 0n, max: 4095n }),
    fc.uniqueArray(fc.tuple(fc.nat(3), fc.nat(60)), { minLength: 1, maxLength: 40 }),
  )
  .map(([slice, places]) => {
    const members = places.map(([part, place]) => (slice << 148n) + (BigInt(part + 6) << 144n) + BigInt(place));
    return [...new Set(members)].map(keyAt);
  });
const regions = fc.array(fc.record({ from: id, to: id }), { minLength: 1, maxLength: 3 });

function lcg(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Ranks by definition: the owner of a key is the member of the lowest rank. */
const ranks: Readonly<Record<GeometryName, (key: bigint, member: bigint) => bigint>> = {
  bamboo: (key, member) => {
    const ahead = clockwise(key, member);
    const behind = clockwise(member, key);
    return ahead <= behind ? 2n * ahead : 2n * behind + 1n;
  },
  chord: clockwise,
  kademlia: (key, member) => {
    const slices = (key >> 148n) ^ (member >> 148n);
    const apart = member >= key ? 2n * (member - key) : 2n * (key - member) + 1n;
    return (slices << 162n) + apart;
  },
};

describe.each(geometries)('%s', (geometry) => {
  function tableOf(members: readonly Key[], options = generous): ContactTable {
    const [self, ...others] = members.map(contactAt);
    const table = new ContactTable(self as Contact, { ...options, geometry });
    for (const other of others) table.heard(other);
    return table;
  }

  function byRank(members: readonly Key[], key: Key): Key[] {
    const rank = (member: Key): bigint => ranks[geometry](pointOf(key), pointOf(member));
    return [...members].sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
  }

  function fleetOf(size: number, seed: number, options = generous): Map<Key, ContactTable> {
    const random = lcg(seed);
    const members = Array.from({ length: size }, () => randomKey(random));
    return new Map(members.map((self) => [self, tableOf([self, ...members.filter((m) => m !== self)], options)]));
  }

  describe('a table that knows everybody', () => {
    test('owner, replicas and regions agree with the definition', () => {
      fc.assert(
        fc.property(ids, id, fc.integer({ min: 1, max: 5 }), (members, key, n) => {
          const table = tableOf(members);
          table.checkInvariants();
          const nearest = byRank(members, key);
          expect(table.replicas(key, n).map((c) => c.id)).toEqual(nearest.slice(0, n));
          expect(table.owner(key).id).toBe(nearest[0]);
          expect(table.owns(key)).toBe(nearest[0] === members[0]);
          for (const member of members) {
            const region = table.replicaRegionOf(member, n);
            region.checkInvariants();
            expect(region.has(key)).toBe(nearest.slice(0, n).includes(member));
          }
        }),
        { numRuns: 300 },
      );
    });

    test('the regions of all members tile the ring, and a node owns its own id', () => {
      fc.assert(
        fc.property(ids, (members) => {
          const tiling = new RegionSet();
          for (const [i, member] of members.entries()) {
            const region = tableOf([member, ...members.filter((m) => m !== member)]).region();
            expect(region.has(member)).toBe(true);
            expect(region.equals(tableOf(members).replicaRegionOf(member, 1)), `member ${i}`).toBe(true);
            expect(tiling.addAll(region)).toBe(false);
          }
          expect(tiling.isWhole).toBe(true);
        }),
      );
    });

    test('keepers of some keys are those whose replica regions have any of them', () => {
      fc.assert(
        fc.property(ids, regions, fc.integer({ min: 1, max: 4 }), (members, some, n) => {
          const table = tableOf(members);
          const keys = new RegionSet(some);
          const expected = members.filter((member) => !table.replicaRegionOf(member, n).intersect(keys).isEmpty);
          const keepers = table.keepers(keys, n).map((c) => c.id);
          expect(new Set(keepers).size).toBe(keepers.length);
          expect([...keepers].sort()).toEqual(expected.sort());
        }),
        { numRuns: 300 },
      );
    });

    test('the first of the next hops leads to the owner', () => {
      fc.assert(
        fc.property(ids, id, fc.integer({ min: 1, max: 8 }), (members, key, n) => {
          const table = tableOf(members);
          const hops = table.nextHops(key, n).map((c) => c.id);
          const [owner] = byRank(members, key);
          if (owner === members[0]) expect(hops).toEqual([]);
          else expect(hops[0]).toBe(owner);
          expect(hops.length).toBeLessThanOrEqual(n);
          expect(new Set(hops).size).toBe(hops.length);
          expect(hops).not.toContain(members[0]);
          const from = table.distance(key, members[0] as Key);
          for (const hop of hops) expect(hop === owner || table.distance(key, hop) < from).toBe(true);
        }),
      );
    });
  });

  describe('split', () => {
    test('tiles the keys, delegates to others only, to each what belongs to it or holds its id', () => {
      fc.assert(
        fc.property(ids, regions, fc.integer({ min: 1, max: 9 }), (members, some, fanout) => {
          const table = tableOf(members);
          const keys = new RegionSet(some);
          const { own, delegate } = table.split(keys, fanout);
          expect(delegate.length).toBeLessThanOrEqual(fanout);
          const tiling = own.clone();
          for (const { to, region: part } of delegate) {
            expect(to.id).not.toBe(table.self.id);
            expect(part.isEmpty).toBe(false);
            expect(part.has(to.id) || !table.replicaRegionOf(to.id, 1).intersect(part).isEmpty).toBe(true);
            expect(tiling.addAll(part)).toBe(false);
          }
          expect(tiling.equals(keys)).toBe(true);
          expect(own.equals(keys.intersect(table.region()))).toBe(true);
        }),
        { numRuns: 300 },
      );
    });

    test('covers the ring among tables that know little', () => {
      const fleet = fleetOf(150, 9, { contactsMax: 0, leafSetSize: 16 });
      const tiling = new RegionSet();
      const visit = (at: Key, keys: RegionSet, depth: number): void => {
        expect(depth).toBeLessThan(20);
        const { own, delegate } = (fleet.get(at) as ContactTable).split(keys, 8);
        expect(tiling.addAll(own)).toBe(false);
        for (const { to, region: part } of delegate) visit(to.id, part, depth + 1);
      };
      visit([...fleet.keys()][0] as Key, RegionSet.whole(), 0);
      expect(tiling.isWhole).toBe(true);
    });
  });

  describe('spread', () => {
    test('gives every other member that stands among the keys to one part, and each part to a member of it', () => {
      fc.assert(
        fc.property(ids, regions, fc.integer({ min: 1, max: 9 }), (members, some, fanout) => {
          const table = tableOf(members);
          const keys = new RegionSet(some);
          const parts = table.spread(keys, fanout);
          const within = members.slice(1).filter((member) => keys.has(member));
          expect(parts.length).toBe(Math.min(fanout, within.length));
          const together = new RegionSet();
          for (const { to, region: part } of parts) {
            expect(to.id).not.toBe(table.self.id);
            expect(part.has(to.id)).toBe(true);
            expect(together.addAll(part)).toBe(false);
          }
          expect(keys.missingFrom(together).isEmpty).toBe(true);
          expect(members.slice(1).filter((member) => together.has(member))).toEqual(within);
        }),
        { numRuns: 300 },
      );
    });

    test.each([
      ['everybody', 200, 1_024, 4, [7]],
      ['one in eight', 1_500, 180, 8, [7]],
      ['their leaf sets and little else', 150, 0, 12, [3, 7, 11, 19]],
    ])('reaches every member once, among tables that know %s', (_, size, contactsMax, depthLimit, seeds) => {
      for (const seed of seeds) expectSpread(size, contactsMax, depthLimit, seed);
    });

    function expectSpread(size: number, contactsMax: number, depthLimit: number, seed: number): void {
      const fleet = fleetOf(size, seed, { contactsMax, leafSetSize: 16 });
      const reached: Key[] = [];
      let depthMax = 0;
      const visit = (at: Key, keys: RegionSet, depth: number): void => {
        reached.push(at);
        depthMax = Math.max(depthMax, depth);
        for (const { to, region: part } of fleet.get(at)?.spread(keys, 8) ?? []) visit(to.id, part, depth + 1);
      };
      visit([...fleet.keys()][0] as Key, RegionSet.whole(), 0);
      expect(depthMax).toBeLessThanOrEqual(depthLimit);
      expect(reached.sort()).toEqual([...fleet.keys()].sort());
    }
  });

  describe('the leaf set', () => {
    test('suffices for this node to know its region and its copies', () => {
      fc.assert(
        fc.property(ids, fc.integer({ min: 1, max: 4 }), (members, n) => {
          const table = tableOf(members, { contactsMax: 1_024, leafSetSize: 8 });
          const little = tableOf(members, { contactsMax: 0, leafSetSize: 8 });
          expect(new Set(little.leaves())).toEqual(new Set(table.leaves()));
          expect(little.region().equals(table.region())).toBe(true);
          expect(little.replicaRegion(n).equals(table.replicaRegion(n))).toBe(true);
          for (const { id: leaf } of table.leaves()) expect(table.isLeaf(leaf)).toBe(true);
        }),
      );
    });

    test.each([
      ['anywhere', ids],
      ['of one slice', crowd],
    ])('holds all whose coming or going moves the region or the copies: members %s', (_where, someIds) => {
      const leafSetSize = 8;
      const ownedBy = (table: ContactTable): RegionSet[] => [
        table.region().clone(),
        ...Array.from({ length: leafSetSize / 2 }, (_, i) => table.replicaRegion(i + 1)),
      ];
      const expectSame = (table: ContactTable, before: readonly RegionSet[], what: string): void => {
        for (const [n, region] of ownedBy(table).entries()) {
          expect(region.equals(before[n] as RegionSet), `${n} copies after ${what}`).toBe(true);
        }
      };
      fc.assert(
        fc.property(someIds, (members) => {
          const table = tableOf(members.slice(0, 1), { contactsMax: 1_024, leafSetSize });
          for (const member of members.slice(1)) {
            const before = ownedBy(table);
            const isLeaf = table.wouldBeLeaf(member);
            table.heard(contactAt(member));
            expect(table.isLeaf(member)).toBe(isLeaf);
            if (!isLeaf) expectSame(table, before, `${member} came`);
          }
          for (const member of members.slice(1)) {
            const before = ownedBy(table);
            const wasLeaf = table.isLeaf(member);
            table.remove(member);
            if (!wasLeaf) expectSame(table, before, `${member} went`);
          }
        }),
        { numRuns: 200 },
      );
    });

    test('holds all who keep copies of this node’s keys', () => {
      fc.assert(
        fc.property(ids, (members) => {
          const table = tableOf(members);
          for (const { id: keeper } of table.keepers(table.region(), 3)) {
            expect(keeper === table.self.id || table.isLeaf(keeper)).toBe(true);
          }
        }),
      );
    });

    test('bearings suffice for a newcomer to know its region and its leaf set', () => {
      fc.assert(
        fc.property(ids, id, (members, newcomer) => {
          fc.pre(!members.includes(newcomer));
          const bearings = tableOf(members).bearingsFor(newcomer);
          const placed = tableOf([newcomer, ...bearings.map((c) => c.id)]);
          const informed = tableOf([newcomer, ...members]);
          expect(placed.region().equals(informed.region())).toBe(true);
          const named = new Set(bearings.map((c) => c.id));
          for (const leaf of informed.leaves()) expect(named.has(leaf.id)).toBe(true);
          expect(informed.bearingsAmong(members.map(contactAt)).map((c) => c.id)).toEqual(bearings.map((c) => c.id));
        }),
      );
    });
  });

  describe('the contact budget', () => {
    const event = fc.record({
      member: id,
      kind: fc.constantFrom('heard', 'measured', 'removed'),
      rttMs: fc.nat(300),
    });

    test.each([0, 12, 40])(
      'of %i is kept whatever comes and goes, and newcomers are wanted who are taken',
      (contactsMax) => {
        fc.assert(
          fc.property(fc.array(event, { maxLength: 150 }), id, (events, self) => {
            const table = new ContactTable(contactAt(self), { contactsMax, leafSetSize: 8, geometry });
            const known = new Set([self]);
            for (const { member, kind, rttMs } of events) {
              const contact = contactAt(member);
              const wanted = table.wants(contact);
              const isKnown = table.get(member) !== undefined;
              if (kind === 'removed') {
                expect(table.remove(member) !== undefined).toBe(isKnown && member !== self);
                if (member !== self) known.delete(member);
              } else {
                const letGo = ({ id: gone }: Contact): boolean => known.delete(gone);
                const outcome = table.heard(contact, kind === 'measured' ? rttMs : undefined, letGo);
                if (outcome === 'added') known.add(member);
                if (isKnown) expect(outcome).toBe('known');
                else if (kind === 'heard') expect(outcome === 'added').toBe(wanted);
                else expect(outcome === 'added' || !wanted).toBe(true);
                expect(table.get(member) !== undefined).toBe(outcome !== 'ignored');
              }
              table.checkInvariants();
              expect(table.contacts().map((one) => one.id)).toEqual([...known].sort());
            }
          }),
        );
      },
    );

    test.each([0, 60])('of %i lets every route end at the owner, visiting nobody twice', (contactsMax) => {
      const fleet = fleetOf(400, 3, { contactsMax, leafSetSize: 16 });
      const members = [...fleet.keys()];
      const random = lcg(5);
      let hopsSum = 0;
      for (let i = 0; i < 400; i++) {
        const key = randomKey(random);
        const owner = members.reduce((a, b) =>
          ranks[geometry](pointOf(key), pointOf(a)) < ranks[geometry](pointOf(key), pointOf(b)) ? a : b,
        );
        const visited = new Set<Key>();
        let at = members[i] as Key;
        while (at !== owner) {
          expect(visited.has(at)).toBe(false);
          visited.add(at);
          at = fleet.get(at)?.nextHops(key, 1)[0]?.id as Key;
          expect(at).toBeDefined();
        }
        expect(fleet.get(at)?.nextHops(key, 1)).toEqual([]);
        hopsSum += visited.size;
      }
      const bounds = { bamboo: Math.log2(400) / 4, chord: Math.log2(400) / 2, kademlia: Math.log2(400) / 2 };
      expect(hopsSum / 400).toBeLessThanOrEqual(bounds[geometry] + 0.5);
    });

    test.each([
      [0, 1],
      [0, 0.3],
      [12, 1],
      [12, 0.3],
    ])(
      'of %i: routes visit nobody twice while tables differ, each of which has heard of %f of the others',
      (contactsMax, heardShare) => {
        // In Chord one hop may go to a member past the key that is wrongly believed to be the owner.
        const fartherMax = geometry === 'chord' ? 1 : 0;
        const heardBy = (self: Key, members: readonly Key[], random: () => number): Key[] => {
          const others = members.filter((member) => member !== self);
          const demanded = tableOf([self, ...others], { contactsMax: 0, leafSetSize: 8 });
          const turns = others
            .filter((member) => demanded.get(member) || random() < heardShare)
            .map((member) => [random(), member] as const);
          return turns.sort(([a], [b]) => a - b).map(([, member]) => member);
        };
        fc.assert(
          fc.property(ids, id, fc.integer(), (members, key, seed) => {
            const random = lcg(seed);
            const [owner] = byRank(members, key);
            const visited = new Set<Key>();
            for (let at = members[0] as Key; at !== owner; ) {
              expect(visited.has(at)).toBe(false);
              visited.add(at);
              const table = tableOf([at, ...heardBy(at, members, random)], { contactsMax, leafSetSize: 8 });
              const hops = table.nextHops(key, 3).map((hop) => hop.id);
              const own = table.distance(key, at);
              const farther = hops.filter((hop) => hop !== owner && table.distance(key, hop) >= own);
              expect(farther.length).toBeLessThanOrEqual(fartherMax);
              at = hops[0] as Key;
            }
          }),
          { numRuns: 200 },
        );
      },
    );

    test('prefers quick members in a full slot', () => {
      const self = '0'.repeat(40);
      const table = new ContactTable(contactAt(self), { contactsMax: 32, leafSetSize: 2, geometry });
      for (const neighbour of [1n, top - 1n]) table.heard(contactAt(keyAt(neighbour)), 100);
      const inSlot = (i: number): Contact => contactAt(keyAt((9n << 156n) + (BigInt(i) << 150n)));
      for (let i = 1; i <= 30; i++) table.heard(inSlot(2 * i), 100);
      expect(table.heard(inSlot(15), 10)).toBe('added');
      expect(table.heard(inSlot(17), 900)).toBe('ignored');
      expect(table.heard(inSlot(19))).toBe('ignored');
      expect(table.size).toBe(33);
    });
  });

  test('contacts move, and are probed in turn, those heard last coming last', () => {
    const table = tableOf(
      Array.from({ length: 30 }, (_, i) => keyAt((BigInt(i) * top) / 30n)),
      { contactsMax: 64, leafSetSize: 4 },
    );
    const outside = table.size - 1 - table.leaves().length;
    const probed = Array.from({ length: outside }, () => table.nextToProbe()?.id);
    expect(new Set(probed).size).toBe(outside);
    table.heard(contactAt(probed[0] as Key), 5);
    expect(table.nextToProbe()?.id).toBe(probed[1]);
    const other = table.contacts()[9] as Contact;
    const before = table.contacts();
    expect(before.map((_, i) => table.sample((i + 0.5) / before.length))).toEqual(before);
    expect(table.heard({ id: other.id, address: 'elsewhere:2' })).toBe('moved');
    expect(table.get(other.id)?.address).toBe('elsewhere:2');
    expect(table.remove(other.id)?.address).toBe('elsewhere:2');
    expect(table.remove(other.id)).toBeUndefined();
    expect(before).toHaveLength(30);
    expect(before[9]).toBe(other);
  });
});

test('bamboo and chord own one region each, next to their neighbours', () => {
  const members = ['1', '5', '9'].map((digit) => digit.padEnd(40, '0'));
  const [self, ...others] = members.map(contactAt);
  for (const geometry of ['bamboo', 'chord'] as const) {
    const table = new ContactTable(self as Contact, { ...generous, geometry });
    for (const other of others) table.heard(other);
    const [region] = table.region().regions();
    expect(region).toEqual(
      geometry === 'bamboo'
        ? { from: `d${'0'.repeat(39)}`, to: `3${'0'.repeat(39)}` }
        : { from: `9${'0'.repeat(38)}1`, to: `1${'0'.repeat(38)}1` },
    );
    expect(inRegion(table.self.id, region ?? { from: '', to: '' })).toBe(true);
  }
});

describe('a hop towards a key whose owner is not in sight', () => {
  const at = (digits: string): Contact => contactAt(digits.padEnd(40, '0'));
  const hopsOf = (geometry: GeometryName, [self, ...others]: readonly string[], digits: string): readonly Contact[] => {
    // One leaf on either side, and no room for anybody else.
    const table = new ContactTable(at(self as string), { geometry, contactsMax: others.length, leafSetSize: 2 });
    for (const other of others) table.heard(at(other));
    expect(table.size).toBe(1 + others.length);
    return table.nextHops(at(digits).id, 2);
  };

  test('goes in Bamboo to one that shares more digits, though another is nearer', () => {
    expect(hopsOf('bamboo', ['1', '1001', '0fff', '4fff', '58'], '501')).toEqual([at('58'), at('4fff')]);
  });

  test('but to the nearest if hardly anybody should stand between', () => {
    expect(hopsOf('bamboo', ['1', '1001', '0fff', '4fffc', '58'], '5')).toEqual([at('4fffc'), at('58')]);
  });

  test('and never to one that is farther than this node', () => {
    expect(hopsOf('bamboo', ['4fff', '4ffe', '4fff8', '58'], '501')).toEqual([at('4fff8')]);
  });

  test('goes in Chord past the key if hardly anybody should stand between', () => {
    expect(hopsOf('chord', ['1', '101', '0ff', '7', '8004'], '8')).toEqual([at('8004'), at('7')]);
    expect(hopsOf('chord', ['1', '101', '0ff', '7', '801'], '8')).toEqual([at('7'), at('101')]);
  });
});
