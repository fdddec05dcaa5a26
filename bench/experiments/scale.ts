import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { TopLevelSpec } from 'vega-lite';
import { type OverlayNode, randomKey } from '../../overlay/index.ts';
import { type SimulatedHost, Simulation } from '../../simulator/index.ts';
import { randomStream } from '../../simulator/random.ts';
import {
  atLeast,
  atMost,
  type Context,
  defineExperiment,
  fleetSize,
  type Row,
  someAmount,
  type Target,
} from './harness/experiment.ts';
import { Fleet } from './harness/fleet.ts';
import { contactsOption, type Geometry, geometryOf, nodeOptions, oneGeometryOption } from './harness/geometries.ts';
import { ideal } from './harness/networks.ts';

const heapMaxGiB = 8;
const messagesPerSecondMin = 100_000;
/** As small as the frames of nodes mostly are. */
const bareFrameBytes = 70;
/** 256 MiB of them, more than the caches of most processors hold; a power of two. */
const coldWords = 2 ** 26;
const coldReads = 2_000_000;

interface Measured extends Row {
  readonly geometry: string;
  readonly nodes: number;
  readonly heapGiB: number;
  readonly messagesPerSecond: number;
  /** What the simulator delivers when there are no nodes: messages between hosts that do nothing but answer them. */
  readonly bareMessagesPerSecond: number;
  readonly isRepeatable: boolean;
}

interface Point extends Measured {
  /** What one read takes of what no cache holds, as nearly all of a large fleet is when its turn comes. */
  readonly coldReadNs: number;
}

interface Setting {
  readonly geometry: Geometry;
  readonly contacts: number;
  readonly nodes: number;
  readonly joinMax: number;
  readonly lookups: number;
  readonly broadcasts: number;
  readonly payload: number;
  readonly warmup: number;
  readonly rest: number;
  readonly measure: number;
}

export const scale = defineExperiment({
  name: 'scale',
  about:
    'full nodes in one process: heap, messages delivered a real second, and whether a seed gives the same run twice',
  options: {
    nodes: { full: [1_000, 4_000, 10_000], quick: [32, 64], about: 'sizes of the fleet', ...fleetSize },
    joinMax: { full: 1_000, quick: 32, about: 'largest fleet that grows by joins; a larger one is founded at once' },
    geometries: oneGeometryOption,
    contacts: contactsOption,
    lookups: { full: 5, quick: 5, about: 'lookups that each node begins a second, while busy' },
    broadcasts: { full: 1, quick: 1, about: 'broadcasts to the whole fleet a second, while busy' },
    payload: { full: 1_024, quick: 1_024, about: 'bytes of each broadcast' },
    warmup: { full: 60, quick: 10, about: 'virtual seconds before anything is measured' },
    rest: { full: 20, quick: 5, about: 'virtual seconds over which maintenance alone is measured', ...someAmount },
    measure: { full: 20, quick: 5, about: 'virtual seconds over which the busy fleet is measured', ...someAmount },
  },
  async run(context, { nodes: sizes, geometries: names, ...rest }) {
    const measured: Measured[] = [];
    for (const geometry of names.map(geometryOf)) {
      for (const nodes of sizes) {
        const setting = { geometry, nodes, ...rest };
        const { digest, ...figures } = await oneRun(context, setting);
        context.progress('once more');
        const again = await oneRun(context, setting);
        const bareMessagesPerSecond = await bareRun(context, setting);
        measured.push({
          geometry,
          nodes,
          ...figures,
          bareMessagesPerSecond,
          isRepeatable: digest === again.digest,
        });
      }
    }
    // After the heaps have been weighed.
    const coldReadNs = nsOfColdRead();
    const points = measured.map((point): Point => ({ ...point, coldReadNs }));
    return { rows: points, targets: points.flatMap(targetsOf), plot: plot(points) };
  },
});

async function oneRun(context: Context, setting: Setting) {
  const { geometry, contacts, nodes, joinMax, warmup, rest, measure } = setting;
  context.progress(`${geometry}, ${nodes} nodes`);
  const before = heapBytes();
  const startedAtMs = performance.now();
  const load = new Load(setting);
  const isFounded = nodes > joinMax;
  const fleet = await Fleet.begin(context, nodes, joinMax, {
    network: ideal,
    node: nodeOptions(geometry, contacts),
    prepare: (node) => load.prepare(node),
  });
  const buildS = (performance.now() - startedAtMs) / 1_000;
  await fleet.pass(warmup * 1_000, 'coming to rest');
  const atRest = await timed(fleet, () => fleet.pass(rest * 1_000, 'at rest'));
  const busy = await timed(fleet, () => load.run(fleet, measure));
  const heap = heapBytes();
  return {
    heapGiB: heap / 2 ** 30,
    heapPerNodeKiB: (heap - before) / nodes / 1_024,
    begun: isFounded ? 'at once' : 'by joins',
    buildS,
    restMessagesPerSecond: atRest.messages / atRest.realS,
    messages: busy.messages,
    messagesPerSecond: busy.messages / busy.realS,
    messagesPerCpuSecond: busy.messages / busy.cpuS,
    virtualPerRealTime: measure / busy.realS,
    ...load.outcome(fleet),
    // Asked for last, so that the fleet is still in memory when the heap is weighed.
    digest: fleet.sim.digest(),
  };
}

