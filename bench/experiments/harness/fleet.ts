import { strict as assert } from 'node:assert';
import { performance } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { type Key, OverlayError, OverlayNode, type OverlayOptions } from '../../../overlay/index.ts';
import { Simulation, type SimulationOptions } from '../../../simulator/index.ts';
import { type Random, randomStream } from '../../../simulator/random.ts';
import { acquaintances } from './acquaintances.ts';
import { anyOf, partOf, sample } from './distributions.ts';
import type { Context } from './experiment.ts';
import { Oracle } from './oracle.ts';
import { type Tap, TappedTransport } from './tapped-transport.ts';

export interface FleetOptions {
  readonly network?: Partial<SimulationOptions>;
  readonly node?: Partial<OverlayOptions>;
  /** Prepares each node before it enters the ring. */
  readonly prepare?: (node: OverlayNode) => void;
  /** Is shown every frame that a node sends. */
  readonly tap?: Tap;
}

/** For the option of an experiment. */
export const joinMaxOption = {
  full: 256,
  quick: 256,
  about: 'largest fleet that grows by joins; a larger one is founded at once, with tables filled',
} as const;

/** Nodes that join at once: enough to be quick, few enough for the ring to follow. */
const waveMax = 256;
const seedsTried = 3;
const rejoinAfterMs = 1_000;
const settleMsMax = 600_000;
/** How much virtual time passes between two looks at whether a goal is reached. */
const lookEveryMs = 1_000;
const progressEveryMs = 5_000;

/** Simulated full nodes that form one ring, and the truth about who belongs to it. */
export class Fleet {
  readonly sim: Simulation;
  readonly oracle: Oracle;
  /** Chance for the experiment: it disturbs neither network nor nodes. */
  readonly random: Random;
  readonly #context: Context;
  readonly #options: FleetOptions;
  /** Nodes that have joined and are up, in no order that matters. */
  readonly #members: OverlayNode[] = [];
  readonly #indexes = new Map<Key, number>();
  readonly #crashed = new WeakSet<OverlayNode>();
  #built = 0;
  #reportedAtMs = 0;

  constructor(context: Context, options: FleetOptions = {}) {
    this.#context = context;
    this.#options = options;
    this.oracle = new Oracle(options.node?.geometry);
    this.sim = new Simulation({ seed: context.seed, ...options.network });
    this.random = randomStream(context.seed, 'experiment');
  }

  /** A ring of `count` nodes that has come to rest: each node owns what it should and has its data. */
  static async start(context: Context, count: number, options: FleetOptions = {}): Promise<Fleet> {
    const fleet = new Fleet(context, options);
    await fleet.grow(count);
    return fleet;
  }

  /**
   * The same, but the nodes begin the ring together, having heard of each other as if they had long been there (see
   * `acquaintances`): a fleet of ten thousand does not grow within minutes. They have yet to speak for the first time.
   */
  static async found(context: Context, count: number, options: FleetOptions = {}): Promise<Fleet> {
    const fleet = new Fleet(context, options);
    const nodes = Array.from({ length: count }, () => fleet.build());
    const contacts = nodes.map(({ self }) => self).sort((a, b) => (a.id < b.id ? -1 : 1));
    const places = new Map(contacts.map(({ id }, place) => [id, place]));
    for (const node of nodes) {
      const place = places.get(node.self.id) as number;
      node.bootstrap(acquaintances(contacts, place, node.options, fleet.random));
      fleet.#enter(node);
      fleet.#report(`${fleet.size} of ${count} nodes have begun`);
    }
    await fleet.#settle();
    return fleet;
  }

  /** Founds the ring, unless there is one, and lets nodes join it until there are `count`. */
  async grow(count: number): Promise<void> {
    if (this.size === 0) {
      const first = this.build();
      first.bootstrap();
      this.#enter(first);
    }
    while (this.size < count) {
      const wave = Math.min(this.size, waveMax, count - this.size);
      const joins = Array.from({ length: wave }, () => this.join());
      await this.sim.runUntil(Promise.all(joins), { virtualMsMax: 600_000 });
      this.#report(`${this.size} of ${count} nodes have joined`);
    }
    await this.#settle();
  }

  /** By joins while there are few enough of them, otherwise at once. */
  static async begin(context: Context, count: number, joinMax: number, options: FleetOptions = {}): Promise<Fleet> {
    return await (count > joinMax ? Fleet.found : Fleet.start)(context, count, options);
  }

