import { describe, expect, test } from 'vitest';
import { type Key, OverlayError, overlayDefaults } from '../../overlay/index.ts';
import { resourceKey } from '../../overlay/store/items.ts';
import { variants } from './fleet.ts';
import { hourMs, StoreFleet } from './store-fleet.ts';

const auditMs = 10;
/** A member whose place another has just taken may believe for so long that writes still reach it: until it hears. */
const unawareMsMax = 400;

/** Every acknowledged item must be at every node that says it holds a complete copy of its key. */
class Audit {
  readonly #stores: StoreFleet;
  readonly #acknowledged = new Map<string, Key>();
  /** Node and item, and since when the node has held the key without the item. */
  readonly #lacking = new Map<string, number>();
  #written = 0;

  constructor(stores: StoreFleet) {
    this.#stores = stores;
  }

  get acknowledged(): number {
    return this.#acknowledged.size;
  }

  write(): void {
    const name = `item${this.#written++}`;
    this.#stores
      .store(0)
      .put('audit', name, 'only', Buffer.from(name), hourMs)
      .then(
        () => this.#acknowledged.set(name, resourceKey('audit', name)),
        (error) => {
          if (!(error instanceof OverlayError)) throw error;
        },
      );
  }

  check(): void {
    const { nowMs } = this.#stores.fleet.sim;
    for (const node of this.#stores.fleet.all()) {
      const present = new Set([...this.#stores.of(node).scan('audit')].map(({ resourceId }) => resourceId));
      for (const [name, key] of this.#acknowledged) {
        const what = `${node.self.address} holds the key of ${name} and lacks it`;
        if (present.has(name) || !node.holds(key)) this.#lacking.delete(what);
        else this.#lacking.set(what, this.#lacking.get(what) ?? nowMs);
      }
    }
    for (const [what, sinceMs] of this.#lacking) expect(nowMs - sinceMs, what).toBeLessThanOrEqual(unawareMsMax);
  }
}

describe.each(variants([3, 8, 12, 40, 48]))('nodes that enter side by side ($geometry, seed $seed)', (variant) => {
  test('hold nothing that writes pass by', async () => {
    const lossRate = variant.seed % 2 ? 0 : 0.05;
    const stores = await StoreFleet.start(1, { ...variant, jitterMs: 20, lossRate });
    const { fleet } = stores;
    const audit = new Audit(stores);
    for (let i = 0; i < 20; i++) audit.write();
    for (const comers of [7, 5]) {
      for (let i = 0; i < comers; i++) void fleet.build().join(['n0:1']);
      for (let elapsedMs = 0; elapsedMs < 2_000; elapsedMs += auditMs) {
        if (elapsedMs % 20 === 0) audit.write();
        await fleet.sim.runFor(auditMs);
        audit.check();
      }
    }
    await fleet.settle();
    await fleet.sim.runFor(1_000);
    audit.check();
    expect(audit.acknowledged).toBeGreaterThan(150);
  });
});

describe.each(variants([1]))('a crowd that enters at once ($geometry, seed $seed)', (variant) => {
  test('takes over what the first member had, though it knows few of them', async () => {
    const stores = await StoreFleet.start(1, { ...variant, options: { contactsMax: 24 } });
    const { fleet } = stores;
    const names = Array.from({ length: 80 }, (_, i) => `item${i}`);
    for (const name of names) await stores.put(name, name);
    const crowd = Array.from({ length: 119 }, () => fleet.build());
    await fleet.sim.runUntil(Promise.all(crowd.map((node) => node.join(['n0:1']))), { virtualMsMax: 10_000 });
    const isSettled = (): boolean => fleet.all().every((node) => node.isSettled);
    await fleet.sim.runUntil(isSettled, { virtualMsMax: overlayDefaults.adoptAfterMs });
    expect(fleet.node(0).contacts().length).toBeLessThan(100);
    expect(fleet.all().filter((node) => node.counters().regionsAdopted > 0)).toEqual([]);
    const founder = fleet.node(0);
    const keptByFounder = (): number => [...stores.of(founder).scan('books')].length;
    const ownToFounder = names.filter((name) => founder.holds(resourceKey('books', name))).length;
    // A look at a copy takes long: not after every instant.
    for (let second = 0; second < 60 && keptByFounder() > ownToFounder; second++) await fleet.sim.runFor(1_000);
    expect(keptByFounder()).toBe(ownToFounder);
    for (const name of names) expect(stores.copies(name)).toBeGreaterThanOrEqual(3);
    for (const name of names) expect(await stores.get(name)).toBe(name);
  });
});
