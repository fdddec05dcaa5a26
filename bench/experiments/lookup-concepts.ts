import type { TopLevelSpec } from 'vega-lite';
import { central } from './concepts/central.ts';
import type { Concept, Directory } from './concepts/concept.ts';
import { dht } from './concepts/dht.ts';
import { flooding } from './concepts/flooding.ts';
import {
  atMost,
  type Context,
  defineExperiment,
  fleetSize,
  percent,
  type Row,
  shareAtLeast,
  someCount,
  type Target,
} from './harness/experiment.ts';
import { joinMaxOption } from './harness/fleet.ts';
import { geometries, geometryOf } from './harness/geometries.ts';
import { mean, share } from './harness/statistics.ts';

/** Of lookups for what is still there, once timeouts have passed. */
const recoveredMin = 0.99;

interface Point extends Row {
  readonly concept: string;
  readonly nodes: number;
  readonly stateMean: number;
  readonly messages: number;
  readonly success: number;
  readonly atOnce: number;
  readonly recovered: number;
}

interface Setting {
  readonly lookups: number;
  readonly fail: number;
  readonly warmup: number;
  readonly recovery: number;
}

/** @see Wehrle, Götz and Rieche, "Distributed Hash Tables", in Peer-to-Peer Systems and Applications, 2005, table 7.1 */
export const lookupConcepts = defineExperiment({
  name: 'lookup-concepts',
  about: 'a central server, flooding and DHTs: state, messages and success under failures as the fleet grows',
  options: {
    nodes: { full: [16, 64, 256, 1_024, 4_096], quick: [16, 48], about: 'sizes of the fleet', ...fleetSize },
    geometries: { full: geometries, quick: geometries, about: 'geometries of the DHTs' },
    contacts: { full: 0, quick: 0, about: 'budget of contacts of the DHTs; 0 is off' },
    joinMax: joinMaxOption,
    lookups: { full: 300, quick: 50, about: 'lookups in each state of affairs', ...someCount },
    fail: { full: 30, quick: 30, about: 'part of all machines that fails at one instant, percent', ...percent },
    warmup: { full: 120, quick: 20, about: 'virtual seconds at rest before the first lookup' },
    recovery: { full: 60, quick: 30, about: 'virtual seconds from the failure to the last lookups' },
  },
  async run(context, { nodes, geometries: names, contacts, joinMax, ...setting }) {
    const concepts = [central, flooding, ...names.map((name) => dht(geometryOf(name), contacts, joinMax))];
    const points: Point[] = [];
    for (const concept of concepts) {
      for (const size of nodes) points.push(await measure(context, concept, size, setting));
    }
    return { rows: points, targets: points.flatMap(targetsOf), plot: plot(points) };
  },
});

async function measure(context: Context, concept: Concept, nodes: number, setting: Setting): Promise<Point> {
  const { lookups, fail, warmup, recovery } = setting;
  context.progress(`${concept.name}, ${nodes} nodes`);
  const success: number[] = [];
  const messages: number[] = [];
  const atOnce: number[] = [];
  const recovered: number[] = [];
  let state = { mean: 0, most: 0 };
  for (let trial = 0; trial < concept.trials; trial++) {
    const directory = await concept.start({ ...context, seed: context.seed * 1_000 + trial }, nodes);
    await directory.pass(warmup * 1_000);
    state = directory.state();
    const before = directory.messages();
    success.push(await successOf(directory, lookups));
    messages.push((directory.messages() - before) / lookups);
    directory.crashFraction(fail / 100);
    atOnce.push(await successOf(directory, lookups));
    await directory.pass(recovery * 1_000 - batchMs);
    recovered.push(await successOf(directory, lookups));
  }
  return {
    concept: concept.name,
    nodes,
    stateMean: state.mean,
    stateMost: state.most,
    messages: mean(messages),
    success: mean(success),
    atOnce: mean(atOnce),
    recovered: mean(recovered),
  };
}

/** Enough for every lookup to end. */
const batchMs = 15_000;

/** Takes `batchMs`. */
async function successOf(directory: Directory, lookups: number): Promise<number> {
  let found = 0;
  for (let i = 0; i < lookups; i++) {
    void directory.lookup().then((isFound) => {
      if (isFound) found += 1;
    });
  }
  await directory.pass(batchMs);
  return share(found, lookups);
}

function targetsOf({ concept, nodes, messages, success, recovered }: Point): Target[] {
  const name = `${concept}, ${nodes} nodes`;
  const all = shareAtLeast(`found: ${name}`, success, 1);
  if (concept === central.name) return [all, atMost(`messages: ${name}`, messages, 2)];
  if (concept === flooding.name) return [all];
  return [
    all,
    atMost(`messages: ${name}`, messages, 2 * Math.log2(nodes)),
    shareAtLeast(`found after failures: ${name}`, recovered, recoveredMin),
  ];
}

function plot(points: readonly Point[]): TopLevelSpec {
  const panel = (title: string, field: string, scale: 'log' | 'linear') => ({
    title,
    width: 240,
    height: 240,
    mark: { type: 'line' as const, point: true },
    encoding: {
      x: { field: 'nodes', type: 'quantitative' as const, scale: { type: 'log' as const, base: 2 }, title: 'nodes' },
      y: { field, type: 'quantitative' as const, scale: { type: scale }, title: null },
      color: { field: 'concept', type: 'nominal' as const, title: null },
    },
  });
  return {
    data: { values: [...points] },
    hconcat: [
      panel('State of the node that has most', 'stateMost', 'log'),
      panel('Messages a lookup', 'messages', 'log'),
      panel('Lookups that succeed right after failures', 'atOnce', 'linear'),
    ],
  };
}
