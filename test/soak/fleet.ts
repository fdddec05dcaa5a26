import { setTimeout as sleep } from 'node:timers/promises';
import { randomKey } from '../../overlay/index.ts';
import { NodeProcess } from './node-process.ts';

interface Seat {
  readonly id: string;
  port: number;
  address: string;
  /** Null while the node is dead. */
  process: NodeProcess | null;
}

const joinAttemptsMax = 10;
const joinRetryMs = 1_000;

/** Nodes in processes of their own, on fixed places of the ring and on fixed ports; each is up or dead. */
export class SoakFleet {
  readonly #seats: readonly Seat[];
  readonly #replicas: number;
  readonly #worker: string;
  #isClosed = false;

  /** @param worker the program that each process runs */
  constructor(nodes: number, replicas: number, worker: string, random: () => number) {
    this.#worker = worker;
    this.#replicas = replicas;
    this.#seats = Array.from({ length: nodes }, () => ({ id: randomKey(random), port: 0, address: '', process: null }));
  }

  get size(): number {
    return this.#seats.length;
  }

  get up(): readonly NodeProcess[] {
    return this.#seats.flatMap(({ process }) => process ?? []);
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

  /** A new life of the same node: its identity and its port, nothing of its memory. */
  async revive(index: number): Promise<void> {
    const seat = this.#seat(index);
    const join = this.#seats.flatMap((other) => (other.process !== null ? [other.address] : []));
    for (let attempt = 1; !this.#isClosed; attempt++) {
      const process = new NodeProcess(this.#worker);
      try {
        const start = { type: 'start', id: seat.id, port: seat.port, join, replicas: this.#replicas } as const;
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
