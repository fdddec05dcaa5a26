import type { TopLevelSpec } from 'vega-lite';
import { bundleWorker } from '../../scripts/bundle-worker.ts';
import {
  atLeast,
  atMost,
  type Context,
  defineExperiment,
  type Row,
  someAmount,
  someCount,
  type Target,
} from '../experiments/harness/experiment.ts';
import { percentile } from '../experiments/harness/statistics.ts';
import { type Operation, operations } from './load.ts';
import type { LoadResult } from './messages.ts';
import { Network } from './network.ts';
import type { Handle } from './peer.ts';
import { type SystemName, systems } from './systems.ts';

/** Nodes that write and, others, that read and look up; each operation is spread evenly over four. */
const clientsOf: Readonly<Record<Operation, readonly number[]>> = {
  put: [1, 5, 9, 13],
  get: [3, 7, 11, 15],
  lookup: [3, 7, 11, 15],
};

/** Clients are as far down the list as that. */
const nodesMin = 1 + Math.max(...Object.values(clientsOf).flat());

/** Gets choose among so many values, the first that were stored: every system stores as many while it warms up. */
const valuesRead = 1_000;

interface Options {
  readonly nodes: readonly number[];
  readonly processes: number;
  readonly inFlight: readonly number[];
  readonly seconds: number;
  readonly warmup: number;
  readonly rounds: number;
}

/** One system at one size, doing one thing. */
interface Point extends Row {
  readonly system: SystemName;
  readonly nodes: number;
  readonly operation: Operation;
  readonly inFlight: number;
  readonly perSecond: number;
  readonly medianMs: number;
  readonly p99Ms: number;
  /** Processor time of all the system's processes. */
  readonly cpuMs: number;
  readonly failures: number;
  /** Of wharf's throughput to this system's. */
  readonly ratio: number;
}

/**
 * Puts, gets and lookups over loopback, by wharf and by two other DHTs for Node.js. All networks are up at once and take
 * turns, so that a ratio compares what the same minute had to give.
 */
export const overlay = defineExperiment({
  name: 'overlay',
  about: 'puts, gets and lookups a second, and their latency, beside hyperdht and bittorrent-dht',
  options: {
    nodes: { full: [16, 64], quick: [16], about: 'sizes of the networks', min: nodesMin, isCount: true },
    processes: { full: 16, quick: 16, about: 'processes that the nodes of one network are spread over', ...someCount },
    inFlight: {
      full: [1, 32],
      quick: [1, 32],
      about: 'operations under way at once, over four client nodes',
      ...someCount,
    },
    seconds: { full: 4, quick: 1, about: 'length of one measurement', ...someAmount },
    warmup: { full: 15, quick: 1, about: 'seconds of each operation before anything is measured' },
    rounds: { full: 3, quick: 1, about: 'times that the systems take turns', ...someCount },
  },
  async run(context, options) {
    const worker = await bundleWorker(new URL('./worker.ts', import.meta.url), 'bench');
    const points: Point[] = [];
    for (const nodes of options.nodes) points.push(...(await measureSize(context, nodes, options, worker)));
    return { rows: points, targets: targetsOf(points), plot: plot(points) };
  },
});

async function measureSize(context: Context, nodes: number, options: Options, worker: string): Promise<Point[]> {
  const networks: Network[] = [];
  try {
    for (const system of systems) {
      context.progress(`${nodes} nodes of ${system} start`);
      networks.push(await Network.start(system, { nodes, processes: options.processes }, worker));
    }
    const runs = networks.map((network, i) => new Runs(network, nodes, context.seed + 1_000_000 * i));
    for (const run of runs) {
      context.progress(`${nodes} nodes of ${run.system} warm up`);
      for (const operation of operations) await run.warmUp(operation, options.warmup * 1_000);
    }
    for (let round = 0; round < options.rounds; round++) {
      context.progress(`${nodes} nodes, round ${round + 1} of ${options.rounds}`);
      for (const operation of operations) {
        for (const inFlight of options.inFlight) {
          for (const run of runs) await run.measure(operation, inFlight, options.seconds * 1_000);
        }
      }
    }
    return withRatios(runs.flatMap((run) => run.points()));
  } finally {
    await Promise.all(networks.map((network) => network.stop()));
  }
}

interface Measured {
  readonly operation: Operation;
  readonly inFlight: number;
  readonly latenciesMs: number[];
  elapsedMs: number;
  cpuMs: number;
  failures: number;
}

/** What one network did so far. */
class Runs {
  readonly #network: Network;
  readonly #nodes: number;
  readonly #measured = new Map<string, Measured>();
  readonly #handles: Handle[] = [];
  #seed: number;

  constructor(network: Network, nodes: number, seed: number) {
    this.#network = network;
    this.#nodes = nodes;
    this.#seed = seed;
  }

