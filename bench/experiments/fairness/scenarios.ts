import { mean, share } from '../harness/statistics.ts';
import { type Accepted, type Client, type Disk, runDisk } from './storage.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const bytesMax = 1_000;
const rateMin = 1_000;

/** What one client got in one stretch of time. */
export interface StarvationRow {
  readonly client: string;
  readonly fromHour: number;
  /** Clients that put by then. */
  readonly clients: number;
  /** Accepted, bytes a second. */
  readonly rate: number;
}

export interface StarvationResult {
  readonly rows: readonly StarvationRow[];
  /** How far a client's put rate was from the mean of its stretch at most, as a part of it. */
  readonly rateDeviation: number;
  /** The same of what each stores, one longest lifetime after the last client came. */
  readonly shareDeviation: number;
}

/** Greedy clients come one after the other: none may be kept out by what others stored before. */
export function runStarvation(seed: number, count: number, startEveryMs = 2 * hourMs): StarvationResult {
  const disk: Disk = { rateMin, lifetimeMaxMs: 3 * hourMs, valueBytesMax: bytesMax };
  const clients: Client[] = Array.from({ length: count }, (_, i) => ({
    name: `client ${i + 1}`,
    bytes: bytesMax,
    lifetimeMs: disk.lifetimeMaxMs,
    gapMs: (1_000 * bytesMax) / rateMin,
    startMs: i * startEveryMs,
  }));
  const lastStartMs = (count - 1) * startEveryMs;
  const endMs = lastStartMs + disk.lifetimeMaxMs;
  const { accepted } = runDisk(seed, disk, clients, endMs);
  const rows: StarvationRow[] = [];
  const stretchMs = startEveryMs / 4;
  for (let fromMs = 0; fromMs + stretchMs <= endMs; fromMs += stretchMs) {
    const here = clients.filter(({ startMs }) => startMs <= fromMs);
    for (const [i, { name }] of here.entries()) {
      const puts = accepted.filter(({ client, atMs }) => client === i && atMs > fromMs && atMs <= fromMs + stretchMs);
      const rate = (puts.length * bytesMax * 1_000) / stretchMs;
      rows.push({ client: name, fromHour: fromMs / hourMs, clients: here.length, rate });
    }
  }
  const stretches = new Set(rows.map(({ fromHour }) => fromHour));
  const ratesFrom = (hour: number): number[] => rows.flatMap(({ fromHour, rate }) => (fromHour === hour ? [rate] : []));
  const stored = clients.map(
    (_, i) => accepted.filter(({ client, atMs }) => client === i && atMs > lastStartMs).length,
  );
  return {
    rows,
    rateDeviation: Math.max(...[...stretches].map((hour) => deviation(ratesFrom(hour)))),
    shareDeviation: deviation(stored),
  };
}

/** One client of a fairness test: its kind, what it bid, what it got. */
export interface FairnessRow {
  readonly test: number;
  readonly group: number;
  readonly bytes: number;
  readonly lifetimeMin: number;
  /** In fifteenths of the disk. */
  readonly bid: number;
  /** In fifteenths of the disk: what max-min fairness gives and what it had. */
  readonly fair: number;
  readonly got: number;
  readonly waitMs: number;
  readonly refused: number;
}

const kinds = [
  { bytes: 1_000, lifetimeMin: 60 },
  { bytes: 1_000, lifetimeMin: 30 },
  { bytes: 1_000, lifetimeMin: 12 },
  { bytes: 500, lifetimeMin: 60 },
  { bytes: 200, lifetimeMin: 60 },
];

/** What each group bids, in shares of a fifteenth: of space over time, so alike for all sizes and lifetimes. */
const tests = [
  [1, 1, 0.5],
  [2, 1, 0.5],
  [3, 1, 0.5],
];

/** Fifteen clients of five kinds: everybody gets what it bids or a fair share, and who bids less waits less. */
export function runShares(seed: number, hours = 4): FairnessRow[] {
  const disk: Disk = { rateMin, lifetimeMaxMs: hourMs, valueBytesMax: bytesMax };
  const shareCost = (rateMin / 1_000) * hourMs * (1 / 15);
  return tests.flatMap((bids, t) => {
    const settings = bids.flatMap((bid, g) => kinds.map((kind) => ({ test: t + 1, group: g + 1, bid, ...kind })));
    const clients = settings.map(({ group, bid, bytes, lifetimeMin }) => ({
      name: `group ${group}, ${bytes} bytes, ${lifetimeMin} min`,
      bytes,
      lifetimeMs: lifetimeMin * minuteMs,
      gapMs: (bytes * lifetimeMin * minuteMs) / (shareCost * bid),
      startMs: 0,
    }));
    const fromMs = hourMs; // By then the disk is full.
    const untilMs = hours * hourMs;
    const { accepted, refused } = runDisk(seed, disk, clients, untilMs);
    const fair = maxMinShares(
      settings.map(({ bid }) => bid),
      15,
    );
    return settings.map((setting, i) => {
      const puts = accepted.filter((put: Accepted) => put.client === i && put.atMs > fromMs);
      const cost = puts.length * setting.bytes * setting.lifetimeMin * minuteMs;
      return {
        ...setting,
        fair: fair[i] ?? 0,
        got: cost / (untilMs - fromMs) / shareCost,
        waitMs: mean(puts.map(({ waitMs }) => waitMs)),
        refused: share(refused[i] ?? 0, (refused[i] ?? 0) + accepted.filter(({ client }) => client === i).length),
      };
    });
  });
}

/** Everybody gets the least of its bid and an equal share of what others leave. */
function maxMinShares(bids: readonly number[], whole: number): number[] {
  let level = 0;
  let left = whole;
  const ascending = bids.toSorted((a, b) => a - b);
  for (const [i, bid] of ascending.entries()) {
    const equal = left / (ascending.length - i);
    level = Math.min(bid, equal);
    left -= level;
  }
  return bids.map((bid) => Math.min(bid, level));
}

function deviation(values: readonly number[]): number {
  const middle = mean(values);
  return Math.max(...values.map((value) => Math.abs(value - middle))) / middle;
}
