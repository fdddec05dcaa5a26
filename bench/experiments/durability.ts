import { type Key, ObjectStore, OverlayError, type OverlayNode, overlayDefaults } from '../../overlay/index.ts';
import { bySession, plotBySession, type SessionPoint } from './harness/by-session.ts';
import { Churn } from './harness/churn.ts';
import { CopyLedger } from './harness/copy-ledger.ts';
import { anyOf } from './harness/distributions.ts';
import {
  atMost,
  type Context,
  defineExperiment,
  fleetSize,
  type OptionSpecs,
  type OptionsOf,
  shareAtLeast,
  someAmount,
  someCount,
  type Target,
} from './harness/experiment.ts';
import { Fleet, joinMaxOption } from './harness/fleet.ts';
import { contactsOption, type Geometry, nodeOptions, oneGeometryOption } from './harness/geometries.ts';
import { wideArea } from './harness/networks.ts';
import { percentile, share } from './harness/statistics.ts';

const namespace = 'durability';
/** From this median session on, nothing may be lost that need not be. */
const safeSessionMin = 15;
const availabilityMin = 0.999;
/** Values written at one instant. */
const putsAtOnce = 50;

interface Point extends SessionPoint {
  readonly lost: number;
  readonly excusable: number;
  readonly availability: number;
}

const options = {
  nodes: { full: 1_000, quick: 40, about: 'nodes', ...fleetSize },
  sessions: { full: [1.4, 5, 15, 60], quick: [5], about: 'median sessions, minutes', ...someAmount },
  geometries: oneGeometryOption,
  contacts: contactsOption,
  joinMax: joinMaxOption,
  values: { full: 10_000, quick: 200, about: 'values, each stored once and never again', ...someCount },
  bytes: { full: 1_000, quick: 1_000, about: 'bytes of each value', ...someCount, max: overlayDefaults.valueBytesMax },
  repair: { full: 10, quick: 10, about: 'repair period, seconds: to notice a silent crash, be sure, and copy again' },
  hours: {
    full: 6,
    quick: 0.05,
    about: 'virtual hours of churn; Ctrl-C ends them early, with a report',
    ...someAmount,
  },
  gets: { full: 2, quick: 2, about: 'gets of any value each virtual second' },
} satisfies OptionSpecs;

interface Setting extends OptionsOf<typeof options> {
  readonly geometry: Geometry;
  readonly sessionMin: number;
}

export const durability = defineExperiment({
  name: 'durability',
  about: 'values that survive while nodes crash and join: losses, excusable or not, gets, and what repair costs',
  options,
  canEndEarly: true,
  async run(context, chosen) {
    const points = await bySession(chosen, (geometry, sessionMin) =>
      measure(context, { geometry, sessionMin, ...chosen }),
    );
    const plot = plotBySession(points, {
      'Values lost': ['lost', 'excusable'],
      'Share of gets that find a value': ['availability', 'availabilityOfAll'],
      'Bytes a second a node': ['repairBps', 'wireBps'],
    });
    return { rows: points, targets: points.flatMap(targetsOf), plot };
  },
});

function valuesAt(store: ObjectStore | undefined): string[] {
  return store ? [...store.scan(namespace)].map(({ resourceId }) => resourceId) : [];
}

interface Get {
  /** Its id only: a node that has crashed is not to stay in memory for what it asked. */
  readonly asker: Key;
  readonly value: string;
  state: 'open' | 'found' | 'failed';
  elapsedMs: number;
}

