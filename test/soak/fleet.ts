import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { randomKey } from '../../overlay/index.ts';
import { NodeProcess } from './node-process.ts';

interface Seat {
  readonly id: string;
  /** Where the node keeps its state, if it does. */
  readonly data: string | null;
  port: number;
  address: string;
  /** Null while the node is dead. */
  process: NodeProcess | null;
}

const joinAttemptsMax = 10;
const joinRetryMs = 1_000;

export interface SoakFleetOptions {
  readonly nodes: number;
  readonly replicas: number;
  /** Directory for the nodes' data directories; null: they have none. */
  readonly data: string | null;
  /** The program that each process runs. */
  readonly worker: string;
}

/** Nodes in processes of their own, on fixed places of the ring and on fixed ports; each is up or dead. */
export class SoakFleet {
  readonly #seats: readonly Seat[];
  readonly #replicas: number;
  readonly #worker: string;
  #isClosed = false;

  constructor({ nodes, replicas, data, worker }: SoakFleetOptions, random: () => number) {
    this.#worker = worker;
    this.#replicas = replicas;
    this.#seats = Array.from({ length: nodes }, (_, i) => ({
      id: randomKey(random),
      data: data && join(data, `node-${i}`),
      port: 0,
      address: '',
      process: null,
    }));
  }

  get size(): number {
    return this.#seats.length;
  }

  get up(): readonly NodeProcess[] {
    return this.#seats.flatMap(({ process }) => process ?? []);
  }

  /** Where those nodes sit. */
  get upIndices(): readonly number[] {
    return this.#seats.flatMap(({ process }, index) => (process === null ? [] : [index]));
  }

  async start(): Promise<void> {
    await this.revive(0);
    await Promise.all(this.#seats.slice(1).map((_, i) => this.revive(i + 1)));
    await this.settle();
  }

  /** Resolves when all nodes are up, know each other, and have the data that they should have. */
  async settle(): Promise<void> {
    await Promise.all(this.up.map((process) => process.ask({ type: 'ready', nodes: this.size })));
  }

  async kill(index: number): Promise<void> {
    const seat = this.#seat(index);
    const { process } = seat;
    seat.process = null;
    await process?.kill();
  }

  /** All at once, as when the power fails, and all at once again: of what they knew, only their disks are left. */
  async restartAll(): Promise<void> {
    const indices = this.#seats.map((_, index) => index);
    await Promise.all(indices.map((index) => this.kill(index)));
    await Promise.all(indices.map((index) => this.revive(index)));
    await this.settle();
  }

  /** A new life of the same node: its identity, its port and its disk, nothing of its memory. */
  async revive(index: number): Promise<void> {
    const seat = this.#seat(index);
    const members = this.#seats.flatMap((other) => (other.process !== null ? [other.address] : []));
    for (let attempt = 1; !this.#isClosed; attempt++) {
      const process = new NodeProcess(this.#worker);
      try {
        const { id, port, data } = seat;
        const start = { type: 'start', id, port, data, join: members, replicas: this.#replicas } as const;
        seat.address = (await process.ask(start)).address;
        seat.port = Number(seat.address.split(':').at(-1));
        if (this.#isClosed) await process.kill();
        else seat.process = process;
        return;
      } catch (error) {
        await process.kill();
        if (attempt >= joinAttemptsMax) throw error;
        await sleep(joinRetryMs);
      }
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#seats.map((_, index) => this.kill(index)));
  }

  #seat(index: number): Seat {
    const seat = this.#seats[index];
    if (seat === undefined) throw new RangeError(`no node ${index}`);
    return seat;
  }
}
