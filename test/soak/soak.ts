import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bundleWorker } from '../../scripts/bundle-worker.ts';
import { randomStream } from '../../simulator/random.ts';
import { SoakFleet } from './fleet.ts';
import type { Reply } from './messages.ts';
import type { NodeProcess } from './node-process.ts';

export interface SoakOptions {
  readonly minutes: number;
  readonly nodes: number;
  readonly seed: number;
  /** Nodes come back with what they had on disk; then any number of them may be dead at the same time. */
  readonly isDurable: boolean;
  /** Tells how it goes. */
  readonly progress: (text: string) => void;
}

/** What was tried, and of that what succeeded. */
interface Tally {
  tried: number;
  done: number;
}

export interface Verdict {
  readonly kills: number;
  readonly puts: Tally;
  readonly gets: Tally;
  readonly inserts: Tally;
  readonly queries: Tally;
  /** Queries that said they were complete. */
  readonly completeQueries: number;
  /** What must not happen, in words; none in a good run. */
  readonly violations: readonly string[];
}

const replicas = 3;
/** Between two deaths of which one copy less is to be made good; detection takes a few seconds of it. */
const repairMs = 20_000;
/** Before the first is killed. */
const calmMs = 2_000;
/** Killed nodes stay dead for up to so long. */
const deadMsMax = 4_000;
const operationPauseMs = 20;
const callersOfEach = 4;
/** Ends an operation whose node neither answers nor dies, and what the last check waits for a value to come back. */
const operationTimeoutMs = 30_000;
const table = 'soak';

/**
 * Kills and restarts nodes while values and rows are written and read. Nothing that was acknowledged may be lost: never do
 * as many nodes die within one repair period as there are copies, or else all keep theirs on disk. Every answer that
 * calls itself complete must have each row acknowledged before the question and none that nobody wrote.
 */
export async function soak(options: SoakOptions): Promise<Verdict> {
  const random = randomStream(options.seed, 'soak');
  const worker = await bundleWorker(new URL('./worker.ts', import.meta.url), 'soak');
  const data = options.isDurable ? await mkdtemp(join(tmpdir(), 'wharf-soak-')) : null;
  const fleet = new SoakFleet({ nodes: options.nodes, replicas, data, worker }, random);
  let verdict: Verdict | null = null;
  try {
    options.progress(`${options.nodes} nodes start`);
    await fleet.start();
    verdict = await new Run(fleet, random, options).run();
    return verdict;
  } finally {
    await fleet.close();
    if (data !== null) {
      if (verdict?.violations.length === 0) await rm(data, { recursive: true });
      else options.progress(`what the nodes had on disk is in ${data}`);
    }
  }
}

class Run {
  readonly #fleet: SoakFleet;
  readonly #random: () => number;
  readonly #options: SoakOptions;
  readonly #values = new Map<string, string>();
  readonly #rows = new Set<number>();
  readonly #violations: string[] = [];
  readonly tallies = { puts: tally(), gets: tally(), inserts: tally(), queries: tally() };
  #number = 0;
  #rowsTried = 0;
  #completeQueries = 0;
  #kills = 0;
  #isOver = false;

  constructor(fleet: SoakFleet, random: () => number, options: SoakOptions) {
    this.#fleet = fleet;
    this.#random = random;
    this.#options = options;
  }