  async #settle(): Promise<void> {
    const isAtRest = await this.until(() => this.isWhole() && this.isSettled(), settleMsMax, 'settling');
    if (!isAtRest) this.#context.progress(`the ring has not settled within ${settleMsMax / 1_000} virtual s`);
  }

  get members(): readonly OverlayNode[] {
    return this.#members;
  }

  get size(): number {
    return this.#members.length;
  }

  any(): OverlayNode {
    return anyOf(this.random, this.#members);
  }

  isMember(id: Key): boolean {
    return this.#indexes.has(id);
  }

  /** A node on a machine of its own that has not joined yet. */
  build(): OverlayNode {
    const { runtime, transport } = this.sim.host(`n${this.#built++}:1`);
    const { node: options, prepare, tap } = this.#options;
    const seen = tap ? new TappedTransport(transport, tap) : transport;
    const node = new OverlayNode({ runtime, transport: seen, ...(options && { options }) });
    prepare?.(node);
    return node;
  }

  /** A new node that tries until it is let in; one that crashes meanwhile never is. */
  async join(node = this.build()): Promise<OverlayNode> {
    for (;;) {
      try {
        await node.join(sample(this.random, this.#members, seedsTried).map(({ self }) => self.address));
        // It may have crashed at this very instant.
        if (!this.#crashed.has(node)) this.#enter(node);
        return node;
      } catch (error) {
        if (!(error instanceof OverlayError)) throw error;
        await new Promise<void>((resolve) => node.runtime.after(rejoinAfterMs, resolve));
      }
    }
  }

  /** Also for a node that is still joining. */
  crash(node: OverlayNode): void {
    this.sim.crash(node.self.address);
    this.#crashed.add(node);
    const index = this.#indexes.get(node.self.id);
    if (index === undefined) return;
    const last = this.#members.pop() as OverlayNode;
    if (last !== node) {
      this.#members[index] = last;
      this.#indexes.set(last.self.id, index);
    }
    this.#indexes.delete(node.self.id);
    this.oracle.remove(node.self.id);
  }

  /** Members, drawn by chance, that all crash now; one at least stays. @param fraction 0 to 1 */
  crashFraction(fraction: number): OverlayNode[] {
    const victims = partOf(this.random, this.#members, fraction);
    for (const victim of victims) this.crash(victim);
    return victims;
  }

  /** Whether every member has complete copies of all that it must keep. */
  isSettled(): boolean {
    return this.#members.every((node) => node.isSettled);
  }

  /** Whether every member owns exactly what it should. */
  isWhole(): boolean {
    return this.#members.every((node) => {
      return node.region().equals(this.oracle.region(node.self.id));
    });
  }

  /** Lets virtual time pass, unless the user wants an end. */
  async pass(virtualMs: number, doing: string, ending?: AbortSignal): Promise<void> {
    const endMs = this.sim.nowMs + virtualMs;
    while (this.sim.nowMs < endMs && !ending?.aborted) {
      await this.sim.runFor(Math.min(lookEveryMs, endMs - this.sim.nowMs));
      this.#report(`${doing}: ${Math.ceil((endMs - this.sim.nowMs) / 1_000)} virtual s to go`);
      await hearSignals();
    }
  }

  /** From now on has something done so many times each virtual second, at equal distances. */
  steadily(timesPerSecond: number, durationS: number, act: () => void): void {
    for (let i = 0; i < durationS * timesPerSecond; i++) {
      this.sim.at(this.sim.nowMs + (i * 1_000) / timesPerSecond, act);
    }
  }

  /** Lets time pass until the goal is reached, looked at now and then; returns whether it was, within the limit. */
  async until(goal: () => boolean, virtualMsMax: number, doing: string): Promise<boolean> {
    const endMs = this.sim.nowMs + virtualMsMax;
    while (this.sim.nowMs < endMs) {
      if (goal()) return true;
      await this.sim.runFor(Math.min(lookEveryMs, endMs - this.sim.nowMs));
      this.#report(`${doing}, virtual time ${Math.round(this.sim.nowMs / 1_000)} s`);
      await hearSignals();
    }
    return goal();
  }

  #enter(node: OverlayNode): void {
    assert(!this.#indexes.has(node.self.id), 'a node enters once');
    this.#indexes.set(node.self.id, this.#members.length);
    this.#members.push(node);
    this.oracle.add(node.self);
  }

  #report(text: string): void {
    if (performance.now() - this.#reportedAtMs < progressEveryMs) return;
    this.#reportedAtMs = performance.now();
    this.#context.progress(text);
  }
}

/** Virtual time passes within one turn of the event loop, which hears of Ctrl-C between turns. */
function hearSignals(): Promise<void> {
  return setImmediate();
}
