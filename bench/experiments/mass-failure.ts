import type { TopLevelSpec } from 'vega-lite';
import { type Key, randomKey } from '../../overlay/index.ts';
import {
  type Context,
  defineExperiment,
  fleetSize,
  percent,
  type Row,
  shareAtLeast,
  someCount,
  type Target,
} from './harness/experiment.ts';
import { Fleet, joinMaxOption } from './harness/fleet.ts';
import { contactsOption, type Geometry, geometriesOption, geometryOf, nodeOptions } from './harness/geometries.ts';
import { isRight, judged, type Lookup, lookUp } from './harness/lookups.ts';
import { wideArea } from './harness/networks.ts';
import { percentile, share } from './harness/statistics.ts';

/** By the percentage that fails: what must succeed once timeouts have passed. */
const successMin: ReadonlyMap<number, number> = new Map([
  [20, 0.999],
  [50, 0.99],
]);
const otherwiseMin = 0.99;

interface Point extends Row {
  readonly geometry: Geometry;
  readonly failed: number;
  /** Virtual seconds from the failure to the start of the lookups. */
  readonly afterS: number;
  readonly success: number;
}

interface Setting {
  readonly geometry: Geometry;
  readonly contacts: number;
  readonly nodes: number;
  readonly joinMax: number;
  readonly percent: number;
  readonly lookups: number;
  readonly after: readonly number[];
  readonly patience: number;
}

/** @see Stoica et al., "Chord", SIGCOMM 2001, figure 11: failed lookups are those of lost keys */
export const massFailure = defineExperiment({
  name: 'mass-failure',
  about: 'lookups after a part of all nodes has failed at one instant, and how long the ring takes to be whole again',
  options: {
    nodes: { full: 10_000, quick: 64, about: 'nodes', ...fleetSize },
    fail: { full: [20, 50], quick: [20, 50], about: 'parts that fail, percent', ...percent },
    geometries: geometriesOption,
    contacts: contactsOption,
    joinMax: joinMaxOption,
    lookups: { full: 5_000, quick: 200, about: 'lookups at each instant', ...someCount },
    after: { full: [0, 5, 10, 20, 30, 60, 120], quick: [0, 5, 30], about: 'seconds after the failure, ascending' },
    patience: { full: 600, quick: 120, about: 'virtual seconds that the ring has to become whole' },
  },
  async run(context, { geometries: names, fail, ...rest }) {
    const points: Point[] = [];
    const targets: Target[] = [];
    for (const geometry of names.map(geometryOf)) {
      for (const percent of fail) {
        const measured = await measure(context, { geometry, percent, ...rest });
        points.push(...measured.points);
        targets.push(...measured.targets);
      }
    }
    return { rows: points, targets, plot: plot(points) };
  },
});

async function measure(context: Context, setting: Setting): Promise<{ points: Point[]; targets: Target[] }> {
  const { geometry, contacts, nodes, joinMax, percent, lookups, after, patience } = setting;
  context.progress(`${geometry}, ${percent}% of ${nodes} nodes`);
  const fleet = await Fleet.begin(context, nodes, joinMax, {
    network: wideArea(context.seed),
    node: nodeOptions(geometry, contacts),
  });
  await fleet.pass(60_000, 'coming to rest');
  const keys = survivingKeys(fleet, lookups, percent / 100);
  const failedAtMs = fleet.sim.nowMs;
  const batches: { afterS: number; asked: Lookup[] }[] = [];
  for (const afterS of after) {
    fleet.sim.at(failedAtMs + afterS * 1_000 + 1, () => {
      batches.push({ afterS, asked: keys.map((key) => lookUp(fleet, fleet.any(), key)) });
    });
  }
  const isWhole = await fleet.until(() => fleet.isWhole(), patience * 1_000, 'becoming whole');
  const wholeAfterS = isWhole ? (fleet.sim.nowMs - failedAtMs) / 1_000 : null;
  const lastMs = failedAtMs + Math.max(0, ...after) * 1_000 + fleet.any().options.requestTimeoutMs;
  if (fleet.sim.nowMs < lastMs) await fleet.pass(lastMs - fleet.sim.nowMs, 'lookups');
  const points = batches.map(({ afterS, asked }): Point => {
    const all = judged(fleet, asked);
    const right = all.filter(isRight);
    return {
      geometry,
      failed: percent,
      afterS,
      lookups: all.length,
      success: share(right.length, all.length),
      wrong: all.filter((lookup) => lookup.state === 'answered').length - right.length,
      p50Ms: percentile(
        right.map(({ elapsedMs }) => elapsedMs),
        0.5,
      ),
      p99Ms: percentile(
        right.map(({ elapsedMs }) => elapsedMs),
        0.99,
      ),
      wholeAfterS,
    };
  });
  const name = `${geometry}, ${percent}% failed`;
  const wanted = successMin.get(percent) ?? otherwiseMin;
  const recovered = points.findLastIndex(({ success }) => success < wanted) + 1;
  const recoveredAfter = points[recovered]?.afterS;
  return {
    points,
    targets: [
      shareAtLeast(`lookups at last: ${name}`, points.at(-1)?.success ?? Number.NaN, wanted),
      {
        name: `lookups recover: ${name}`,
        wanted: 'reported',
        reached: recoveredAfter === undefined ? 'never' : `started ${recoveredAfter} s after`,
        met: recoveredAfter !== undefined,
      },
      {
        name: `ring whole: ${name}`,
        wanted: `within ${patience} s`,
        reached: wholeAfterS === null ? 'never' : `${wholeAfterS.toFixed(0)} s after`,
        met: isWhole,
      },
    ],
  };
}

/** Lets a part of the fleet fail; keys whose owners from before are still there. */
function survivingKeys(fleet: Fleet, count: number, fraction: number): Key[] {
  const drawn = Array.from({ length: count * 2 }, () => randomKey(fleet.random));
  const owners = drawn.map((key) => fleet.oracle.owner(key).id);
  const dead = new Set(fleet.crashFraction(fraction).map(({ self }) => self.id));
  return drawn.filter((_, i) => !dead.has(owners[i] as Key)).slice(0, count);
}

function plot(points: readonly Point[]): TopLevelSpec {
  const panel = (title: string, field: string) => ({
    title,
    width: 360,
    height: 260,
    mark: { type: 'line' as const, point: true },
    encoding: {
      x: { field: 'afterS', type: 'quantitative' as const, title: 'seconds after the failure' },
      y: { field, type: 'quantitative' as const, title: null, scale: { zero: false } },
      color: { field: 'failed', type: 'nominal' as const, title: '% failed' },
      strokeDash: { field: 'geometry', type: 'nominal' as const, title: null },
    },
  });
  return {
    data: { values: [...points] },
    hconcat: [
      panel('Lookups that find the owner, of keys whose owner lives', 'success'),
      panel('99th percentile of their latency, virtual ms', 'p99Ms'),
    ],
  };
}
