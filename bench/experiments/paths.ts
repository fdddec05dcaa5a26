import type { TopLevelSpec } from 'vega-lite';
import { randomKey } from '../../overlay/index.ts';
import { atMost, type Context, defineExperiment, type Row, shareAtLeast, type Target } from './harness/experiment.ts';
import { Fleet } from './harness/fleet.ts';
import { type Geometry, geometriesOption, geometryOf, hopsBound, nodeOptions } from './harness/geometries.ts';
import { type Route, Routes } from './harness/lookups.ts';
import { ideal } from './harness/networks.ts';
import { mean, percentile } from './harness/statistics.ts';

/** The targets of a full budget: one hop while everybody can know everybody, two far beyond. */
const oneHopNodesMax = 1_024;
const oneHopMean = 1.1;
const manyHopsMean = 2;

interface Point extends Row {
  readonly geometry: Geometry;
  readonly contactsMax: number;
  readonly nodes: number;
  readonly delivered: number;
  readonly mean: number;
  readonly bound: number;
}

/** @see Stoica et al., "Chord", SIGCOMM 2001, figure 10; Rowstron and Druschel, "Pastry", 2001, figure 4 */
export const paths = defineExperiment({
  name: 'paths',
  about: 'hops from any node to the owner of any key, with tables as small as can be and with a budget of contacts',
  options: {
    nodes: { full: [16, 64, 256, 1_024, 4_096, 10_000], quick: [16, 64], about: 'sizes of the ring' },
    geometries: geometriesOption,
    contacts: { full: [0, 1_024], quick: [0, 1_024], about: 'budgets of contacts; 0 is off' },
    messages: { full: 10_000, quick: 500, about: 'messages routed at each point' },
    warmup: { full: 300, quick: 30, about: 'virtual seconds that tables have to fill once the ring is whole' },
  },
  async run(context, { nodes, geometries: names, contacts, messages, warmup }) {
    const points: Point[] = [];
    for (const geometry of names.map(geometryOf)) {
      for (const contactsMax of contacts) {
        for (const size of nodes)
          points.push(await measure(context, { geometry, contactsMax, size, messages, warmup }));
      }
    }
    return { rows: points, targets: points.flatMap(targetsOf), plot: plot(points) };
  },
});

interface Setting {
  readonly geometry: Geometry;
  readonly contactsMax: number;
  readonly size: number;
  readonly messages: number;
  readonly warmup: number;
}

async function measure(context: Context, setting: Setting): Promise<Point> {
  const { geometry, contactsMax, size, messages, warmup } = setting;
  context.progress(`${geometry}, ${contactsMax} contacts, ${size} nodes`);
  const routes = new Routes();
  const fleet = await Fleet.start(context, size, {
    network: ideal,
    node: nodeOptions(geometry, contactsMax),
    prepare: (node) => routes.prepare(node),
  });
  await fleet.pass(warmup * 1_000, 'filling tables');
  const sent: Route[] = [];
  for (let i = 0; i < messages; i++) sent.push(routes.start(fleet, fleet.any(), randomKey(fleet.random)));
  await fleet.pass(10_000, 'routing');
  const hops = sent.flatMap((route) => (route.hops === null ? [] : [route.hops]));
  return {
    geometry,
    contactsMax,
    nodes: size,
    delivered: hops.length / messages,
    contacts: mean(fleet.members.map((node) => node.contacts().length - 1)),
    mean: mean(hops),
    p50: percentile(hops, 0.5),
    p99: percentile(hops, 0.99),
    most: Math.max(...hops),
    bound: contactsMax === 0 ? hopsBound(geometry, size) : size <= oneHopNodesMax ? oneHopMean : manyHopsMean,
  };
}

function targetsOf({ geometry, contactsMax, nodes, mean: reached, delivered, bound }: Point): Target[] {
  const name = `${geometry}, ${contactsMax} contacts, ${nodes} nodes`;
  return [atMost(`mean hops: ${name}`, reached, bound), shareAtLeast(`delivered: ${name}`, delivered, 1)];
}

function plot(points: readonly Point[]): TopLevelSpec {
  const values = points.flatMap(({ geometry, contactsMax, nodes, mean: hops, bound }) => {
    const series = `${geometry}, ${contactsMax === 0 ? 'no budget' : `${contactsMax} contacts`}`;
    return [
      { nodes, series, hops, is: 'measured' },
      { nodes, series, hops: bound, is: 'target' },
    ];
  });
  return {
    title: 'Mean hops to the owner of a key',
    width: 480,
    height: 320,
    data: { values },
    mark: { type: 'line', point: true },
    encoding: {
      x: { field: 'nodes', type: 'quantitative', scale: { type: 'log', base: 2 }, title: 'nodes' },
      y: { field: 'hops', type: 'quantitative', title: 'hops' },
      color: { field: 'series', type: 'nominal', title: null },
      strokeDash: { field: 'is', type: 'nominal', title: null },
    },
  };
}