  get system(): SystemName {
    return this.#network.system;
  }

  async warmUp(operation: Operation, durationMs: number): Promise<void> {
    await this.#load(operation, 32, durationMs);
  }

  async measure(operation: Operation, inFlight: number, durationMs: number): Promise<void> {
    const cpuBefore = this.#network.cpuMs();
    const results = await this.#load(operation, inFlight, durationMs);
    const cpuMs = this.#network.cpuMs() - cpuBefore;
    const name = `${operation}/${inFlight}`;
    const sum = this.#measured.get(name) ?? {
      operation,
      inFlight,
      latenciesMs: [],
      elapsedMs: 0,
      cpuMs: 0,
      failures: 0,
    };
    this.#measured.set(name, sum);
    for (const { latenciesMs, failures } of results) {
      for (const latencyMs of latenciesMs) sum.latenciesMs.push(latencyMs);
      sum.failures += failures;
    }
    sum.elapsedMs += Math.max(...results.map(({ elapsedMs }) => elapsedMs));
    sum.cpuMs += cpuMs;
  }

  points(): Point[] {
    return [...this.#measured.values()].map(({ operation, inFlight, latenciesMs, elapsedMs, cpuMs, failures }) => ({
      system: this.system,
      nodes: this.#nodes,
      operation,
      inFlight,
      perSecond: Math.round((1_000 * latenciesMs.length) / elapsedMs),
      medianMs: percentile(latenciesMs, 0.5),
      p99Ms: percentile(latenciesMs, 0.99),
      cpuMs: cpuMs / latenciesMs.length,
      failures,
      ratio: Number.NaN,
    }));
  }

  /** One in flight is one client's, another one each time; more are spread over all. */
  async #load(operation: Operation, inFlight: number, durationMs: number): Promise<LoadResult[]> {
    const all = clientsOf[operation].map((client) => client % this.#nodes);
    const clients = inFlight < all.length ? all.slice(0, inFlight) : all;
    const results = await Promise.all(
      clients.map((client) => {
        this.#seed += 1;
        const share = Math.max(1, Math.round(inFlight / clients.length));
        const handles = operation === 'get' ? this.#handles.slice(0, valuesRead) : [];
        return this.#network.load(client, { operation, inFlight: share, durationMs, seed: this.#seed, handles });
      }),
    );
    for (const { handles } of results) this.#handles.push(...handles);
    return results;
  }
}

function withRatios(points: readonly Point[]): Point[] {
  return points.map((point) => {
    const own = find(points, 'wharf', point);
    return { ...point, ratio: (own?.perSecond ?? Number.NaN) / point.perSecond };
  });
}

type Place = Pick<Point, 'nodes' | 'operation' | 'inFlight'>;

function find(points: readonly Point[], system: SystemName, { nodes, operation, inFlight }: Place): Point | undefined {
  return points.find(
    (point) =>
      point.system === system && point.nodes === nodes && point.operation === operation && point.inFlight === inFlight,
  );
}

/** Of sixteen nodes, a process each. */
function targetsOf(points: readonly Point[]): Target[] {
  const at = (operation: Operation, inFlight: number): Place => ({ nodes: 16, operation, inFlight });
  const [busy, theirBusy] = [find(points, 'wharf', at('get', 32)), find(points, 'hyperdht', at('get', 32))];
  const [calm, theirCalm] = [find(points, 'wharf', at('get', 1)), find(points, 'hyperdht', at('get', 1))];
  const put = find(points, 'wharf', at('put', 1));
  const targets: Target[] = [];
  if (busy && theirBusy) {
    targets.push(atLeast("gets a second to hyperdht's, 32 in flight", busy.perSecond / theirBusy.perSecond, 5));
  }
  if (calm && theirCalm)
    targets.push(atMost("p99 of a get, to hyperdht's median", calm.p99Ms, theirCalm.medianMs, ' ms'));
  if (put) targets.push(atMost('median of a put, in all three copies', put.medianMs, 5, ' ms'));
  return targets;
}

function plot(points: readonly Point[]): TopLevelSpec {
  return {
    title: 'Operations a second, on a scale of tens',
    data: { values: points.map((point) => ({ ...point, load: `${point.operation}, ${point.inFlight} in flight` })) },
    mark: 'bar',
    encoding: {
      column: { field: 'nodes', type: 'ordinal', title: 'nodes' },
      x: { field: 'load', type: 'nominal', title: null },
      xOffset: { field: 'system', sort: [...systems] },
      y: { field: 'perSecond', type: 'quantitative', scale: { type: 'log' }, title: 'a second' },
      color: { field: 'system', type: 'nominal', sort: [...systems], title: null },
    },
  };
}