async function measure(context: Context, setting: Setting): Promise<Point | null> {
  if (context.ending.aborted) return null;
  const { geometry, nodes, joinMax, contacts, sessionMin, values, bytes, repair, hours, gets: getsPerS } = setting;
  context.progress(`${geometry}, ${nodes} nodes, median session ${sessionMin} min`);
  const stores = new Map<Key, ObjectStore>();
  const names = Array.from({ length: values }, (_, i) => `v${i}`);
  let bytesOfTheDead = 0;
  const fleet: Fleet = await Fleet.begin(context, nodes, joinMax, {
    network: wideArea(context.seed),
    node: nodeOptions(geometry, contacts),
    prepare: (node) => {
      const store = new ObjectStore(node);
      stores.set(node.self.id, store);
      store.watch(namespace, ({ resourceId }) => ledger.arrived(resourceId, node.self.id));
    },
  });
  const ledger = new CopyLedger({
    replicas: fleet.any().options.replicas,
    repairPeriodMs: repair * 1_000,
    has: (node, value) => valuesAt(stores.get(node)).includes(value),
  });
  const storeOf = (node: OverlayNode): ObjectStore => stores.get(node.self.id) as ObjectStore;
  await putAll(fleet, names, storeOf, bytes);
  const chunkBytesIn = (): number =>
    fleet.members.reduce((sum, node) => sum + node.counters().chunkBytesIn, bytesOfTheDead);
  const [chunkBytesBefore, wireBefore] = [chunkBytesIn(), fleet.sim.stats().bytes];

  const churning = new Churn(fleet, {
    medianSessionMs: sessionMin * 60_000,
    beforeCrash: (node) => {
      const store = storeOf(node);
      stores.delete(node.self.id);
      bytesOfTheDead += node.counters().chunkBytesIn;
      ledger.died(node.self.id, valuesAt(store), fleet.sim.nowMs);
    },
  });
  churning.start();
  const asked: Get[] = [];
  fleet.steadily(getsPerS, hours * 3_600, () => {
    if (!churning.isOver) asked.push(getOne(fleet, anyOf(fleet.random, names), storeOf));
  });
  context.progress(`churning for ${hours} virtual hours`);
  const beganMs = fleet.sim.nowMs;
  await fleet.pass(hours * 3_600_000, 'churning', context.ending);
  const durationS = (fleet.sim.nowMs - beganMs) / 1_000;
  if (durationS === 0) return null;
  const [repairBytes, wireBytes] = [chunkBytesIn() - chunkBytesBefore, fleet.sim.stats().bytes - wireBefore];
  churning.stop();
  await fleet.pass(60_000, 'coming to rest');

  const present = new Set([...stores.values()].flatMap(valuesAt));
  const lost = names.filter((name) => !present.has(name));
  const judged = asked.filter(({ state, asker }) => state !== 'open' || fleet.isMember(asker));
  const ofPresent = judged.filter(({ value }) => present.has(value));
  const found = (list: readonly Get[]): number => list.filter(({ state }) => state === 'found').length;
  const elapsed = judged.filter(({ state }) => state === 'found').map(({ elapsedMs }) => elapsedMs);
  return {
    geometry,
    sessionMin,
    hours: durationS / 3_600,
    crashes: churning.crashes,
    lost: lost.length,
    excusable: lost.filter((name) => ledger.losses.get(name)?.isExcusable).length,
    gets: judged.length,
    availability: share(found(ofPresent), ofPresent.length),
    availabilityOfAll: share(found(judged), judged.length),
    getP50Ms: percentile(elapsed, 0.5),
    getP99Ms: percentile(elapsed, 0.99),
    repairBps: repairBytes / durationS / nodes,
    wireBps: wireBytes / durationS / nodes,
  };
}

async function putAll(
  fleet: Fleet,
  names: readonly string[],
  storeOf: (node: OverlayNode) => ObjectStore,
  bytes: number,
): Promise<void> {
  const lifetimeMs = fleet.any().options.lifetimeMaxMs;
  for (let i = 0; i < names.length; i += putsAtOnce) {
    const puts = names.slice(i, i + putsAtOnce).map((name) => {
      const value = new Uint8Array(bytes).fill(Number(name.slice(1)));
      return storeOf(fleet.any()).put(namespace, name, 'only', value, lifetimeMs);
    });
    await fleet.sim.runUntil(Promise.all(puts), { virtualMsMax: 120_000 });
  }
}

function getOne(fleet: Fleet, value: string, storeOf: (node: OverlayNode) => ObjectStore): Get {
  const asker = fleet.any();
  const startedAtMs = fleet.sim.nowMs;
  const get: Get = { asker: asker.self.id, value, state: 'open', elapsedMs: 0 };
  const end = (isFound: boolean): void => {
    get.state = isFound ? 'found' : 'failed';
    get.elapsedMs = fleet.sim.nowMs - startedAtMs;
  };
  storeOf(asker)
    .get(namespace, value)
    .then(
      (items) => end(items.length === 1),
      (error: unknown) => {
        if (!(error instanceof OverlayError)) throw error;
        end(false);
      },
    );
  return get;
}

function targetsOf({ geometry, sessionMin, lost, excusable, availability }: Point): Target[] {
  if (sessionMin < safeSessionMin) return [];
  const name = `${geometry}, ${sessionMin} min`;
  return [
    atMost(`lost without excuse: ${name}`, lost - excusable, 0),
    shareAtLeast(`gets of what is there: ${name}`, availability, availabilityMin),
  ];
}
