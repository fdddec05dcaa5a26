import { ObjectStore, type OverlayNode, type StoredItem } from '../../overlay/index.ts';
import { Fleet, type FleetOptions } from './fleet.ts';

export const hourMs = 3_600_000;
export const run = { virtualMsMax: 120_000 };
export const bytes = (text: string): Uint8Array => Buffer.from(text);

/** A fleet of which every node has an object store, built after `prepare`. */
export class StoreFleet {
  readonly fleet: Fleet;
  readonly #stores: WeakMap<OverlayNode, ObjectStore>;

  private constructor(fleet: Fleet, stores: WeakMap<OverlayNode, ObjectStore>) {
    this.fleet = fleet;
    this.#stores = stores;
  }

  static async start(count: number, options: FleetOptions): Promise<StoreFleet> {
    const stores = new WeakMap<OverlayNode, ObjectStore>();
    const prepare = (node: OverlayNode): void => {
      options.prepare?.(node);
      stores.set(node, new ObjectStore(node));
    };
    return new StoreFleet(await Fleet.start(count, { ...options, prepare }), stores);
  }

  readonly of = (node: OverlayNode): ObjectStore => {
    return this.#stores.get(node) as ObjectStore;
  };

  store(index: number): ObjectStore {
    return this.of(this.fleet.node(index));
  }

  any(): ObjectStore {
    return this.store(Math.floor(this.fleet.sim.random() * this.fleet.nodes.size));
  }

  async put(resource: string, value: string, lifetimeMs = hourMs): Promise<void> {
    await this.fleet.sim.runUntil(this.any().put('books', resource, 'only', bytes(value), lifetimeMs), run);
  }

  async get(resource: string): Promise<string | undefined> {
    const items = await this.fleet.sim.runUntil(this.any().get('books', resource), run);
    return items[0] && Buffer.from(items[0].value).toString();
  }

  /** How many nodes have a live copy. */
  copies(resource: string): number {
    const has = (node: OverlayNode): boolean =>
      [...this.of(node).scan('books')].some((item: StoredItem) => item.resourceId === resource);
    return this.fleet.all().filter(has).length;
  }
}
