import { expect, test } from 'vitest';
import { type Contact, OverlayError, RegionSet } from '../../overlay/index.ts';
import { between } from '../../overlay/keys.ts';
import { resourceKey } from '../../overlay/store/items.ts';
import { seedsOr } from '../support/seeds.ts';
import { hourMs, StoreFleet } from './store-fleet.ts';

const nodes = 8;
const steps = 10;
const resources = 60;
/** Power failures with absent members leave so many at least: fewer would keep fewer copies. */
const presentMin = 4;

/** Values that were acknowledged, and the tale of what happened meanwhile, for whoever looks into a failure. */
class Outages {
  readonly acknowledged = new Map<string, string>();
  readonly tale: string[] = [];
  readonly #stores: StoreFleet;
  #absent: Contact[] = [];
  #written = 0;

  constructor(stores: StoreFleet) {
    this.#stores = stores;
  }

  async step(): Promise<void> {
    const { fleet } = this.#stores;
    const draw = fleet.sim.random();
    await this.#write();
    if (draw < 0.35) {
      const absentMax = Math.min(2, fleet.nodes.size - presentMin);
      const absent = Math.floor((absentMax + 1) * fleet.sim.random());
      this.#absent.push(...(await fleet.powerFailure(absent)));
      this.tale.push(`power failure, ${absent} more absent`);
    } else if (draw < 0.6 && this.#absent.length > 0) {
      await this.#bringOneBack();
    } else if (draw < 0.8) {
      const node = fleet.node(1 + Math.floor((fleet.nodes.size - 1) * fleet.sim.random()));
      await fleet.restart(node);
      this.tale.push(`${node.self.address} restarted`);
    }
    // Seldom longer than the dead are remembered.
    const waitMs = fleet.sim.random() < 0.2 ? 11 * 60_000 : 60_000 * fleet.sim.random();
    await fleet.sim.runFor(waitMs);
    this.tale.push(`${Math.round(waitMs / 1_000)} s later`);
  }

  async end(): Promise<void> {
    while (this.#absent.length > 0) await this.#bringOneBack();
    await this.#stores.fleet.settle();
    await this.#stores.fleet.sim.runFor(120_000);
  }

  /** What is missing where some node says that it has a copy without flaws. */
  missedInSilence(): string[] {
    const { fleet } = this.#stores;
    return [...this.acknowledged].flatMap(([resource, value]) => {
      const key = resourceKey('books', resource);
      const keys = new RegionSet([between(key, key)]);
      return fleet.all().flatMap((node) => {
        const own = [...this.#stores.of(node).scan('books', keys)].find((item) => item.resourceId === resource);
        const isSilent = node.holds(key, key) && node.losses(keys).length === 0;
        return isSilent && (!own || Buffer.from(own.value).toString() !== value)
          ? [`${resource} at ${node.self.address}`]
          : [];
      });
    });
  }

  async #bringOneBack(): Promise<void> {
    const { fleet } = this.#stores;
    const [contact] = this.#absent.splice(Math.floor(this.#absent.length * fleet.sim.random()), 1);
    if (!contact) return;
    await fleet.bringBack(contact);
    this.tale.push(`${contact.address} back`);
  }

  async #write(): Promise<void> {
    for (let i = 0; i < 20; i++) {
      const resource = `r${Math.floor(resources * this.#stores.fleet.sim.random())}`;
      const value = `v${this.#written++}`;
      try {
        await this.#stores.put(resource, value, 24 * hourMs);
        this.acknowledged.set(resource, value);
      } catch (error) {
        if (!(error instanceof OverlayError)) throw error;
        // Whether it was done is not known.
        this.acknowledged.delete(resource);
      }
    }
  }
}

test.each(seedsOr('1..4'))(
  'seed %i: through power failures with members absent and restarts, no copy is called whole that lacks anything, and in the end all are',
  async (seed) => {
    const stores = await StoreFleet.start(nodes, { seed, disks: true });
    const outages = new Outages(stores);
    for (let step = 0; step < steps; step++) {
      await outages.step();
      expect({ seed, tale: outages.tale, missed: outages.missedInSilence() }).toEqual({
        seed,
        tale: outages.tale,
        missed: [],
      });
    }
    await outages.end();
    const flawed = stores.fleet.all().filter((node) => node.losses(RegionSet.whole()).length > 0);
    expect({
      seed,
      tale: outages.tale,
      flawed: flawed.map(({ self }) => self.address),
      missed: outages.missedInSilence(),
    }).toEqual({
      seed,
      tale: outages.tale,
      flawed: [],
      missed: [],
    });
    for (const [resource, value] of outages.acknowledged) expect(await stores.get(resource)).toBe(value);
  },
);
