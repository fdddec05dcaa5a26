import { availableParallelism } from 'node:os';
import { QueryError } from '../columnar/index.ts';
import { defaultCluster, defaultGeometry, defaultReplicas, type GeometryName } from '../engine/index.ts';
import { FleetWorker } from './fleet-process.ts';
import type { NodeSettings } from './node.ts';
import type { WorkerFailure } from './worker-messages.ts';

export interface LocalFleetOptions {
  readonly nodes: number;
  /** OS processes that the nodes are spread over; by default as many as there are cores, at most one a node. */
  readonly workers?: number;
  /** Port of the first node, counting up from there; 0: any free ports. */
  readonly port?: number;
  /** Port of the first node's Postgres door, counting up; 0: any free ports; absent: no such doors. */
  readonly pg?: number;
  /** Files as tables, `name=path`: each node exposes its part of the rows, or its own file where the path has `{node}`. */
  readonly tables?: readonly string[];
  readonly hostMetrics?: boolean;
  /** Copies that the fleet keeps of everything. */
  readonly replicas?: number;
  readonly geometry?: GeometryName;
  readonly secret?: string;
  /** A process of the fleet ended although nobody asked for it. */
  readonly onWorkerLost?: (lost: WorkerLost) => void;
}

export interface WorkerLost {
  readonly pid: number;
  readonly nodes: readonly FleetNode[];
  /** How it ended, for people. */
  readonly reason: string;
}

export interface FleetNode {
  readonly index: number;
  readonly id: string;
  /** Where nodes and clients reach it: `host:port`. */
  readonly address: string;
  readonly pgPort: number | null;
  /** Of the process that it runs in. */
  readonly pid: number;
}

const host = '127.0.0.1';
/** Nodes of one machine find each other in a second or two; a machine that starts hundreds is slower. */
const readyTimeoutMs = 120_000;
/** Stands for a node's index in the path of a table. */
const ownFileMark = '{node}';

/** A fleet on this machine: nodes spread over OS processes, each on its own port, talking over real WebSockets. */
export class LocalFleet {
  readonly #options: LocalFleetOptions;
  readonly #workers: readonly FleetWorker[];
  readonly #nodes: FleetNode[] = [];
  #stopping = false;

  /**
   * Starts every process and node; resolves when all know each other and have their data, so that the first query is
   * answered as any later one.
   * @throws QueryError as `serveNode` does, or `unreachable` when they do not find each other; nothing is left running
   */
  static async start(options: LocalFleetOptions): Promise<LocalFleet> {
    const fleet = new LocalFleet(options);
    try {
      await fleet.#startNodes();
      await fleet.#allReady();
    } catch (error) {
      await fleet.stop();
      throw error;
    }
    return fleet;
  }

  private constructor(options: LocalFleetOptions) {
    this.#options = options;
    const workers = Math.min(options.nodes, options.workers ?? availableParallelism());
    this.#workers = Array.from(
      { length: workers },
      () => new FleetWorker((worker, reason) => this.#lost(worker, reason)),
    );
  }

  /** Nodes that run, in the order of their index. */
  get nodes(): readonly FleetNode[] {
    return this.#nodes;
  }

  /** The number of processes that the fleet was started with. */
  get workers(): number {
    return this.#workers.length;
  }

  /**
   * Ends a node without goodbye: SIGKILL when it is alone in its process, else the process drops it.
   * The fleet has to find out by itself.
   */
  async killNode(index: number): Promise<void> {
    const node = this.#nodes.find((running) => running.index === index);
    const worker = this.#worker(index);
    if (node === undefined) throw new RangeError(`node ${index} does not run`);
    this.#forget([node]);
    if (this.#nodes.some(({ pid }) => pid === node.pid)) await worker.ask({ type: 'kill', index });
    else await worker.kill();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#nodes.length = 0;
    await Promise.all(this.#workers.map((worker) => worker.stop()));
  }

  /** The first node founds the fleet, the others join through it. */
  async #startNodes(): Promise<void> {
    const first = await this.#startNode(0, []);
    const others = Array.from({ length: this.#options.nodes - 1 }, (_, i) => this.#startNode(i + 1, [first.address]));
    const nodes = await Promise.all(others);
    this.#nodes.push(first, ...nodes);
  }

  async #allReady(): Promise<void> {
    const membersMin = this.#options.nodes;
    const ready = this.#nodes.map(async ({ index }) => {
      const report = await this.#worker(index).ask({ type: 'ready', index, membersMin });
      if (report.type === 'failed') throw failed(index, report.failure);
    });
    let impatience: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const error = new QueryError(
        'unreachable',
        `the nodes did not all find each other in ${readyTimeoutMs / 1000} s`,
      );
      impatience = setTimeout(() => reject(error), readyTimeoutMs);
    });
    await Promise.race([Promise.all(ready), late]).finally(() => clearTimeout(impatience));
  }

  async #startNode(index: number, join: readonly string[]): Promise<FleetNode> {
    const worker = this.#worker(index);
    const report = await worker.ask({ type: 'start', index, settings: this.#settings(index, join) });
    if (report.type === 'started') {
      const { id, address, pgPort } = report;
      return { index, id, address, pgPort, pid: worker.pid };
    }
    throw failed(index, report.type === 'failed' ? report.failure : null);
  }

  #settings(index: number, join: readonly string[]): NodeSettings {
    const { nodes, port = 0, pg, tables = [], hostMetrics = true, secret = null } = this.#options;
    const { replicas = defaultReplicas, geometry = defaultGeometry } = this.#options;
    return {
      listen: `${host}:${portAt(port, index)}`,
      join,
      cluster: defaultCluster,
      replicas,
      geometry,
      secret,
      label: `node-${index}`,
      tables: tables.map((spec) =>
        spec.includes(ownFileMark)
          ? { spec: spec.replaceAll(ownFileMark, String(index)), slice: null }
          : { spec, slice: { index, of: nodes } },
      ),
      advertise: null,
      storageBytesMax: null,
      data: null,
      hostMetrics,
      pg: pg === undefined ? null : { host, port: portAt(pg, index) },
      pgUsers: null,
    };
  }

  #worker(index: number): FleetWorker {
    const worker = this.#workers[index % this.#workers.length];
    if (worker === undefined) throw new RangeError('a fleet has at least one node');
    return worker;
  }

  #lost(worker: FleetWorker, reason: string): void {
    if (this.#stopping) return;
    const nodes = this.#nodes.filter(({ pid }) => pid === worker.pid);
    this.#forget(nodes);
    if (nodes.length > 0) this.#options.onWorkerLost?.({ pid: worker.pid, nodes, reason });
  }

  #forget(gone: readonly FleetNode[]): void {
    this.#nodes.splice(0, this.#nodes.length, ...this.#nodes.filter((node) => !gone.includes(node)));
  }
}

function failed(index: number, failure: WorkerFailure | null): QueryError {
  return new QueryError(failure?.code ?? 'internal', `node ${index}: ${failure?.message ?? 'it did not start'}`, {
    ...(failure === null || failure.hint === null ? {} : { hint: failure.hint }),
  });
}

/** Port 0 asks for any free one, for every node. */
function portAt(first: number, index: number): number {
  return first === 0 ? 0 : first + index;
}
