import type { OverlayNode } from '../../../overlay/index.ts';
import { exponential } from './distributions.ts';
import type { Fleet } from './fleet.ts';

export interface ChurnOptions {
  readonly medianSessionMs: number;
  /** A node is about to crash: the last moment to look at it. */
  readonly beforeCrash?: (node: OverlayNode) => void;
}

/**
 * Nodes whose sessions are exponential. Each crashes without a word, and at that moment a new one, with another
 * identity, begins to join: the number of machines stays the same.
 * @see Rhea et al., "Handling Churn in a DHT", USENIX 2004, section 3
 */
export class Churn {
  readonly #fleet: Fleet;
  readonly #options: ChurnOptions;
  #isOver = false;
  #crashes = 0;

  constructor(fleet: Fleet, options: ChurnOptions) {
    this.#fleet = fleet;
    this.#options = options;
  }

  get crashes(): number {
    return this.#crashes;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** From now on: without memory, a session that has begun lasts as long as a new one. */
  start(): void {
    for (const node of this.#fleet.members) this.#limit(node);
  }

  stop(): void {
    this.#isOver = true;
  }

  #limit(node: OverlayNode): void {
    const { sim, random } = this.#fleet;
    sim.at(sim.nowMs + exponential(random, this.#options.medianSessionMs), () => this.#end(node));
  }

  #end(node: OverlayNode): void {
    if (this.#isOver) return;
    this.#options.beforeCrash?.(node);
    this.#crashes += 1;
    this.#fleet.crash(node);
    const next = this.#fleet.build();
    this.#limit(next);
    // A node that crashes while it joins never comes to an answer.
    void this.#fleet.join(next);
  }
}
