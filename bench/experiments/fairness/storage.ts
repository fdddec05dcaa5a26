import { type Bid, FairAdmission } from '../../../overlay/store/fair-admission.ts';
import { type Random, randomStream } from '../../../simulator/random.ts';

/** Somebody who puts values of one size and lifetime at an even pace. */
export interface Client {
  readonly name: string;
  readonly bytes: number;
  readonly lifetimeMs: number;
  /** Mean time between two puts. */
  readonly gapMs: number;
  readonly startMs: number;
}

export interface Disk {
  /** Bytes a second that are always accepted. */
  readonly rateMin: number;
  readonly lifetimeMaxMs: number;
  readonly valueBytesMax: number;
}

/** One accepted put. */
export interface Accepted {
  readonly client: number;
  readonly atMs: number;
  readonly waitMs: number;
}

export interface Run {
  readonly accepted: readonly Accepted[];
  /** Puts that their client's full queue turned away, by client. */
  readonly refused: readonly number[];
}

interface Put extends Bid {
  readonly number: number;
  readonly atMs: number;
}

/** A part of the mean. */
const gapDeviation = 0.1;

/** One disk and its clients in virtual time. Nobody tries again. */
export function runDisk(seed: number, disk: Disk, clients: readonly Client[], untilMs: number): Run {
  const { rateMin, lifetimeMaxMs, valueBytesMax } = disk;
  const capacityBytes = (rateMin * lifetimeMaxMs) / 1_000 + valueBytesMax;
  const admission = new FairAdmission<Put>({ capacityBytes, lifetimeMaxMs, valueBytesMax });
  const random = randomStream(seed, 'puts');
  const accepted: Accepted[] = [];
  const refused = clients.map(() => 0);
  // The first put of each at any moment of its first gap.
  const due = clients.map(({ startMs, gapMs }) => startMs + gapMs * random());
  for (let nowMs = 0; ; ) {
    const number = due.indexOf(Math.min(...due));
    const wakeAtMs = admission.nextAtMs(nowMs);
    nowMs = Math.min(due[number] ?? Number.POSITIVE_INFINITY, wakeAtMs);
    if (nowMs > untilMs) return { accepted, refused };
    const client = clients[number];
    if (client && due[number] === nowMs) {
      const { name, bytes, lifetimeMs, gapMs } = client;
      const isQueued = admission.offer({ client: name, bytes, lifetimeMs, number, atMs: nowMs });
      if (!isQueued) refused[number] = (refused[number] ?? 0) + 1;
      due[number] = nowMs + Math.max(0, gapMs * (1 + gapDeviation * normal(random)));
    }
    for (let put = admission.accept(nowMs); put; put = admission.accept(nowMs)) {
      accepted.push({ client: put.number, atMs: nowMs, waitMs: nowMs - put.atMs });
    }
  }
}

/** Box and Muller: mean 0, standard deviation 1. */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
