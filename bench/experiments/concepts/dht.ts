import { type OverlayCounters, randomKey } from '../../../overlay/index.ts';
import type { Context } from '../harness/experiment.ts';
import { Fleet } from '../harness/fleet.ts';
import { type Geometry, nodeOptions } from '../harness/geometries.ts';
import { isRight, type Lookup, lookUp } from '../harness/lookups.ts';
import { ideal } from '../harness/networks.ts';
import { mean } from '../harness/statistics.ts';
import type { Concept, Directory } from './concept.ts';

const lookEveryMs = 10;

/** Our overlay, asked for the owners of keys. */
class Dht implements Directory {
  readonly #fleet: Fleet;

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
  }

  state(): { mean: number; most: number } {
    const contacts = this.#fleet.members.map((node) => node.contacts().length - 1);
    return { mean: mean(contacts), most: Math.max(...contacts) };
  }

  crashFraction(fraction: number): void {
    this.#fleet.crashFraction(fraction);
  }

  lookup(): Promise<boolean> {
    const fleet = this.#fleet;
    const asked: Lookup = lookUp(fleet, fleet.any(), randomKey(fleet.random));
    return new Promise((resolve) => {
      const look = (): void => {
        if (asked.state === 'open') fleet.sim.at(fleet.sim.nowMs + lookEveryMs, look);
        else resolve(isRight(asked));
      };
      look();
    });
  }

  /** Requests and their replies; those of replication are few. */
  messages(): number {
    const sum = (of: keyof OverlayCounters): number =>
      this.#fleet.members.reduce((total, node) => total + node.counters()[of], 0);
    return 2 * sum('requestsOut') + sum('requestsRetried');
  }

  async pass(virtualMs: number): Promise<void> {
    await this.#fleet.pass(virtualMs, 'looking up');
  }
}

export function dht(geometry: Geometry, contactsMax: number): Concept {
  return {
    name: geometry,
    trials: 1,
    start: async (context: Context, nodes: number) => {
      const network = { ...ideal, silentCrashes: true };
      const fleet = await Fleet.start(context, nodes, { network, node: nodeOptions(geometry, contactsMax) });
      return new Dht(fleet);
    },
  };
}
