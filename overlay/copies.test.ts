import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Advert } from './advert.ts';
import { Copies, type Kept } from './copies.ts';
import type { Contact, Region } from './overlay.ts';
import { RegionSet, wholeRing } from './region.ts';
import type { RoutingTable } from './routing-table.ts';
import { advert, advertOf } from './testing/adverts.ts';
import { contactOf, contactsOf, tableOf } from './testing/contacts.ts';
import { region } from './testing/positions.ts';

const replicas = 3;
const self = contactOf(0);
const members = contactsOf(9, 1);

/** What may happen to a node's copies. */
type Step =
  | { readonly kind: 'joined' | 'failed'; readonly member: Contact }
  | { readonly kind: 'advert'; readonly member: Contact; readonly advert: Advert }
  | { readonly kind: 'takenOver'; readonly kept: Kept }
  | { readonly kind: 'read' | 'lost' | 'united'; readonly region: Region }
  | { readonly kind: 'tidied' | 'returned' | 'silence' | 'diskFailed' };

const member = fc.constantFrom(...members);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constantFrom('joined' as const, 'failed' as const), member }),
  fc.record({
    kind: fc.constant('advert' as const),
    member,
    advert: fc.oneof(advert, fc.constant(advertOf([wholeRing]))),
  }),
  fc.record({
    kind: fc.constant('takenOver' as const),
    kept: advert.map(({ held, spare, lossy }) => {
      const kept = held.clone();
      kept.addAll(spare);
      return { held: kept, lossy: kept.intersect(lossy), everywhere: spare.clone() };
    }),
  }),
  fc.record({
    kind: fc.constantFrom('read' as const, 'lost' as const, 'united' as const),
    region: fc.oneof(region, fc.constant(wholeRing)),
  }),
  fc.record({
    kind: fc.constantFrom('tidied' as const, 'returned' as const, 'silence' as const, 'diskFailed' as const),
  }),
);

const forgetAfterMs = 10;

class World {
  readonly table: RoutingTable;
  readonly copies: Copies;
  nowMs = 1_000;
  readonly heardAtMs = new Map<string, number>();

  constructor(known: readonly Contact[], recovered: Region | null) {
    this.table = tableOf(self, known);
    this.copies = new Copies(this.table, replicas);
    if (recovered) this.copies.recover(new RegionSet([recovered]), new RegionSet([recovered]));
    this.copies.reconsider();
  }

  take(step: Step): void {
    const { copies, table } = this;
    this.nowMs += 1;
    switch (step.kind) {
      case 'joined':
        table.heard(step.member);
        copies.reconsider();
        return;
      case 'failed':
        table.remove(step.member.id);
        copies.forget(step.member.id);
        this.heardAtMs.delete(step.member.id);
        copies.reconsider();
        return;
      case 'advert':
        copies.advertised(step.member, step.advert, this.nowMs);
        this.heardAtMs.set(step.member.id, this.nowMs);
        return;
      case 'takenOver':
        copies.dispose(copies.takenOver(step.kept));
        return;
      case 'read':
        copies.hold(step.region, []);
        return;
      case 'lost':
        copies.hold(step.region, [{ region: step.region, atMs: this.nowMs }]);
        return;
      case 'united':
        copies.united(new RegionSet([step.region]), []);
        return;
      case 'tidied':
        copies.dispose(copies.surplus().disposable);
        return;
      case 'returned':
        for (const one of copies.stale.regions()) copies.returned(one);
        return;
      case 'diskFailed':
        copies.becomeVolatile();
        return;
      case 'silence':
        copies.forgetSilent(this.nowMs - forgetAfterMs);
        for (const [id, atMs] of this.heardAtMs) {
          if (atMs < this.nowMs - forgetAfterMs && !table.isLeaf(id)) this.heardAtMs.delete(id);
        }
    }
  }

  /** All that duties are decided by, but for the table. */
  facts(): unknown {
    const { held, spare, retired, stale, lossy } = this.copies;
    const sets = [held, spare, retired, stale, lossy, this.copies.wanted()];
    const { isVolatile } = this.copies;
    return [isVolatile, sets.map((set) => set.regions()), members.map(({ id }) => this.copies.heldBy(id).regions())];
  }
}

const worlds = fc
  .tuple(fc.subarray(members), fc.option(region))
  .map(([known, recovered]) => new World(known, recovered));
const steps = fc.array(step, { maxLength: 40 });

describe('whatever happens to copies', () => {
  test('one that is at rest has nothing to do, and its version tells whether anything has changed', () => {
    let restingCount = 0;
    fc.assert(
      fc.property(worlds, steps, (world, taken) => {
        const { copies } = world;
        for (const one of taken) {
          const { version } = copies;
          const before = world.facts();
          world.take(one);
          copies.checkInvariants();
          if (copies.version === version) expect(world.facts()).toEqual(before);
          if (!copies.isAtRest) continue;
          restingCount += 1;
          expect(copies.plan()).toEqual({ sources: [], orphans: new RegionSet(), unheard: [] });
          expect(copies.surplus()).toEqual({ disposable: new RegionSet(), waitingFor: [] });
          expect(copies.takersOfStale()).toEqual({ sources: [], unheard: [] });
          expect(copies.healers()).toEqual([]);
        }
      }),
      { numRuns: 300 },
    );
    expect(restingCount).toBeGreaterThan(10);
  });

  test('those outside the leaf set are forgotten when they have been silent for long enough, and nobody else', () => {
    const crowd = contactsOf(60, 1);
    const one = fc.constantFrom(...crowd);
    const events = fc.array(
      fc.oneof(
        fc.record({ kind: fc.constant('advert' as const), member: one, advert: fc.constant(advertOf([])) }),
        fc.record({ kind: fc.constantFrom('joined' as const, 'failed' as const), member: one }),
        fc.record({ kind: fc.constant('silence' as const) }),
      ),
      { minLength: 20, maxLength: 120 },
    );
    fc.assert(
      fc.property(fc.subarray(crowd), events, (known, taken) => {
        const world = new World(known, null);
        for (const event of taken) {
          world.take(event);
          expect(
            crowd
              .filter(({ id }) => world.copies.hasHeardOf(id))
              .map(({ id }) => id)
              .sort(),
          ).toEqual([...world.heardAtMs.keys()].sort());
        }
      }),
      { numRuns: 40 },
    );
  });
});

