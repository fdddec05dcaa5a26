import type { TopLevelSpec } from 'vega-lite';
import { randomKey } from '../../overlay/index.ts';
import {
  atMost,
  type Context,
  defineExperiment,
  fleetSize,
  type Row,
  shareAtLeast,
  someCount,
  type Target,
} from './harness/experiment.ts';
import { Fleet } from './harness/fleet.ts';
import { type Geometry, geometriesOption, geometryOf, hopsBound, nodeOptions } from './harness/geometries.ts';
import { Routes } from './harness/lookups.ts';
import { ideal } from './harness/networks.ts';
import { mean, percentile } from './harness/statistics.ts';

/** The targets of a full budget: one hop while everybody can know everybody, two far beyond. */
const oneHopNodesMax = 1_024;
const oneHopMean = 1.1;
const manyHopsMean = 2;

/** Enough for every message to arrive where nobody fails. */
const routingMs = 5_000;

interface Point extends Row {
  readonly geometry: Geometry;
  readonly contactsMax: number;
  readonly nodes: number;
  readonly begun: string;
  readonly delivered: number;
  readonly mean: number;
  readonly bound: number;
}

/** @see Stoica et al., "Chord", SIGCOMM 2001, figure 10; Rowstron and Druschel, "Pastry", 2001, figure 4 */
export const paths = defineExperiment({
  name: 'paths',
  about: 'hops from any node to the owner of any key, with tables as small as can be and with a budget of contacts',
  options: {
    nodes: { full: [16, 64, 256, 1_024, 4_096, 10_000], quick: [16, 64], about: 'sizes of the ring', ...fleetSize },
    geometries: geometriesOption,
    contacts: { full: [0, 1_024], quick: [0, 1_024], about: 'budgets of contacts; 0 is off' },
    messages: { full: 10_000, quick: 500, about: 'messages routed at each point', ...someCount },
    warmup: { full: 60, quick: 30, about: 'virtual seconds that tables have to fill once the ring is whole' },
    joinMax: {
      full: 256,
      quick: 32,
      about: 'largest ring that grows by joins, and is founded at once, too, to compare',
    },
  },
  async run(context, { nodes, geometries: names, contacts, joinMax, messages, warmup }) {
    const points: Point[] = [];
    for (const geometry of names.map(geometryOf)) {
      for (const contactsMax of contacts) {
        for (const size of nodes) {
          const ways = [...(size <= joinMax ? [false] : []), ...(size >= joinMax ? [true] : [])];
          for (const isFounded of ways) {
            points.push(await measure(context, { geometry, contactsMax, size, isFounded, messages, warmup }));
          }
        }
      }
    }
    return { rows: points, targets: points.flatMap(targetsOf), plot: plot(points) };
  },
});

interface Setting {
  readonly geometry: Geometry;
  readonly contactsMax: number;
  readonly size: number;
  readonly isFounded: boolean;
  readonly messages: number;
  readonly warmup: number;
}

async function measure(context: Context, setting: Setting): Promise<Point> {
  const { geometry, contactsMax, size, isFounded, messages, warmup } = setting;
  const begun = isFounded ? 'at once' : 'by joins';
  context.progress(`${geometry}, ${contactsMax} contacts, ${size} nodes ${begun}`);
  const routes = new Routes();
  const fleet = await (isFounded ? Fleet.found : Fleet.start)(context, size, {
    network: ideal,
    node: nodeOptions(geometry, contactsMax),
    prepare: (node) => routes.prepare(node),
  });
  await fleet.pass(warmup * 500, 'filling tables');
  const halfway = await hopsOf(fleet, routes, messages);
  await fleet.pass(warmup * 500, 'filling tables');
  const hops = await hopsOf(fleet, routes, messages);
  return {
    geometry,
    contactsMax,
    nodes: size,
    begun,
    delivered: hops.length / messages,
    contacts: mean(fleet.members.map((node) => node.contacts().length - 1)),
    // As much as at the end, if the tables were full by then.
    meanHalfway: mean(halfway),
    mean: mean(hops),
    p50: percentile(hops, 0.5),
    p99: percentile(hops, 0.99),
    most: percentile(hops, 1),
    bound: contactsMax === 0 ? hopsBound(geometry, size) : size <= oneHopNodesMax ? oneHopMean : manyHopsMean,
  };
}

/** Of messages from any member to the owners of random keys, as far as they were delivered. */
async function hopsOf(fleet: Fleet, routes: Routes, messages: number): Promise<number[]> {
  const sent = Array.from({ length: messages }, () => routes.start(fleet, fleet.any(), randomKey(fleet.random)));
  await fleet.pass(routingMs, 'routing');
  return sent.flatMap((route) => (route.hops === null ? [] : [route.hops]));
}

function targetsOf({ geometry, contactsMax, nodes, begun, mean: reached, delivered, bound }: Point): Target[] {
  const name = `${geometry}, ${contactsMax} contacts, ${nodes} nodes ${begun}`;
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
