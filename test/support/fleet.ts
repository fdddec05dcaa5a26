import { type Batch, batchToRows, type Schema, type SqlValue } from '../../columnar/index.ts';
import { type Coverage, type EpochAnswer, type Session, silentLog, type TableSource, WharfNode } from '../../engine/index.ts';
import { type Runtime, SystemRuntime, type Transport, WsTransport } from '../../overlay/index.ts';
import { Simulation, type SimulationOptions } from '../../simulator/index.ts';

export interface Answer {
  readonly schema: Schema;
  readonly rows: readonly (readonly (SqlValue | null)[])[];
  readonly coverage: Coverage | null;
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
}

/** Runs every statement and gives the last one's answer. */
export async function run(node: { openSession(): Session }, sql: string): Promise<Answer> {
  const session = node.openSession();
  let answer: Answer = { schema: { fields: [] }, rows: [], coverage: null };
  for await (const result of session.execute(sql)) {
    if (result.kind === 'rows') {
      const batches: Batch[] = [];
      for await (const batch of result.batches) batches.push(batch);
      answer = { schema: result.schema, rows: batches.flatMap(batchToRows), coverage: result.coverage() };
    } else if (result.kind === 'epochs') {
      for await (const _ of result.epochs);
    }
  }
  session.close();
  return answer;
}

/** The answers of a SUBSCRIBE, until it ends or `countMax` have come. */
export async function epochs(node: WharfNode, sql: string, countMax = Number.POSITIVE_INFINITY): Promise<EpochAnswer[]> {
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
  readonly nodes: readonly WharfNode[];

  private constructor(simulation: Simulation, nodes: readonly WharfNode[]) {
    this.simulation = simulation;
    this.nodes = nodes;
  }

  static async start(options: FleetOptions, simulated: SimulationOptions): Promise<SimulatedFleet> {
    const simulation = new Simulation(simulated);
    const nodes = Array.from({ length: options.nodes }, (_, i) => {
      const { runtime, transport } = simulation.host(addressOf(i));
      return newNode(options, i, runtime, transport);
    });
    const [founder, ...others] = nodes;
    if (founder === undefined) throw new Error('a fleet has at least one node');
    const fleet = new SimulatedFleet(simulation, nodes);
    await fleet.drive(founder.start([]));
    await fleet.drive(Promise.all(others.map((node) => node.start([founder.address]))), 120_000);
    await fleet.drive(Promise.all(nodes.map((node) => node.settled())), 120_000);
    return fleet;
  }

  async drive<T>(promise: Promise<T>, limitMs = 90_000): Promise<T> {
    return (await this.simulation.runUntil(promise, { virtualMsMax: limitMs })) as T;
  }

  rest(ms: number): Promise<void> {
    return this.simulation.runFor(ms);
  }

  kill(index: number): Promise<void> {
    this.simulation.crash(addressOf(index));
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
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
        const transport = await WsTransport.listen({ host: '127.0.0.1', port: 0, cluster: 'test', secret: null, log: () => {} });
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

function newNode(options: FleetOptions, index: number, runtime: Runtime, transport: Transport): WharfNode {
  return new WharfNode({
    runtime,
    transport,
    log: silentLog,
    tables: options.tables(index, options.nodes),
    ...(options.queryDeadlineMs === undefined ? {} : { queryDeadlineMs: options.queryDeadlineMs }),
  });
}

export function addressOf(index: number): string {
  return `node-${index}.test:7400`;
}