test('a share that is held is at rest until somebody else is to keep some of it', () => {
  const { copies, table } = new World(members.slice(0, 5), null);
  expect(copies.isAtRest).toBe(false);
  for (const wanted of copies.wanted()) copies.hold(wanted, []);
  expect(copies.isAtRest).toBe(true);
  for (const newcomer of members.slice(5)) table.heard(newcomer);
  copies.reconsider();
  expect(copies.spare.isEmpty).toBe(false);
  expect(copies.isAtRest).toBe(false);
  for (const member of members) copies.advertised(member, advertOf([wholeRing]), 1);
  expect(copies.spare.isEmpty).toBe(true);
  const { disposable, waitingFor } = copies.surplus();
  expect(waitingFor).toEqual([]);
  copies.dispose(disposable);
  expect(copies.isAtRest).toBe(true);
});

test('copies on failed disks are no reason to give up others, here or far away', () => {
  const { copies, table } = new World(members.slice(0, 2), null);
  copies.holdAll();
  for (const newcomer of members.slice(2)) table.heard(newcomer);
  copies.reconsider();
  const spare = copies.spare.regions();
  for (const member of members) copies.advertised(member, { ...advertOf([wholeRing]), isVolatile: true }, 1);
  expect(copies.spare.regions()).toEqual(spare);
  const { disposable, waitingFor } = copies.surplus();
  expect(disposable.isEmpty).toBe(true);
  expect(waitingFor).toEqual([]);
  expect(copies.keptOf(RegionSet.whole()).held.isEmpty).toBe(false);
  expect(copies.becomeVolatile()).toBe(true);
  expect(copies.becomeVolatile()).toBe(false);
  const { held, everywhere } = copies.keptOf(RegionSet.whole());
  expect(held.isEmpty && everywhere.isEmpty).toBe(true);
});

test('what is stale is not given to those who may lose it', () => {
  const { copies } = new World(members.slice(0, 5), wholeRing);
  const [taker] = members.slice(0, 5) as [Contact];
  copies.advertised(taker, { ...advertOf([wholeRing]), isVolatile: true }, 1);
  expect(copies.takersOfStale().sources).toEqual([]);
  copies.advertised(taker, advertOf([wholeRing]), 2);
  expect(copies.takersOfStale().sources).not.toEqual([]);
});

describe('copies far away, of keys whose owner the table does not know,', () => {
  const [near, far] = [members.slice(0, 2), contactOf(40)];

  /** All that there is, where this node knows itself and two others, and then so many that it need not keep everything. */
  function founder(): Copies {
    const { copies, table } = new World(near, null);
    copies.holdAll();
    for (const newcomer of members.slice(2)) table.heard(newcomer);
    copies.reconsider();
    expect(table.get(far.id)).toBeUndefined();
    return copies;
  }

  test('make way for those of the owner, and can be disposed of once all who must have them do', () => {
    const copies = founder();
    const [first, ...others] = copies.spare.regions();
    const region = first as Region;
    const half = { from: region.from, to: far.id };
    const everywhere = new RegionSet([half]).intersect(region);
    const disposable = copies.takenOver({ held: new RegionSet([region]), lossy: new RegionSet(), everywhere });
    expect(copies.spare.regions()).toEqual(others);
    expect(copies.retired.regions()).toEqual([region]);
    expect(disposable.equals(everywhere)).toBe(true);
  });

  test('stay as they are where the copy of the owner may lack something', () => {
    const copies = founder();
    const spare = new RegionSet(copies.spare);
    const disposable = copies.takenOver({ held: spare, lossy: spare, everywhere: spare });
    expect(copies.spare.equals(spare)).toBe(true);
    expect(disposable.isEmpty).toBe(true);
  });
});

test('what all who must keep some keys hold is what none of them lacks', () => {
  const { copies, table } = new World(members, null);
  for (const wanted of copies.wanted()) copies.hold(wanted, []);
  const own = table.region();
  expect(copies.keptOf(RegionSet.whole()).held.equals(copies.held)).toBe(true);
  expect(copies.keptOf(own)).toEqual({ held: own, lossy: new RegionSet(), everywhere: new RegionSet() });
  for (const partner of copies.partners()) {
    expect(copies.keptOf(own).everywhere.equals(own)).toBe(false);
    copies.advertised(partner, advertOf(own), 1);
  }
  expect(copies.keptOf(own).everywhere.equals(own)).toBe(true);
});
