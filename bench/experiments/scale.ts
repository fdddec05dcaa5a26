import { performance } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { TopLevelSpec } from 'vega-lite';
import { atLeast, atMost, type Context, defineExperiment, type Row, type Target } from './harness/experiment.ts';
import { Fleet } from './harness/fleet.ts';
import { geometries, geometryOf, nodeOptions } from './harness/geometries.ts';
import { ideal } from './harness/networks.ts';

const heapMaxGiB = 8;
const messagesPerSecondMin = 100_000;

interface Point extends Row {
  readonly geometry: string;
  readonly nodes: number;
  readonly heapGiB: number;
  readonly messagesPerSecond: number;
  readonly isRepeatable: boolean;
}

export const scale = defineExperiment({
  name: 'scale',
  about:
    'full nodes in one process: heap, delivered messages a real second, and whether a seed gives the same run twice',
  options: {
    nodes: { full: [1_000, 4_000, 10_000], quick: [32, 64], about: 'sizes of the fleet' },
    geometries: { full: ['bamboo'], quick: ['bamboo'], about: `geometries, of: ${geometries}` },
    contacts: { full: 1_024, quick: 1_024, about: 'budget of contacts; 0 is off' },
    warmup: { full: 60, quick: 10, about: 'virtual seconds at rest before anything is measured' },
    measure: { full: 60, quick: 10, about: 'virtual seconds over which messages are counted' },
  },
  async run(context, { nodes, geometries: names, contacts, warmup, measure }) {
    const points: Point[] = [];
    for (const geometry of names.map(geometryOf)) {
      for (const size of nodes) {
        const run = () => oneRun(context, { geometry, contacts, nodes: size, warmup, measure });
        const first = await run();
        context.progress('once more');
        const again = await run();
        const { digest, ...figures } = first;
        points.push({ geometry, nodes: size, ...figures, isRepeatable: digest === again.digest });
      }
    }
    return { rows: points, targets: points.flatMap(targetsOf), plot: plot(points) };
  },
});

async function oneRun(
  context: Context,
  setting: { geometry: (typeof geometries)[number]; contacts: number; nodes: number; warmup: number; measure: number },
) {
  const { geometry, contacts, nodes, warmup, measure } = setting;
  context.progress(`${geometry}, ${nodes} nodes`);
  const before = heapBytes();
  const startedAtMs = performance.now();
  const fleet = await Fleet.start(context, nodes, { network: ideal, node: nodeOptions(geometry, contacts) });
  const buildS = (performance.now() - startedAtMs) / 1_000;
  await fleet.pass(warmup * 1_000, 'coming to rest');
  const messagesBefore = fleet.sim.stats().messages;
  const measuredFromMs = performance.now();
  await fleet.pass(measure * 1_000, 'measuring');
  const realS = (performance.now() - measuredFromMs) / 1_000;
  const messages = fleet.sim.stats().messages - messagesBefore;
  const heap = heapBytes();
  return {
    heapGiB: heap / 2 ** 30,
    heapPerNodeKiB: (heap - before) / nodes / 1_024,
    buildS,
    messages,
    messagesPerSecond: messages / realS,
    virtualPerRealTime: measure / realS,
    // Asked for last, so that the fleet is still in memory when the heap is weighed.
    digest: fleet.sim.digest(),
  };
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
