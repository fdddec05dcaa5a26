import assert from 'node:assert/strict';
import type { Address } from '../overlay/index.ts';
import { Clock, ticksPerMs } from './clock.ts';
import { SimulatedDisk } from './disk.ts';
import { type SimulatedHost, SimulatedRuntime, SimulatedTransport } from './host.ts';
import type { Station } from './link.ts';
import { Network, type NetworkOptions, type NetworkStats } from './network.ts';
import { type Random, randomStream } from './random.ts';

export interface SimulationOptions extends Partial<NetworkOptions> {
  /** Everything left to chance follows from it: the same seed and program give the same run, to the byte. */
  readonly seed: number;
}

export interface RunLimit {
  /** Virtual milliseconds, from the call. */
  readonly virtualMsMax: number;
}

const networkDefaults: NetworkOptions = {
  oneWayDelayMs: 40,
  jitterMs: 0,
  inboundBytesPerSecond: 1_250_000, // 10 Mbit/s
  outboundBytesPerSecond: Number.POSITIVE_INFINITY,
  lossRate: 0,
  silentCrashes: false,
};

/** Instants between two turns of the event loop, in which timers of the test and signals have their chance. */
const instantsPerTurn = 256;

const settled = Promise.resolve();

/**
 * Calls `instant` until it returns false, each time when every microtask has run, however long their chain. Node sees to
 * that before it calls what a microtask gives to `nextTick`: much cheaper than a turn of the event loop, or than to await
 * a promise. What others give to `nextTick` may come an instant later.
 */
function eachInstant(instant: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    let instants = 0;
    const next = (): void => {
      try {
        if (!instant()) {
          resolve();
          return;
        }
      } catch (error) {
        reject(error);
        return;
      }
      instants += 1;
      if (instants % instantsPerTurn === 0) setImmediate(next);
      else void settled.then(afterMicrotasks);
    };
    const afterMicrotasks = (): void => process.nextTick(next);
    setImmediate(next);
  });
}

/** A run that failed. Its message carries the seed and the virtual time, which are all it takes to see it again. */
export class SimulationError extends Error {
  override readonly name = 'SimulationError';
  readonly seed: number;
  readonly virtualMs: number;

  constructor(seed: number, virtualMs: number, message: string, options?: ErrorOptions) {
    super(`${message} (seed ${seed}, virtual time ${virtualMs} ms)`, options);
    this.seed = seed;
    this.virtualMs = virtualMs;
  }
}

/**
 * A discrete-event simulation of machines and their network in virtual time. Nodes run the code they always run, on
 * the runtimes and transports of `host`; faults are commanded by the test, and time moves only within `runFor` and
 * `runUntil`.
 */
export class Simulation {
  readonly seed: number;
  /** Chance for the test itself, such as which host to crash; it disturbs neither network nor nodes. */
  readonly random: Random;
  readonly #clock = new Clock();
  readonly #network: Network;
  readonly #hosts = new Map<Address, SimulatedHost>();
  readonly #disks = new Map<Address, SimulatedDisk>();
  #isRunning = false;

  constructor({ seed, ...network }: SimulationOptions) {
    this.seed = seed;
    this.random = randomStream(seed, 'faults');
    this.#network = new Network(this.#clock, randomStream(seed, 'network'), { ...networkDefaults, ...network });
  }

  /** Virtual milliseconds since the start. */
  get nowMs(): number {
    return this.#clock.nowMs;
  }

