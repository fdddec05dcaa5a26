import type { MemoryBudget } from './operator.ts';

/** What one operator holds of a query's memory: told the present total, it reserves or releases the difference. */
export class MemoryAccount {
  readonly #budget: MemoryBudget;
  readonly #operator: string;
  #bytes = 0;

  constructor(budget: MemoryBudget, operator: string) {
    this.#budget = budget;
    this.#operator = operator;
  }

  /** @throws QueryError `outOfMemory` when the query's limit would be passed */
  resize(bytes: number): void {
    if (bytes > this.#bytes) this.#budget.reserve(bytes - this.#bytes, this.#operator);
    else if (bytes < this.#bytes) this.#budget.release(this.#bytes - bytes);
    this.#bytes = bytes;
  }
}
