import { findApp } from '../../../overlay/control.ts';
import { randomKey } from '../../../overlay/index.ts';
import { decodeFrame, type Header } from '../../../overlay/messages.ts';
import type { Context } from '../harness/experiment.ts';
import { Fleet } from '../harness/fleet.ts';
import { type Geometry, nodeOptions } from '../harness/geometries.ts';
import { isRight, type Lookup, lookUp } from '../harness/lookups.ts';
import { ideal } from '../harness/networks.ts';
import { mean } from '../harness/statistics.ts';
import type { Concept, Directory } from './concept.ts';

const lookEveryMs = 10;
/** Only what a frame carries matters here. */
const anybody: Header = { sender: '', incarnation: 0, isMember: true, target: null };

/** Our overlay, asked for the owners of keys. */
class Dht implements Directory {
  readonly #fleet: Fleet;
  readonly #questions: Questions;

  constructor(fleet: Fleet, questions: Questions) {
    this.#fleet = fleet;
    this.#questions = questions;
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

  messages(): number {
    return 2 * this.#questions.count;
  }

  async pass(virtualMs: number): Promise<void> {
    await this.#fleet.pass(virtualMs, 'looking up');
  }
}

/** Steps of lookups, repetitions included; each is answered. */
class Questions {
  count = 0;

  /** For `FleetOptions.tap`. */
  see(frame: Uint8Array): void {
    const message = decodeFrame(frame, () => anybody)?.message;
    if (message?.type === 'request' && message.app === findApp) this.count += 1;
  }
}

export function dht(geometry: Geometry, contactsMax: number, joinMax: number): Concept {
  return {
    name: geometry,
    trials: 1,
    start: async (context: Context, nodes: number) => {
      const questions = new Questions();
      const fleet = await Fleet.begin(context, nodes, joinMax, {
        network: { ...ideal, silentCrashes: true },
        node: nodeOptions(geometry, contactsMax),
        tap: (frame) => questions.see(frame),
      });
      return new Dht(fleet, questions);
    },
  };
}
