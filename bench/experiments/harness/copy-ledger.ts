export interface Loss {
  readonly atMs: number;
  /** Every one of its copies died within one repair period: there was no time to make another. */
  readonly isExcusable: boolean;
}

export interface CopyLedgerOptions {
  /** Copies that are kept of each value. */
  readonly replicas: number;
  /** How long it takes, when all is well, from the death of a copy to its replacement. */
  readonly repairPeriodMs: number;
  /** Whether a node that is up has the value at this moment: copies are also dropped, of which nobody tells. */
  has(node: string, value: string): boolean;
}

/** The one who knows all copies of all values, and therefore when the last one is gone, and why. */
export class CopyLedger {
  readonly #options: CopyLedgerOptions;
  /** Nodes that got a copy and are not known to have lost it since. */
  readonly #holders = new Map<string, Set<string>>();
  /** When nodes with a copy died: the last `replicas` of them, oldest first. */
  readonly #deathsMs = new Map<string, number[]>();
  readonly #losses = new Map<string, Loss>();

  constructor(options: CopyLedgerOptions) {
    this.#options = options;
  }

  /** Values without any copy left. */
  get losses(): ReadonlyMap<string, Loss> {
    return this.#losses;
  }

  arrived(value: string, node: string): void {
    const holders = this.#holders.get(value) ?? new Set();
    this.#holders.set(value, holders.add(node));
    // It was on its way while the last copy died.
    this.#losses.delete(value);
  }

  /** A node dies that has these values at this moment. */
  died(node: string, values: Iterable<string>, nowMs: number): void {
    const { replicas, repairPeriodMs, has } = this.#options;
    for (const value of values) {
      const deaths = [...(this.#deathsMs.get(value) ?? []), nowMs].slice(-replicas);
      this.#deathsMs.set(value, deaths);
      const holders = this.#holders.get(value) ?? new Set();
      holders.delete(node);
      for (const holder of holders) {
        if (has(holder, value)) break;
        holders.delete(holder);
      }
      if (holders.size > 0) continue;
      const oldestMs = deaths.length < replicas ? Number.NEGATIVE_INFINITY : (deaths[0] as number);
      this.#losses.set(value, { atMs: nowMs, isExcusable: nowMs - oldestMs <= repairPeriodMs });
    }
  }
}
