import type { TopLevelSpec } from 'vega-lite';
import type { OverlayCounters, OverlayNode } from '../../overlay/index.ts';
import {
  atMost,
  type Context,
  defineExperiment,
  fleetSize,
  percent,
  type Row,
  shareAtLeast,
  someAmount,
  someCount,
  type Target,
} from './harness/experiment.ts';
import { Fleet, joinMaxOption } from './harness/fleet.ts';
import { contactsOption, type Geometry, geometriesOption, geometryOf, nodeOptions } from './harness/geometries.ts';
import { ideal } from './harness/networks.ts';
import { mean, percentile, share } from './harness/statistics.ts';

/** Copies of a payload that a member receives at faults: Plumtree's tree sends one when all is well, its flood four. */
const copiesMax = 2;
const app = 1;

interface Point extends Row {
  readonly geometry: Geometry;
  readonly lossPercent: number;
  readonly failedPercent: number;
  /** Share of the members that are up. */
  readonly delivery: number;
  /** Payloads sent to members, each broadcast; also to those that had just failed. */
  readonly payloads: number;
  /** Payloads that a member received, each broadcast. */
  readonly copies: number;
}

interface Surroundings {
  readonly geometry: Geometry;
  readonly contacts: number;
  readonly nodes: number;
  readonly joinMax: number;
  readonly warmup: number;
}

interface Setting extends Faults {
  readonly geometry: Geometry;
  readonly broadcasts: number;
  readonly payload: number;
  readonly wait: number;
}

/** @see Leitao, Pereira and Rodrigues, "Epidemic Broadcast Trees", SRDS 2007: 10,000 nodes, 9,999 payloads, 0-70% fail */
export const broadcast = defineExperiment({
  name: 'broadcast',
  about: 'payloads, depth, time and delivery of broadcasts: when all is well, at loss, right after sudden failures',
  options: {
    nodes: { full: 10_000, quick: 64, about: 'nodes', ...fleetSize },
    loss: { full: [5], quick: [5], about: 'shares of frames lost, percent, with nobody failing', ...percent },
    fail: {
      full: [0, 10, 30, 50, 70],
      quick: [0, 30],
      about: 'parts of all nodes that fail at one instant, percent',
      ...percent,
    },
    geometries: geometriesOption,
    contacts: contactsOption,
    joinMax: joinMaxOption,
    broadcasts: {
      full: 5,
      quick: 2,
      about: 'broadcasts, from different members at one instant, right after the failure',
      ...someCount,
    },
    warmup: { full: 300, quick: 30, about: 'virtual seconds at rest before' },
    payload: { full: 1_024, quick: 1_024, about: 'bytes of each broadcast' },
    wait: { full: 60, quick: 30, about: 'virtual seconds that delivery is given', ...someAmount },
  },
  async run(context, { geometries: names, loss, fail, ...rest }) {
    const points: Point[] = [];
    for (const geometry of names.map(geometryOf)) {
      for (const faults of onOneFleet(fail, loss)) {
        const listeners = await Listeners.begin(context, { geometry, ...rest });
        for (const fault of faults) points.push(await measure(context, listeners, { geometry, ...fault, ...rest }));
      }
    }
    return { rows: points, targets: points.flatMap((point) => targetsOf(point, rest.nodes)), plot: plot(points) };
  },
});

interface Faults {
  readonly lossPercent: number;
  readonly failedPercent: number;
}

/** Loss comes and goes; those who failed stay dead, so each such failure needs a fleet of its own. */
function onOneFleet(fail: readonly number[], loss: readonly number[]): Faults[][] {
  const nobodyFails = [...(fail.includes(0) ? [0] : []), ...loss].map((lossPercent) => ({
    lossPercent,
    failedPercent: 0,
  }));
  const failures = fail
    .filter((failedPercent) => failedPercent > 0)
    .map((failedPercent) => [{ lossPercent: 0, failedPercent }]);
  return [nobodyFails, ...failures].filter((faults) => faults.length > 0);
}

/** A fleet at rest that notes what it hears. */
class Listeners {
  readonly fleet: Fleet;
  /** Of every delivery since `listen`: how long it took, and over how many hops it went. */
  delaysMs: number[] = [];
  depths: number[] = [];
  #sinceMs = 0;

  private constructor(fleet: Fleet) {
    this.fleet = fleet;
  }

