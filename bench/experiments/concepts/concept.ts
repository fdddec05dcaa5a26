import { type SimulatedHost, Simulation } from '../../../simulator/index.ts';
import { type Random, randomStream } from '../../../simulator/random.ts';
import { anyOf, partOf } from '../harness/distributions.ts';
import type { Context } from '../harness/experiment.ts';
import { ideal } from '../harness/networks.ts';

/** A way to find who has something, running on simulated machines. */
export interface Directory {
  /** What a node remembers so that things are found (contacts, entries of an index): the mean and the most. */
  state(): { readonly mean: number; readonly most: number };
  /** Lets a part of the machines, whatever they do, crash at one instant and without a word. */
  crashFraction(fraction: number): void;
  /** A lookup by any member for something whose holder is up: resolves when it is over, to whether it was found. */
  lookup(): Promise<boolean>;
  /** Frames sent for lookups so far. */
  messages(): number;
  pass(virtualMs: number): Promise<void>;
}

export interface Concept {
  readonly name: string;
  /** Over how many crashes to take the mean: many where one machine decides. */
  readonly trials: number;
  start(context: Context, nodes: number): Promise<Directory>;
}

const lookupTimeoutMs = 5_000;

/** A machine of a small program; `item` is what it has to offer. */
export interface Machine {
  readonly host: SimulatedHost;
  readonly item: string;
}

/**
 * What the two programs that are no DHT have in common: machines that offer one item each, and lookups that end with
 * an answer or a timeout.
 */
export abstract class SmallProgram implements Directory {
  readonly sim: Simulation;
  readonly random: Random;
  protected machines: Machine[];
  #lookups = 0;
  readonly #open = new Map<number, (holder: string) => void>();

  constructor(context: Context, nodes: number) {
    this.sim = new Simulation({ seed: context.seed, ...ideal, silentCrashes: true });
    this.random = randomStream(context.seed, 'experiment');
    this.machines = Array.from({ length: nodes }, (_, i) => ({ host: this.sim.host(`n${i}:1`), item: `item ${i}` }));
  }

  abstract state(): { readonly mean: number; readonly most: number };

  /** Sends out the question `id`; whoever is told the answer calls `answered`. */
  protected abstract ask(asker: Machine, id: number, item: string): void;

  crashFraction(fraction: number): void {
    this.#crash(partOf(this.random, this.machines, fraction));
  }

  lookup(): Promise<boolean> {
    const asker = anyOf(this.random, this.machines);
    const holder = anyOf(this.random, this.machines);
    const id = this.#lookups++;
    return new Promise((resolve) => {
      const end = (isFound: boolean): void => {
        this.#open.delete(id);
        resolve(isFound);
      };
      const timer = asker.host.runtime.after(lookupTimeoutMs, () => end(false));
      this.#open.set(id, (found) => {
        timer.cancel();
        end(found === holder.host.address);
      });
      this.ask(asker, id, holder.item);
    });
  }

  /** Nothing but lookups sends anything. */
  messages(): number {
    const { messages, messagesLost } = this.sim.stats();
    return messages + messagesLost;
  }

  async pass(virtualMs: number): Promise<void> {
    await this.sim.runFor(virtualMs);
  }

  protected answered(id: number, holder: string): void {
    this.#open.get(id)?.(holder);
  }

  #crash(victims: readonly Machine[]): void {
    for (const { host } of victims) this.sim.crash(host.address);
    this.machines = this.machines.filter((machine) => !victims.includes(machine));
  }
}

const text = new TextDecoder();

/** The frames of the small programs: a few words. */
export function words(frame: Uint8Array): readonly string[] {
  return text.decode(frame).split(' ');
}

export function frameOf(...parts: readonly (string | number)[]): Uint8Array {
  return new TextEncoder().encode(parts.join(' '));
}
