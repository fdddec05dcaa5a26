import { strict as assert } from 'node:assert';
import { describe, expect, test } from 'vitest';
import {
  type GeometryName,
  type Key,
  ObjectStore,
  type OverlayError,
  type OverlayNode,
  RegionSet,
} from '../../overlay/index.ts';
import { Fleet, variants } from './fleet.ts';

const hourMs = 3_600_000;
/** Levels of delegation after which a query gives up a part. */
const depthMax = 24;

/** What one walk down the delegation tree found, at one instant. */
interface Walk {
  readonly tiling: RegionSet;
  readonly lost: RegionSet;
  /** Served, but said to lack what was lost with all its copies. */
  readonly lossy: RegionSet;
  readonly items: string[];
}

/** A fleet in which every item acknowledged so far is known. */
class Audit {
  readonly fleet: Fleet;
  readonly acknowledged = new Map<string, Key>();
  /** All copies of some regions were killed. */
  mayLoseCopies = false;
  /** They may have been, by chance: then an answer says so. */
  mayBeMarked = false;
  readonly #stores = new WeakMap<OverlayNode, ObjectStore>();
  readonly #leaving = new Set<OverlayNode>();
  #written = 0;

  constructor(geometry: GeometryName, seed: number, lossRate: number) {
    this.fleet = new Fleet({
      geometry,
      seed,
      lossRate,
      jitterMs: 5,
      prepare: (node) => {
        this.#stores.set(node, new ObjectStore(node));
      },
    });
  }