  static async begin(context: Context, setting: Surroundings): Promise<Listeners> {
    const { geometry, contacts, nodes, joinMax, warmup } = setting;
    context.progress(`${geometry}, ${nodes} nodes`);
    const fleet: Fleet = await Fleet.begin(context, nodes, joinMax, {
      network: { ...ideal, silentCrashes: true },
      node: nodeOptions(geometry, contacts),
      prepare: (node) => node.register(app, { broadcast: (_origin, _payload, depth) => listeners.#heard(depth) }),
    });
    const listeners = new Listeners(fleet);
    await fleet.pass(warmup * 1_000, 'coming to rest');
    return listeners;
  }

  /** From now on, and nothing from before. */
  listen(): void {
    this.delaysMs = [];
    this.depths = [];
    this.#sinceMs = this.fleet.sim.nowMs;
  }

  #heard(depth: number): void {
    this.delaysMs.push(this.fleet.sim.nowMs - this.#sinceMs);
    this.depths.push(depth);
  }
}

async function measure(context: Context, listeners: Listeners, setting: Setting): Promise<Point> {
  const { geometry, broadcasts, payload, wait, lossPercent, failedPercent } = setting;
  const { fleet } = listeners;
  context.progress(`${failedPercent}% fail, ${lossPercent}% loss`);
  const idle = await spent(fleet, wait, () => {});
  fleet.sim.setLossRate(lossPercent / 100);
  fleet.crashFraction(failedPercent / 100);
  listeners.listen();
  const busy = await spent(fleet, wait, () => {
    for (let i = 0; i < broadcasts; i++) fleet.any().broadcast(app, new Uint8Array(payload).fill(i));
  });
  fleet.sim.setLossRate(0);
  const { delaysMs, depths } = listeners;
  const wanted = broadcasts * fleet.size;
  return {
    geometry,
    lossPercent,
    failedPercent,
    members: fleet.size,
    delivery: share(delaysMs.length, wanted),
    payloads: busy.payloads / broadcasts,
    copies: share(delaysMs.length + busy.repeated - broadcasts, delaysMs.length - broadcasts),
    pulled: share(busy.pulled, wanted),
    depthMean: mean(depths),
    depthMax: percentile(depths, 1),
    p50Ms: percentile(delaysMs, 0.5),
    p99Ms: percentile(delaysMs, 0.99),
    lastMs: percentile(delaysMs, 1),
    // Beyond what nodes do anyhow, which is not known for those that have to repair their tables, too.
    bytesPerMember: failedPercent > 0 ? null : (busy.bytes - idle.bytes) / wanted,
    framesPerMember: failedPercent > 0 ? null : (busy.frames - idle.frames) / wanted,
  };
}

async function spent(fleet: Fleet, waitS: number, act: () => void) {
  const counters = (): OverlayCounters[] => fleet.members.map((node: OverlayNode) => node.counters());
  const sum = (all: readonly OverlayCounters[], of: keyof OverlayCounters): number =>
    all.reduce((total, one) => total + one[of], 0);
  const [before, network] = [counters(), fleet.sim.stats()];
  act();
  await fleet.pass(waitS * 1_000, 'broadcasting');
  const [after, now] = [counters(), fleet.sim.stats()];
  const grown = (of: keyof OverlayCounters): number => sum(after, of) - sum(before, of);
  return {
    bytes: now.bytes - network.bytes,
    frames: now.messages - network.messages,
    payloads: grown('broadcastsOut'),
    repeated: grown('broadcastsRepeated'),
    pulled: grown('broadcastsPulled'),
  };
}

function targetsOf(point: Point, nodes: number): Target[] {
  const { geometry, lossPercent, failedPercent, delivery, payloads, copies } = point;
  const name = `${geometry}, ${failedPercent}% failed, ${lossPercent}% loss`;
  const isStable = failedPercent === 0 && lossPercent === 0;
  return [
    shareAtLeast(`delivery: ${name}`, delivery, 1),
    isStable ? atMost(`payloads: ${name}`, payloads, nodes - 1) : atMost(`copies a member: ${name}`, copies, copiesMax),
  ];
}

function plot(points: readonly Point[]): TopLevelSpec {
  const failures = points.filter(({ lossPercent }) => lossPercent === 0);
  const panel = (title: string, field: string) => ({
    title,
    width: 240,
    height: 220,
    mark: { type: 'line' as const, point: true },
    encoding: {
      x: { field: 'failedPercent', type: 'quantitative' as const, title: '% failed just before' },
      y: { field, type: 'quantitative' as const, title: null },
      color: { field: 'geometry', type: 'nominal' as const, title: null },
    },
  });
  return {
    data: { values: failures },
    hconcat: [
      panel('Share of members reached', 'delivery'),
      panel('Copies of a payload that a member receives', 'copies'),
      panel('Last delivery, virtual ms', 'lastMs'),
    ],
  };
}