/** Messages a real second when as many hosts as there are nodes ask each other as often as nodes begin lookups. */
async function bareRun({ seed, progress }: Context, { nodes, lookups, measure }: Setting): Promise<number> {
  progress('without nodes');
  const sim = new Simulation({ seed, ...ideal });
  const random = randomStream(seed, 'experiment');
  const hosts = Array.from({ length: nodes }, (_, i) => sim.host(`n${i}:1`));
  for (const { transport } of hosts) {
    transport.onFrame((from, [isQuestion]) => {
      if (isQuestion) transport.send(from, new Uint8Array(bareFrameBytes));
    });
  }
  for (let i = 0; i < nodes * lookups * measure; i++) {
    const at = Math.floor(nodes * random());
    const other = (at + 1 + Math.floor((nodes - 1) * random())) % nodes;
    const [asker, asked] = [hosts[at], hosts[other]] as [SimulatedHost, SimulatedHost];
    const question = new Uint8Array(bareFrameBytes).fill(1);
    sim.at(measure * 1_000 * random(), () => asker.transport.send(asked.address, question));
  }
  const startedAtMs = performance.now();
  await sim.runFor(measure * 1_000);
  return sim.stats().messages / ((performance.now() - startedAtMs) / 1_000);
}

/** Follows a chain through memory that visits every word of it once, in an order that cannot be foreseen. */
function nsOfColdRead(): number {
  const next = new Int32Array(coldWords);
  // The steps of a congruential generator with the full period, by the theorem of Hull and Dobell.
  for (let i = 0; i < coldWords; i++) next[i] = (Math.imul(i, 1_664_525) + 1_013_904_223) & (coldWords - 1);
  const startedAtMs = performance.now();
  let word = 0;
  for (let i = 0; i < coldReads; i++) word = next[word] as number;
  const elapsedMs = performance.now() - startedAtMs;
  assert(word >= 0, 'what nobody uses might not be read at all');
  return (elapsedMs * 1e6) / coldReads;
}

/** The messages delivered while something ran, and the time that it took. */
async function timed(fleet: Fleet, run: () => Promise<void>) {
  const messagesBefore = fleet.sim.stats().messages;
  const cpuBefore = process.cpuUsage();
  const startedAtMs = performance.now();
  await run();
  const realS = (performance.now() - startedAtMs) / 1_000;
  const { user, system } = process.cpuUsage(cpuBefore);
  // Of all threads: collecting garbage takes more than one.
  return { messages: fleet.sim.stats().messages - messagesBefore, realS, cpuS: (user + system) / 1e6 };
}

const app = 1;

/** What a busy fleet is asked to do beside its maintenance: lookups by all nodes, and broadcasts. */
class Load {
  readonly #setting: Setting;
  #lookups = 0;
  #answered = 0;
  #broadcasts = 0;
  #delivered = 0;

  constructor(setting: Setting) {
    this.#setting = setting;
  }

  /** For `FleetOptions.prepare`. */
  prepare(node: OverlayNode): void {
    node.register(app, {
      broadcast: () => {
        this.#delivered += 1;
      },
    });
  }

  async run(fleet: Fleet, seconds: number): Promise<void> {
    const { nodes, lookups, broadcasts, payload } = this.#setting;
    for (let second = 0; second < seconds; second++) {
      this.#spread(fleet, nodes * lookups, () => this.#lookUp(fleet));
      this.#spread(fleet, broadcasts, () => {
        this.#broadcasts += 1;
        fleet.any().broadcast(app, new Uint8Array(payload).fill(second));
      });
      await fleet.pass(1_000, `busy: ${seconds - second} virtual s to go`);
    }
  }

  /** Shares of what was asked that were answered, or delivered, by now; the last of it is still under way. */
  outcome(fleet: Fleet): { answered: number; delivered: number } {
    return {
      answered: this.#answered / this.#lookups,
      delivered: this.#delivered / (this.#broadcasts * fleet.size),
    };
  }

  #spread(fleet: Fleet, count: number, act: () => void): void {
    for (let i = 0; i < count; i++) fleet.sim.at(fleet.sim.nowMs + 1_000 * fleet.random(), act);
  }

  #lookUp(fleet: Fleet): void {
    this.#lookups += 1;
    const answered = (): void => {
      this.#answered += 1;
    };
    // One that fails is missing among those answered.
    fleet
      .any()
      .lookup(randomKey(fleet.random))
      .then(answered, () => {});
  }
}

/** What is in use after everything that can be collected has been. */
function heapBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect === 'function') collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function targetsOf({ geometry, nodes, heapGiB, messagesPerSecond, isRepeatable }: Point): Target[] {
  const name = `${geometry}, ${nodes} nodes`;
  return [
    atMost(`heap: ${name}`, heapGiB, heapMaxGiB, ' GiB'),
    atLeast(`messages a second: ${name}`, messagesPerSecond, messagesPerSecondMin),
    {
      name: `same seed, same run: ${name}`,
      wanted: 'equal digests',
      reached: isRepeatable ? 'equal' : 'different',
      met: isRepeatable,
    },
  ];
}

function plot(points: readonly Point[]): TopLevelSpec {
  const panel = (title: string, field: string) => ({
    title,
    width: 300,
    height: 240,
    mark: { type: 'line' as const, point: true },
    encoding: {
      x: { field: 'nodes', type: 'quantitative' as const, title: 'nodes' },
      y: { field, type: 'quantitative' as const, title: null },
      color: { field: 'geometry', type: 'nominal' as const, title: null },
    },
  });
  return {
    data: { values: [...points] },
    hconcat: [panel('Heap, GiB', 'heapGiB'), panel('Messages delivered a real second', 'messagesPerSecond')],
  };
}