  /** Writes from a random node; counts when it is acknowledged. */
  write(): void {
    const nodes = this.fleet.all();
    const node = nodes[Math.floor(this.fleet.sim.random() * nodes.length)] as OverlayNode;
    const name = `item${this.#written++}`;
    const store = this.#stores.get(node) as ObjectStore;
    store.put('audit', name, 'only', Buffer.from(name), hourMs).then(
      () => {
        const [item] = [...store.scan('audit')].filter(({ resourceId }) => resourceId === name);
        this.acknowledged.set(name, item?.key ?? this.#keyOf(name));
      },
      () => {}, // Not acknowledged, nothing promised.
    );
  }

  #keyOf(name: string): Key {
    for (const node of this.fleet.all()) {
      for (const { resourceId, key } of (this.#stores.get(node) as ObjectStore).scan('audit'))
        if (resourceId === name) return key;
    }
    throw new Error(`${name} was acknowledged and is nowhere`);
  }

  /** Splits the ring from a random node down to those that serve. Dead nodes lose what they are given. */
  walk(): Walk {
    const walk: Walk = { tiling: new RegionSet(), lost: new RegionSet(), lossy: new RegionSet(), items: [] };
    const members = this.fleet.all().filter((node) => node.isSettled || node.contacts().length > 1);
    const proxy = members[Math.floor(this.fleet.sim.random() * members.length)] as OverlayNode;
    this.#visit(proxy, RegionSet.whole(), false, [], walk);
    return walk;
  }

  /** `path`: those who delegated the region, one to the next. */
  #visit(node: OverlayNode, region: RegionSet, asHolder: boolean, path: readonly OverlayNode[], walk: Walk): void {
    // Members of whom many have just died may disagree for long; then the part is lost.
    const isTooDeep = this.mayLoseCopies && path.length === depthMax;
    // Not everybody has heard that it leaves.
    const isGivenBack = this.#leaving.has(node) && path.includes(node);
    if (isTooDeep || isGivenBack) {
      walk.lost.addAll(region);
      return;
    }
    // Here and in `check` by assertions, since these are run a million times.
    assert(path.length < 30, 'a walk ends');
    const { serve, delegate, lost } = node.split(region, 4, asHolder);
    const parts = [serve, lost, ...delegate.map((one) => one.region)];
    const here = new RegionSet();
    for (const part of parts) assert(!here.addAll(part), 'no part is given twice');
    assert(here.equals(region), 'the parts are the whole');
    assert(!walk.tiling.addAll(serve), 'no key is served twice');
    for (const loss of node.losses(serve)) walk.lossy.add(loss.region);
    for (const { resourceId } of (this.#stores.get(node) as ObjectStore).scan('audit', serve))
      walk.items.push(resourceId);
    walk.lost.addAll(lost);
    for (const { to, region: part, asHolder: holds } of delegate) {
      const child = this.fleet.nodes.get(to.address);
      if (child?.self.id === to.id) this.#visit(child, part, holds, [...path, node], walk);
      else walk.lost.addAll(part);
    }
  }

  /** It may be made to leave before it is in. */
  join(seeds: readonly string[], address?: string): void {
    const joined = this.fleet.build(address).join(seeds);
    joined.catch((error: OverlayError) => assert.equal(error.code, 'closed'));
  }

  leave(node: OverlayNode): void {
    this.#leaving.add(node);
    void node.leave().then(() => this.fleet.nodes.delete(node.self.address));
  }

  /** Every acknowledged item is found exactly once, or its key is reported lost: for good, where that may have been. */
  check(): void {
    const expected = [...this.acknowledged];
    const { tiling, lost, lossy, items } = this.walk();
    if (this.mayLoseCopies || this.mayBeMarked) lost.addAll(lossy);
    tiling.addAll(lost);
    const found = new Set(items);
    assert(tiling.isWhole, 'every key is served or lost');
    assert.equal(found.size, items.length, 'no item is found twice');
    const silentlyMissing = expected.filter(([name, key]) => !found.has(name) && !lost.has(key)).map(([name]) => name);
    assert.deepEqual(silentlyMissing, [], `${silentlyMissing} missing at ${this.fleet.sim.nowMs} ms`);
  }

  /** Checks and writes all the while. */
  async run(virtualMs: number): Promise<void> {
    for (let elapsedMs = 0; elapsedMs < virtualMs; elapsedMs += 50) {
      if (this.fleet.sim.random() < 0.3) this.write();
      await this.fleet.sim.runFor(50);
      this.check();
    }
  }
}

describe.each(variants([1, 2, 3, 4, 5, 6, 30, 40, 48, 57, 164]))(
  'an answer never claims more than it covers ($geometry, seed $seed)',
  ({ geometry, seed }) => {
    test('while nodes join, all at once', async () => {
      const audit = new Audit(geometry, seed, seed % 2 === 0 ? 0.05 : 0);
      const { fleet } = audit;
      fleet.build().bootstrap();
      await audit.run(1_000);
      for (let i = 0; i < 12; i++) {
        audit.join(['n0:1']);
        if (seed > 3) await audit.run(200);
      }
      await audit.run(6_000);
      await fleet.settle();
      expect(audit.walk().lost.isEmpty && audit.walk().lossy.isEmpty).toBe(true);
      expect(audit.acknowledged.size).toBeGreaterThan(20);
      expect(new Set(audit.walk().items).size).toBeGreaterThanOrEqual(audit.acknowledged.size);
    });

    test('while nodes come, go and crash', async () => {
      const audit = new Audit(geometry, seed, seed % 2 === 0 ? 0.05 : 0);
      const { fleet } = audit;
      fleet.build().bootstrap();
      for (let i = 1; i < 12; i++) audit.join(['n0:1']);
      await audit.run(5_000);
      await fleet.settle();
      // Two crashes and a leave can take all three copies of what was just written, or moves.
      audit.mayBeMarked = true;
      for (let round = 0; round < 6; round++) {
        const nodes = fleet.all().slice(1);
        const some = (): OverlayNode =>
          nodes.splice(Math.floor(fleet.sim.random() * nodes.length), 1)[0] as OverlayNode;
        fleet.crash(some());
        if (round % 2 === 0) fleet.crash(some());
        else audit.join(['n0:1']);
        audit.leave(some());
        audit.join(['n0:1']);
        await audit.run(2_000 + 4_000 * fleet.sim.random());
      }
      await audit.run(10_000);
      await fleet.settle(120_000);
      const { lost, items } = audit.walk();
      expect(lost.isEmpty).toBe(true);
      expect(items.length).toBeGreaterThan(0);
    });

    test.runIf(seed <= 4)(
      'while all copies of a region die at once, others come to their addresses, and regions move on',
      async () => {
        const audit = new Audit(geometry, seed, seed % 2 === 0 ? 0.02 : 0);
        const { fleet } = audit;
        fleet.build().bootstrap();
        for (let i = 1; i < 12; i++) audit.join(['n0:1']);
        await audit.run(5_000);
        await fleet.settle();
        await audit.run(5_000);
        audit.mayLoseCopies = true;
        const ring = fleet.all().sort((a, b) => (a.self.id < b.self.id ? -1 : 1));
        const first = Math.floor(fleet.sim.random() * ring.length);
        const victims = Array.from({ length: 5 }, (_, i) => ring[(first + i) % ring.length] as OverlayNode);
        for (const victim of victims) fleet.crash(victim);
        // Before others take the regions as empty, or after.
        if (seed % 3 === 0) await audit.run(45_000);
        for (const { self } of victims) {
          const [seedAddress] = fleet.nodes.keys();
          fleet.sim.restart(self.address);
          audit.join([seedAddress as string], self.address);
        }
        await audit.run(45_000);
        for (let round = 0; round < 3; round++) {
          const leaving = fleet.node(Math.floor(fleet.sim.random() * fleet.nodes.size));
          audit.leave(leaving);
          const [seedAddress] = [...fleet.nodes.keys()].filter((address) => address !== leaving.self.address);
          audit.join([seedAddress as string]);
          await audit.run(8_000);
        }
        await fleet.settle(120_000);
        fleet.checkTiling();
        const { lost, lossy } = audit.walk();
        expect(lost.isEmpty).toBe(true);
        expect(lossy.isEmpty).toBe(false);
      },
    );
  },
);
