import { strict as assert } from 'node:assert';
import {
  type Address,
  type App,
  type Contact,
  type GeometryName,
  geometries,
  Journal,
  type Key,
  OverlayNode,
  type OverlayOptions,
  overlayDefaults,
  RegionSet,
  type Runtime,
  type Storage,
} from '../../overlay/index.ts';
import { Simulation, type SimulationOptions } from '../../simulator/index.ts';

/** One run of a test. */
export interface Variant {
  readonly geometry: GeometryName;
  readonly seed: number;
}

/** Each seed with the default geometry, the first also with every other one; with `ALL_GEOMETRIES` set all with all. */
export function variants(seeds: readonly number[]): Variant[] {
  return geometries.flatMap((geometry) =>
    (geometry === overlayDefaults.geometry || process.env['ALL_GEOMETRIES'] ? seeds : seeds.slice(0, 1)).map(
      (seed) => ({ geometry, seed }),
    ),
  );
}

export interface FleetOptions extends SimulationOptions {
  readonly geometry?: GeometryName;
  readonly options?: Partial<OverlayOptions>;
  /** Nodes keep what they have on their machines' disks. */
  readonly disks?: boolean;
  /** Prepares each node before it enters the ring. */
  readonly prepare?: (node: OverlayNode) => void;
}

/** Reading takes a while: others speak to a node that restarts before it is done. */
export function openDisk(sim: Simulation, at: Address, runtime: Runtime): Storage {
  const disk = sim.disk(at);
  disk.readMs = 100;
  return disk.open(runtime);
}

