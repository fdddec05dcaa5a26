import { QueryError } from '../../columnar/index.ts';
import type { MemoryBudget } from '../../operators/index.ts';

/** Bytes held by the operators of one query at this node. */
export class QueryMemory implements MemoryBudget {
  readonly bytesMax: number;
  readonly #where: string;
  #bytes = 0;

  constructor(bytesMax: number, where: string) {
    this.bytesMax = bytesMax;
    this.#where = where;
  }

  get bytes(): number {
    return this.#bytes;
  }

  reserve(bytes: number, operator: string): void {
    if (this.#bytes + bytes > this.bytesMax) {
      throw new QueryError(
        'outOfMemory',
        `the query needs more than ${megabytes(this.bytesMax)} at node ${this.#where}: operator ${operator} asked for the rest`,
        { hint: 'Select fewer rows or columns, or raise the memory limit of a query.' },
      );
    }
    this.#bytes += bytes;
  }

  release(bytes: number): void {
    this.#bytes -= bytes;
  }
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MiB`;
}
