import assert from 'node:assert/strict';
import { type Address, frameBytesMax, type Runtime, type Timer, type Transport } from '../overlay/index.ts';
import type { Clock } from './clock.ts';
import { Event } from './event-queue.ts';
import type { Station } from './link.ts';
import type { Network } from './network.ts';
import type { Random } from './random.ts';

/** One life of a simulated machine: what a node is built on. */
export interface SimulatedHost {
  readonly address: Address;
  readonly runtime: Runtime;
  readonly transport: Transport;
}

/** What every wall clock shows at virtual time zero, but for its skew. */
export const virtualEpochMs = Date.UTC(2026, 0, 1);

export class SimulatedRuntime implements Runtime {
  readonly #clock: Clock;
  readonly #station: Station;
  readonly #random: Random;
  #latestMs = 0;

  constructor(clock: Clock, station: Station, random: Random) {
    this.#clock = clock;
    this.#station = station;
    this.#random = random;
  }

  now(): number {
    const nowMs = virtualEpochMs + this.#clock.nowMs + this.#station.machine.clockSkewMs;
    // A clock that is set back stands still until the old time is reached.
    this.#latestMs = Math.max(this.#latestMs, nowMs);
    return this.#latestMs;
  }

  after(delayMs: number, run: () => void): Timer {
    const timer = new VirtualTimer(this.#clock, this.#station, run);
    if (this.#station.alive) this.#clock.schedule(timer, this.#clock.tickAfter(delayMs));
    return timer;
  }

  random(): number {
    return this.#random();
  }
}

class VirtualTimer extends Event implements Timer {
  readonly #clock: Clock;
  readonly #station: Station;
  readonly #run: () => void;

  constructor(clock: Clock, station: Station, run: () => void) {
    super();
    this.#clock = clock;
    this.#station = station;
    this.#run = run;
  }

  fire(): void {
    if (this.#station.alive) this.#run();
  }

  cancel(): void {
    this.#clock.cancel(this);
  }
}

export class SimulatedTransport implements Transport {
  readonly address: Address;
  readonly #network: Network;
  readonly #station: Station;

  constructor(network: Network, station: Station) {
    this.address = station.address;
    this.#network = network;
    this.#station = station;
  }

  send(to: Address, frame: Uint8Array): void {
    if (frame.length > frameBytesMax) assert.fail(`a frame of ${frame.length} bytes is longer than ${frameBytesMax}`);
    this.#network.send(this.#station, to, frame);
  }

  queuedBytes(to: Address): number {
    return this.#network.queuedBytes(this.#station, to);
  }

  onFrame(receive: (from: Address, frame: Uint8Array) => void): void {
    this.#station.onFrame = receive;
  }

  onLinkDown(receive: (peer: Address, reason: string) => void): void {
    this.#station.onLinkDown = receive;
  }

  reject(peer: Address, reason: string): void {
    this.#network.reject(this.#station, peer, reason);
  }

  async close(): Promise<void> {
    if (this.#station.alive) this.#network.close(this.#station);
  }
}