  /** The host at this address in its present life, started by the first call. */
  host(address: Address): SimulatedHost {
    const host = this.#hosts.get(address);
    if (host && this.#network.station(address)) return host;
    assert(!this.#network.machine(address), `${address} is down: restart it`);
    return this.#start(address);
  }

  /** The disk of a machine, the same in all its lives. */
  disk(address: Address): SimulatedDisk {
    const disk = this.#disks.get(address) ?? new SimulatedDisk(randomStream(this.seed, `disk ${address}`));
    this.#disks.set(address, disk);
    return disk;
  }

  /** At once: its timers never fire, its sends vanish, and unless crashes are silent its peers' links break. */
  crash(address: Address): void {
    this.#network.crash(this.#up(address));
    this.#hosts.delete(address);
  }

  /** A new life, for a new node to be built on; a host that is up crashes first. */
  restart(address: Address): SimulatedHost {
    assert(this.#network.machine(address), `${address} was never started`);
    const station = this.#network.station(address);
    if (station) this.#network.crash(station);
    return this.#start(address);
  }

  /** From now on nothing passes between the two groups, and neither is told. Partitions add up until `heal`. */
  partition(groupA: Iterable<Address>, groupB: Iterable<Address>): void {
    this.#network.partition(groupA, groupB);
  }

  heal(): void {
    this.#network.heal();
  }

  /** Share of frames that vanish from now on, 0 to 1. */
  setLossRate(lossRate: number): void {
    this.#network.setLossRate(lossRate);
  }

  /** How far the wall clock of a machine is ahead (or behind, if negative), over all its lives. */
  setClockSkew(address: Address, skewMs: number): void {
    const machine = this.#network.machine(address);
    assert(machine, `${address} was never started`);
    machine.clockSkewMs = skewMs;
  }

  /** Calls `run` at this virtual time, in milliseconds since the start: now or later. */
  at(virtualMs: number, run: () => void): void {
    this.#clock.call(Math.ceil(virtualMs * ticksPerMs), run);
  }

  /** Lets `virtualMs` of virtual time pass. */
  async runFor(virtualMs: number): Promise<void> {
    await this.#run(virtualMs, () => false);
  }

  /**
   * Runs until the predicate, asked after every instant, holds or the promise is fulfilled, whose value it returns.
   * @throws SimulationError when that does not happen within the limit or there is nothing left that could happen
   */
  async runUntil(goal: () => boolean, limit: RunLimit): Promise<void>;
  async runUntil<T>(goal: Promise<T>, limit: RunLimit): Promise<T>;
  async runUntil<T>(goal: Promise<T> | (() => boolean), { virtualMsMax }: RunLimit): Promise<T | undefined> {
    let isSettled = false;
    const settle = () => {
      isSettled = true;
    };
    if (typeof goal !== 'function') goal.then(settle, settle);
    const isReached = typeof goal === 'function' ? goal : () => isSettled;
    if (!(await this.#run(virtualMsMax, isReached))) {
      const why = this.#clock.idle ? ': nothing is left to happen' : '';
      throw this.#error(`not reached within ${virtualMsMax} virtual ms${why}`);
    }
    return typeof goal === 'function' ? undefined : goal;
  }

  /** Equal for equal runs: a hash over the time, ends and bytes of every delivery and every broken link so far. */
  digest(): string {
    return this.#network.digest();
  }

  stats(): NetworkStats {
    return this.#network.stats();
  }

  #start(address: Address): SimulatedHost {
    const station = this.#network.start(address);
    const random = randomStream(this.seed, `host ${address} life ${station.machine.lives}`);
    const runtime = new SimulatedRuntime(this.#clock, station, random);
    const host = { address, runtime, transport: new SimulatedTransport(this.#network, station) };
    this.#hosts.set(address, host);
    return host;
  }

  #up(address: Address): Station {
    const station = this.#network.station(address);
    assert(station, `${address} is not up`);
    return station;
  }

  /** True as soon as `isReached`; false when `virtualMs` have passed. */
  async #run(virtualMs: number, isReached: () => boolean): Promise<boolean> {
    assert(Number.isFinite(virtualMs), 'a run has a limit');
    const tickMax = this.#clock.tick + Math.ceil(virtualMs * ticksPerMs);
    assert(!this.#isRunning, 'the simulation is running already');
    this.#isRunning = true;
    try {
      let hasReached = false;
      await eachInstant(() => {
        hasReached = isReached();
        return !hasReached && this.#clock.step(tickMax);
      });
      if (hasReached) return true;
      this.#clock.skipTo(tickMax);
      return isReached();
    } catch (cause) {
      throw this.#error(cause instanceof Error ? cause.message : String(cause), { cause });
    } finally {
      this.#isRunning = false;
    }
  }

  #error(message: string, options?: ErrorOptions): SimulationError {
    return new SimulationError(this.seed, this.nowMs, message, options);
  }
}
