import { type Batch, batchToRows, type Schema, type SqlValue } from '../../columnar/index.ts';
import {
  type Coverage,
  type EpochAnswer,
  type GeometryName,
  type Session,
  silentLog,
  type TableSource,
  WharfNode,
} from '../../engine/index.ts';
import {
  Journal,
  type Runtime,
  type Storage,
  SystemRuntime,
  type Transport,
  WsTransport,
} from '../../overlay/index.ts';
import { Simulation, type SimulationOptions } from '../../simulator/index.ts';
import { openDisk } from '../overlay/fleet.ts';

export interface Answer {
  readonly schema: Schema;
  readonly rows: readonly (readonly (SqlValue | null)[])[];
  readonly coverage: Coverage | null;
  /** Of a command that counts them, such as INSERT. */
  readonly rowsAffected: number | null;
}

/** What the same test code needs of a fleet, simulated or real. */
export interface TestFleet {
  readonly nodes: readonly WharfNode[];
  /** Waits for a promise; in the simulator this is what makes time pass. */
  drive<T>(promise: Promise<T>, limitMs?: number): Promise<T>;
  /** Lets this much time pass. */
  rest(ms: number): Promise<void>;
  /** A crash: no goodbye. */
  kill(index: number): Promise<void>;
  close(): Promise<void>;
}

export type TablesOf = (index: number, of: number) => readonly TableSource[];

export interface FleetOptions {
  readonly nodes: number;
  readonly tables: TablesOf;
  readonly queryDeadlineMs?: number;
  readonly queryMemoryBytesMax?: number;
  /** Copies of everything; by default as many as nodes keep by default. */
  readonly replicas?: number;
  readonly geometry?: GeometryName;
  /** Simulated nodes keep what they have on their machines' disks. */
  readonly disks?: boolean;
}

/** Runs every statement and gives the last one's answer. */
export async function run(node: { openSession(): Session }, sql: string): Promise<Answer> {
  const session = node.openSession();
  let answer: Answer = { schema: { fields: [] }, rows: [], coverage: null, rowsAffected: null };
  for await (const result of session.execute(sql)) {
    if (result.kind === 'rows') {
      const batches: Batch[] = [];
      for await (const batch of result.batches) batches.push(batch);
      const rows = batches.flatMap(batchToRows);
      answer = { schema: result.schema, rows, coverage: result.coverage(), rowsAffected: null };
    } else if (result.kind === 'epochs') {
      for await (const _ of result.epochs);
    } else {
      answer = { schema: { fields: [] }, rows: [], coverage: result.coverage, rowsAffected: result.rowsAffected };
    }
  }
  session.close();
  return answer;
}

/** The answers of a SUBSCRIBE, until it ends or `countMax` have come. */
export async function epochs(
  node: WharfNode,
  sql: string,
  countMax = Number.POSITIVE_INFINITY,
): Promise<EpochAnswer[]> {
  const answers: EpochAnswer[] = [];
  const session = node.openSession();
  for await (const result of session.execute(sql)) {
    if (result.kind !== 'epochs') throw new Error(`not a subscription: ${sql}`);
    for await (const answer of result.epochs) {
      answers.push(answer);
      if (answers.length >= countMax) break;
    }
  }
  session.close();
  return answers;
}

export class SimulatedFleet implements TestFleet {
  readonly simulation: Simulation;
  readonly #options: FleetOptions;
  readonly #nodes: WharfNode[] = [];
  readonly #up = new Set<number>();

  private constructor(options: FleetOptions, simulation: Simulation) {
    this.#options = options;
    this.simulation = simulation;
  }