  async run(): Promise<Verdict> {
    const { minutes, isDurable, progress } = this.#options;
    await this.#sql(`CREATE TABLE ${table} (id int PRIMARY KEY, word text)`);
    const operations = [() => this.#put(), () => this.#get(), () => this.#insert(), () => this.#query()];
    // Several of each at once, since one whose copy just died waits until that is known.
    const work = Array.from({ length: callersOfEach }, () => operations.map((one) => this.#repeat(one))).flat();
    const killing = this.#killAndRevive();
    await sleep(minutes * 60_000);
    this.#isOver = true;
    await Promise.all([...work, killing]);
    if (isDurable) {
      progress('all nodes are killed at once');
      this.#kills += this.#fleet.size;
      await this.#fleet.restartAll();
    } else await this.#fleet.settle();
    progress('all nodes are up: what was acknowledged is read once more');
    await this.#checkAll();
    const counts = { kills: this.#kills, completeQueries: this.#completeQueries };
    return { ...this.tallies, ...counts, violations: this.#violations };
  }

  /** Kills in bursts of what the fleet must survive, each burst a repair period after the last. */
  async #killAndRevive(): Promise<void> {
    const burstMax = this.#options.isDurable ? this.#fleet.size : replicas - 1;
    const reviving: Promise<void>[] = [];
    await this.#pause(calmMs);
    for (;;) {
      const burst = 1 + Math.floor(this.#random() * burstMax);
      for (let i = 0; i < burst && !this.#isOver; i++) {
        await this.#pause(1_000 * this.#random());
        const { upIndices } = this.#fleet;
        const index = upIndices[Math.floor(this.#random() * upIndices.length)];
        if (index === undefined) break;
        const deadMs = deadMsMax * this.#random();
        this.#kills += 1;
        this.#options.progress(`node ${index} is killed, for ${Math.round(deadMs)} ms`);
        await this.#fleet.kill(index);
        reviving.push(sleep(deadMs).then(() => this.#fleet.revive(index)));
      }
      // The next period begins when all are back: a node that is about to join has no copies either.
      await Promise.all(reviving.splice(0));
      if (this.#isOver) return;
      await this.#pause(repairMs);
    }
  }

  async #pause(ms: number): Promise<void> {
    for (let left = ms; left > 0 && !this.#isOver; left -= 100) await sleep(Math.min(left, 100));
  }

  async #repeat(operation: () => Promise<void>): Promise<void> {
    while (!this.#isOver) {
      await operation();
      await sleep(operationPauseMs);
    }
  }

  // ---- Operations, each at some node that is up

  async #put(): Promise<void> {
    this.#number += 1;
    const [name, value] = [`value ${this.#number}`, `${this.#options.seed}/${this.#number}`];
    const done = await this.#count('puts', () => this.#node().ask({ type: 'put', name, value }));
    if (done) this.#values.set(name, value);
  }

  async #get(): Promise<void> {
    const [name, value] = [...this.#values][Math.floor(this.#random() * this.#values.size)] ?? [];
    if (name === undefined || value === undefined) return;
    await this.#count('gets', async () => {
      const got = await this.#node().ask({ type: 'get', name });
      if (got.value !== null && got.value !== value) this.#violations.push(`${name} reads ${got.value}, not ${value}`);
      if (got.value === null) throw new Error('not there');
    });
  }

  async #insert(): Promise<void> {
    this.#rowsTried += 1;
    const id = this.#rowsTried;
    const done = await this.#count('inserts', () => this.#sql(`INSERT INTO ${table} VALUES (${id}, 'word ${id}')`));
    if (done) this.#rows.add(id);
  }

  async #query(): Promise<void> {
    const acknowledged = this.#rows.size;
    await this.#count('queries', async () => {
      const { rows, doubts } = await this.#sql(`SELECT count(*) FROM ${table}`);
      const count = Number(rows[0]?.[0]);
      if (doubts !== null) return;
      this.#completeQueries += 1;
      if (count < acknowledged || count > this.#rowsTried) {
        const between = `between ${acknowledged} and ${this.#rowsTried}`;
        this.#violations.push(`an answer said complete with ${count} rows, and there were ${between}`);
      }
    });
  }

  async #checkAll(): Promise<void> {
    const unread = new Map(this.#values);
    await eventually(async () => {
      for (const [name, value] of unread) {
        const got = await this.#node().ask({ type: 'get', name });
        if (got.value === value) unread.delete(name);
      }
      return unread.size === 0;
    });
    for (const name of unread.keys()) this.#violations.push(`${name} was acknowledged and is lost`);
    let ids = new Set<number>();
    let doubts: readonly string[] = [];
    const isWhole = async (): Promise<boolean> => {
      const answer = await this.#sql(`SELECT id FROM ${table}`);
      ids = new Set(answer.rows.map(([id]) => Number(id)));
      doubts = answer.doubts ?? [];
      return answer.doubts === null && [...this.#rows].every((id) => ids.has(id));
    };
    if (await eventually(isWhole)) return;
    const lost = [...this.#rows].filter((id) => !ids.has(id));
    for (const id of lost) this.#violations.push(`row ${id} was acknowledged and is lost`);
    if (lost.length === 0) {
      // Some nodes are listed as missing for minutes after they died: an honest answer, but no proof of a loss.
      this.#options.progress(
        `all rows are there, although the answer does not call itself complete: ${doubts.join('; ')}`,
      );
    }
  }

  #node(): NodeProcess {
    const { up } = this.#fleet;
    const node = up[Math.floor(this.#random() * up.length)];
    if (node === undefined) throw new Error('no node is up');
    return node;
  }

  #sql(sql: string): Promise<Extract<Reply, { type: 'answer' }>> {
    return this.#node().ask({ type: 'sql', sql });
  }

  /** Whether it succeeded. */
  async #count(kind: keyof Run['tallies'], operation: () => Promise<unknown>): Promise<boolean> {
    const counted = this.tallies[kind];
    counted.tried += 1;
    try {
      await within(operationTimeoutMs, operation());
      counted.done += 1;
      return true;
    } catch {
      return false;
    }
  }
}

function tally(): Tally {
  return { tried: 0, done: 0 };
}

async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  const giveUp = new AbortController();
  const late = sleep(ms, undefined, { signal: giveUp.signal }).then(() =>
    Promise.reject(new Error('no answer in time')),
  );
  late.catch(() => undefined);
  return Promise.race([promise, late]).finally(() => giveUp.abort());
}

async function eventually(isSo: () => Promise<boolean>): Promise<boolean> {
  const deadlineMs = performance.now() + operationTimeoutMs;
  while (performance.now() < deadlineMs) {
    if (await within(operationTimeoutMs, isSo()).catch(() => false)) return true;
    await sleep(200);
  }
  return false;
}