/** Simulated nodes that form one ring. */
export class Fleet {
  readonly sim: Simulation;
  readonly nodes = new Map<Address, OverlayNode>();
  readonly #options: FleetOptions;
  #started = 0;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.sim = new Simulation(options);
  }

  /** The first node, then all others at once through it. Runs until every node has its data. */
  static async start(count: number, options: FleetOptions): Promise<Fleet> {
    const fleet = new Fleet(options);
    const first = fleet.build();
    await fleet.sim.runUntil(first.recover(), { virtualMsMax: 10_000 });
    first.bootstrap();
    await fleet.grow(count - 1);
    return fleet;
  }

  /** A node that has not joined yet. */
  build(address?: Address, id?: Key): OverlayNode {
    const at = address ?? `n${this.#started++}:1`;
    const { runtime, transport } = this.sim.host(at);
    const { geometry, options, prepare, disks } = this.#options;
    const journal = disks ? new Journal(openDisk(this.sim, at, runtime), () => {}) : undefined;
    const node = new OverlayNode({
      runtime,
      transport,
      ...(id && { id }),
      options: { ...(geometry && { geometry }), ...options },
      ...(journal && { journal }),
    });
    prepare?.(node);
    this.nodes.set(at, node);
    return node;
  }

  /** New nodes, all joining at once through any of the others. */
  async grow(count: number): Promise<OverlayNode[]> {
    const members = [...this.nodes.keys()];
    const nodes = Array.from({ length: count }, () => this.build());
    const joined = Promise.all(
      nodes.map(async (node) => {
        const seed = members[Math.floor(this.sim.random() * members.length)] as Address;
        await node.recover();
        await node.join([seed]);
      }),
    );
    await this.sim.runUntil(joined, { virtualMsMax: 60_000 });
    await this.settle();
    return nodes;
  }

  /** Until every node has its data and all tables agree. */
  async settle(virtualMsMax = 60_000): Promise<void> {
    await this.sim.runUntil(() => this.disagreement() === null && this.all().every((node) => node.isSettled), {
      virtualMsMax,
    });
  }

  all(): OverlayNode[] {
    return [...this.nodes.values()];
  }

  node(index: number): OverlayNode {
    const node = this.all()[index];
    assert(node);
    return node;
  }

  crash(node: OverlayNode): void {
    this.sim.crash(node.self.address);
    this.nodes.delete(node.self.address);
  }

  /** Same machine, same id, nothing remembered. */
  async restart(node: OverlayNode): Promise<OverlayNode> {
    const { id, address } = node.self;
    this.sim.restart(address);
    this.nodes.delete(address);
    const seed = this.node(0).self.address;
    const again = this.build(address, id);
    await this.sim.runUntil(
      again.recover().then(() => again.join([seed])),
      { virtualMsMax: 60_000 },
    );
    return again;
  }

  /**
   * The power fails everywhere at once, and comes back: the nodes return in an order of chance, each after a while.
   * @returns those who do not, of whom there are `absent`
   */
  async powerFailure(absent = 0): Promise<Contact[]> {
    const lost = this.all().map(({ self }) => self);
    for (const { address } of lost) this.sim.crash(address);
    this.nodes.clear();
    const founder = Math.floor(this.sim.random() * lost.length);
    const [first] = lost.splice(founder, 1);
    assert(first);
    this.sim.restart(first.address);
    const node = this.build(first.address, first.id);
    await this.sim.runUntil(node.recover(), { virtualMsMax: 10_000 });
    node.recall();
    node.bootstrap();
    while (lost.length > absent) {
      await this.sim.runFor(500 * this.sim.random());
      const [next] = lost.splice(Math.floor(this.sim.random() * lost.length), 1);
      assert(next);
      await this.bringBack(next);
    }
    return lost;
  }

  /** A member that crashed comes back, with its disk if it has one. */
  async bringBack({ id, address }: Contact): Promise<void> {
    this.sim.restart(address);
    const seed = this.node(0).self.address;
    const again = this.build(address, id);
    await this.sim.runUntil(
      again.recover().then(() => again.join([seed])),
      { virtualMsMax: 60_000 },
    );
  }

  async leave(node: OverlayNode): Promise<void> {
    await this.sim.runUntil(node.leave(), { virtualMsMax: 60_000 });
    this.nodes.delete(node.self.address);
  }

  /** The owner of a key, by all nodes that are up. */
  owner(key: Key): OverlayNode {
    const owner = this.all().find((node) => node.region().has(key));
    assert(owner);
    return owner;
  }

  /** What is wrong with the tables, if anything: each must list exactly the nodes that are up. */
  disagreement(): string | null {
    const expected = this.all()
      .map((node) => node.self.id)
      .sort()
      .join();
    for (const node of this.all()) {
      const known = node.contacts();
      if (known.length !== this.nodes.size) return `${node.self.address} knows ${known.length} of ${this.nodes.size}`;
      if (known.map((contact: Contact) => contact.id).join() !== expected) return `${node.self.address} knows others`;
    }
    return null;
  }

  /** @throws AssertionError unless the regions of all nodes cover the ring exactly once */
  checkTiling(): void {
    const tiling = new RegionSet();
    for (const node of this.all()) {
      node.checkInvariants();
      assert(!tiling.addAll(node.region()), `seed ${this.sim.seed}: two nodes own the same keys`);
    }
    assert(tiling.isWhole, `seed ${this.sim.seed}: some keys have no owner`);
  }
}

/** An app that writes down every upcall. */
export function recorder(): App & { readonly events: string[] } {
  const events: string[] = [];
  const text = (payload: Uint8Array): string => Buffer.from(payload).toString();
  return {
    events,
    deliver: (message) => {
      events.push(`deliver ${text(message.payload)}`);
    },
    receive: (_from, payload) => {
      events.push(`receive ${text(payload)}`);
    },
    broadcast: (_origin, payload) => {
      events.push(`broadcast ${text(payload)}`);
    },
    answer: (_from, payload) => Buffer.from(`re: ${text(payload)}`),
    update: (change) => {
      events.push(change.kind === 'region' ? 'region' : `${change.kind} ${change.contact.address}`);
    },
  };
}