  static async start(options: FleetOptions, simulated: SimulationOptions): Promise<SimulatedFleet> {
    const fleet = new SimulatedFleet(options, new Simulation(simulated));
    const founder = fleet.#build(0);
    await fleet.drive(founder.start([]));
    const others = Array.from({ length: options.nodes - 1 }, (_, i) => fleet.#build(i + 1));
    await fleet.drive(Promise.all(others.map((node) => node.start([founder.address]))), 120_000);
    await fleet.settle();
    return fleet;
  }

  /** Every node that was ever started, by its number; of a restarted one the present life. */
  get nodes(): readonly WharfNode[] {
    return this.#nodes;
  }

  /** Numbers of the nodes that neither crashed nor left. */
  get up(): readonly number[] {
    return [...this.#up].sort((a, b) => a - b);
  }

  /** Until every node that is up has complete copies of all that it must keep. */
  async settle(limitMs = 120_000): Promise<void> {
    await this.drive(Promise.all(this.up.map((index) => this.#node(index).settled())), limitMs);
  }

  async drive<T>(promise: Promise<T>, limitMs = 90_000): Promise<T> {
    return (await this.simulation.runUntil(promise, { virtualMsMax: limitMs })) as T;
  }

  rest(ms: number): Promise<void> {
    return this.simulation.runFor(ms);
  }

  kill(index: number): Promise<void> {
    this.#up.delete(index);
    this.simulation.crash(addressOf(index));
    return Promise.resolve();
  }

  /** One more node, with the tables of its number. Resolves when it is a member; pass the promise to `drive`. */
  join(): Promise<number> {
    const index = this.#nodes.length;
    const seeds = this.#seeds();
    return this.#build(index)
      .start(seeds)
      .then(() => index);
  }

  /** A crash and at once a new life: same machine, same identity, nothing remembered. */
  async restart(index: number): Promise<void> {
    const { id } = this.#node(index);
    this.#up.delete(index);
    this.simulation.restart(addressOf(index));
    const seeds = this.#seeds();
    await this.#build(index, id).start(seeds);
  }

  /** A new life at the address of one that crashed, under another identity. Resolves when it is a member. */
  async replace(index: number): Promise<void> {
    this.simulation.restart(addressOf(index));
    const seeds = this.#seeds();
    await this.#build(index).start(seeds);
  }

  /**
   * The power fails everywhere at once. When it is back each node starts after a while of its own, as its service manager
   * would: the first one founds the fleet unless its disk says that there is one, the others join through it.
   */
  async powerFailure(): Promise<void> {
    const lost = this.up;
    const ids = lost.map((index) => this.#node(index).id);
    for (const index of lost) await this.kill(index);
    await this.rest(1_000);
    const starts = lost.map(async (index, i) => {
      const { runtime } = this.simulation.restart(addressOf(index));
      await new Promise<void>((resolve) => runtime.after(8_000 * this.simulation.random(), resolve));
      const [first] = lost;
      await this.#build(index, ids[i]).start(index === first || first === undefined ? [] : [addressOf(first)]);
    });
    await this.drive(Promise.all(starts), 240_000);
  }

  /** A graceful end. */
  async leave(index: number): Promise<void> {
    this.#up.delete(index);
    await this.#node(index).stop();
  }

  /** From now on nothing passes between these nodes and all others. */
  partition(indices: readonly number[]): void {
    const others = this.#nodes.map((_, i) => i).filter((i) => !indices.includes(i));
    this.simulation.partition(indices.map(addressOf), others.map(addressOf));
  }

  heal(): void {
    this.simulation.heal();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #build(index: number, id?: string): WharfNode {
    const { runtime, transport } = this.simulation.host(addressOf(index));
    const disk = this.#options.disks ? openDisk(this.simulation, addressOf(index), runtime) : null;
    const node = newNode(this.#options, index, runtime, transport, id, disk);
    this.#nodes[index] = node;
    this.#up.add(index);
    return node;
  }

  #node(index: number): WharfNode {
    const node = this.#nodes[index];
    if (node === undefined) throw new Error(`no node ${index}`);
    return node;
  }

  /** Some members to join through: one of them may be about to go. */
  #seeds(): string[] {
    return this.up.slice(0, 3).map(addressOf);
  }
}

export class RealFleet implements TestFleet {
  readonly nodes: readonly WharfNode[];

  private constructor(nodes: readonly WharfNode[]) {
    this.nodes = nodes;
  }

  static async start(options: FleetOptions): Promise<RealFleet> {
    const nodes = await Promise.all(
      Array.from({ length: options.nodes }, async (_, i) => {
        const transport = await WsTransport.listen({
          host: '127.0.0.1',
          port: 0,
          cluster: 'test',
          replicas: options.replicas ?? 3,
          geometry: options.geometry ?? 'bamboo',
          secret: null,
          log: () => {},
        });
        return newNode(options, i, new SystemRuntime(), transport);
      }),
    );
    const [founder, ...others] = nodes;
    if (founder === undefined) throw new Error('a fleet has at least one node');
    await founder.start([]);
    await Promise.all(others.map((node) => node.start([founder.address])));
    await Promise.all(nodes.map((node) => node.settled()));
    return new RealFleet(nodes);
  }

  drive<T>(promise: Promise<T>): Promise<T> {
    return promise;
  }

  rest(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms));
  }

  async kill(index: number): Promise<void> {
    await this.nodes[index]?.kill();
  }

  async close(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.kill()));
  }
}

function newNode(
  options: FleetOptions,
  index: number,
  runtime: Runtime,
  transport: Transport,
  id?: string,
  disk: Storage | null = null,
): WharfNode {
  const { queryDeadlineMs, queryMemoryBytesMax, replicas, geometry } = options;
  return new WharfNode({
    runtime,
    transport,
    log: silentLog,
    tables: options.tables(index, options.nodes),
    ...(id === undefined ? {} : { id }),
    ...(disk === null ? {} : { journal: new Journal(disk, () => {}) }),
    ...(queryDeadlineMs === undefined ? {} : { queryDeadlineMs }),
    overlay: { ...(replicas === undefined ? {} : { replicas }), ...(geometry === undefined ? {} : { geometry }) },
    ...(queryMemoryBytesMax === undefined ? {} : { queryMemoryBytesMax }),
  });
}

export function addressOf(index: number): string {
  return `node-${index}.test:7400`;
}
