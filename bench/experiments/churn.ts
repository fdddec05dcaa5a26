import { randomKey } from '../../overlay/index.ts';
import { bySession, plotBySession, type SessionPoint } from './harness/by-session.ts';
import { Churn } from './harness/churn.ts';
import { sample } from './harness/distributions.ts';
import {
  atMost,
  type Context,
  defineExperiment,
  fleetSize,
  type OptionSpecs,
  type OptionsOf,
  shareAtLeast,
  someAmount,
  type Target,
} from './harness/experiment.ts';
import { Fleet, joinMaxOption } from './harness/fleet.ts';
import { contactsOption, type Geometry, geometriesOption, nodeOptions } from './harness/geometries.ts';
import { isRight, judged, type Lookup, lookUp, type Route, Routes } from './harness/lookups.ts';
import { wideArea } from './harness/networks.ts';
import { agreeingWithMajority, mean, percentile, share } from './harness/statistics.ts';
import { Traffic } from './harness/traffic.ts';

/** Lookups of one key at once, of which the majority is right. */
const simultaneous = 10;
const idleBytesMax = 50;
/** By median session, minutes. */
const consistencyMin: ReadonlyMap<number, number> = new Map([
  [1.4, 0.99],
  [15, 0.999],
]);
/** What Bamboo used at its shortest sessions. */
const bytesMax: ReadonlyMap<number, number> = new Map([[1.4, 900]]);

interface Point extends SessionPoint {
  readonly success: number;
  readonly consistency: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maintenanceBps: number;
  readonly idleBps: number;
}

const options = {
  nodes: { full: 1_000, quick: 48, about: 'nodes', ...fleetSize },
  sessions: { full: [1.4, 5, 15, 60], quick: [1.4], about: 'median sessions, minutes', ...someAmount },
  geometries: geometriesOption,
  contacts: contactsOption,
  joinMax: joinMaxOption,
  rest: {
    full: 300,
    quick: 120,
    about: 'virtual seconds at rest before; bytes are counted in the second half',
    ...someAmount,
  },
  warmup: { full: 600, quick: 30, about: 'virtual seconds of churn before anything is measured' },
  measure: {
    full: 600,
    quick: 30,
    about: 'virtual seconds of each measurement: maintenance, then lookups',
    ...someAmount,
  },
  rate: {
    full: 1,
    quick: 1,
    about: `keys looked up each virtual second, ${simultaneous} times at once each`,
    ...someAmount,
  },
} satisfies OptionSpecs;

interface Setting extends OptionsOf<typeof options> {
  readonly geometry: Geometry;
  readonly sessionMin: number;
}

/** @see Rhea et al., "Handling Churn in a DHT", USENIX 2004, section 4 */
export const churn = defineExperiment({
  name: 'churn',
  about: 'lookups and maintenance while nodes crash and join, by median session',
  options,
  async run(context, chosen) {
    const points = await bySession(chosen, (geometry, sessionMin) =>
      measure(context, { geometry, sessionMin, ...chosen }),
    );
    const plot = plotBySession(points, {
      'Lookups: share of all': ['success', 'consistency'],
      'Latency of answers, virtual ms': ['p50Ms', 'p99Ms'],
      'Bytes a second a node': ['maintenanceBps', 'idleBps'],
    });
    return { rows: points, targets: points.flatMap(targetsOf), plot };
  },
});

async function measure(context: Context, setting: Setting): Promise<Point> {
  const { geometry, contacts, nodes, joinMax, sessionMin, rest, warmup, measure: measureS, rate } = setting;
  context.progress(`${geometry}, ${nodes} nodes, median session ${sessionMin} min`);
  const routes = new Routes();
  const traffic = new Traffic();
  const fleet = await Fleet.begin(context, nodes, joinMax, {
    network: wideArea(context.seed),
    node: nodeOptions(geometry, contacts),
    prepare: (node) => routes.prepare(node),
    tap: (frame, from, to) => traffic.see(frame, from, to),
  });
  await fleet.pass(rest * 500, 'coming to rest');
  const idleBps = (await bytesPerSecond(fleet, rest / 2, 'at rest')) / nodes;
  const churning = new Churn(fleet, { medianSessionMs: sessionMin * 60_000 });
  churning.start();
  await fleet.pass(warmup * 1_000, 'churning');
  const crashesBefore = churning.crashes;
  traffic.isCounting = true;
  const maintenanceBps = (await bytesPerSecond(fleet, measureS, 'maintenance')) / nodes;
  traffic.isCounting = false;
  const crashesPerMin = ((churning.crashes - crashesBefore) * 60) / measureS;

  const groups: Lookup[][] = [];
  const sent: Route[] = [];
  fleet.steadily(rate, measureS, () => {
    const key = randomKey(fleet.random);
    const askers = sample(fleet.random, fleet.members, simultaneous);
    groups.push(askers.map((asker) => lookUp(fleet, asker, key)));
    sent.push(routes.start(fleet, fleet.any(), key));
  });
  await fleet.pass(measureS * 1_000 + fleet.any().options.requestTimeoutMs, 'lookups');
  churning.stop();
  const lookups = summary(fleet, groups, sent);
  const shares = [...traffic.bytes()].map(([purpose, bytes]) => [`${purpose}Bps`, bytes / measureS / nodes]);
  return { geometry, sessionMin, crashesPerMin, ...lookups, maintenanceBps, ...Object.fromEntries(shares), idleBps };
}

/** Bytes on the wire, each counted once. */
async function bytesPerSecond(fleet: Fleet, seconds: number, doing: string): Promise<number> {
  const before = fleet.sim.stats().bytes;
  await fleet.pass(seconds * 1_000, doing);
  return (fleet.sim.stats().bytes - before) / seconds;
}

function summary(fleet: Fleet, groups: readonly Lookup[][], sent: readonly Route[]) {
  const counted = groups.map((group) => judged(fleet, group));
  const all = counted.flat();
  const answered = all.filter(({ state }) => state === 'answered');
  const agreeing = counted.map((group) => agreeingWithMajority(group.map(({ owner }) => owner)));
  const elapsed = answered.map(({ elapsedMs }) => elapsedMs);
  const hops = sent.flatMap((route) => (route.hops === null ? [] : [route.hops]));
  return {
    lookups: all.length,
    success: share(answered.length, all.length),
    // A lookup that fails agrees with nobody.
    consistency: share(
      agreeing.reduce((sum, count) => sum + count, 0),
      all.length,
    ),
    right: share(answered.filter(isRight).length, all.length),
    p50Ms: percentile(elapsed, 0.5),
    p99Ms: percentile(elapsed, 0.99),
    hops: mean(hops),
    hopsP99: percentile(hops, 0.99),
    // The others' source or the node that held them crashed.
    routed: share(hops.length, sent.length),
  };
}

function targetsOf({ geometry, sessionMin, consistency, maintenanceBps, idleBps }: Point): Target[] {
  const name = `${geometry}, ${sessionMin} min`;
  const consistent = consistencyMin.get(sessionMin);
  const bytes = bytesMax.get(sessionMin);
  return [
    ...(consistent === undefined ? [] : [shareAtLeast(`consistency: ${name}`, consistency, consistent)]),
    ...(bytes === undefined ? [] : [atMost(`maintenance: ${name}`, maintenanceBps, bytes, ' B/s/node')]),
    atMost(`at rest: ${name}`, idleBps, idleBytesMax, ' B/s/node'),
  ];
}
