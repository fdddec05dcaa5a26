import { type Batch, isValid, partitionKeys, QueryError, takeRows } from '../columnar/index.ts';
import { OverlayError, type OverlayNode, type Region, ReplicatedWrites, type Runtime, type WritableStore } from '../overlay/index.ts';
import type { TableDefinition } from '../planner/index.ts';
import { encodeWrite, RowStore } from './rows/index.ts';

/** The overlay application of rows. */
const rowsApp = 4;
/** Rows of one write. */
const rowsPerWriteMax = 4_096;

export interface DistributedTablesOptions {
  readonly overlay: OverlayNode;
  readonly runtime: Runtime;
}

/** Writing to the tables that live in the DHT, and reading what this node keeps of them. */
export class DistributedTables {
  readonly #options: DistributedTablesOptions;
  readonly #rows: RowStore;
  readonly #writes: ReplicatedWrites;
  #lastWriteMs = 0;
  #ordinal = 0;

  constructor(options: DistributedTablesOptions) {
    this.#options = options;
    this.#rows = new RowStore({ runtime: options.runtime });
    this.#writes = new ReplicatedWrites(options.overlay, rowsApp, writable(this.#rows));
  }

  get rowsStored(): number {
    return this.#rows.rowsStored();
  }

  /**
   * Places every row at the owner of its key and that key's replicas; resolves when all of them have it.
   * @throws QueryError `notNull`, `unreachable`, `outOfMemory`
   */
  async insert(table: TableDefinition, batch: Batch): Promise<void> {
    const { distributed } = table;
    if (distributed === null) throw new QueryError('wrongObjectType', `"${table.name}" is not a distributed table`);
    requireNotNull(table, distributed.notNull, batch);
    const keys = partitionKeys(distributed.namespace, batch, distributed.partitionBy);
    const writes = this.#byCopies(keys).flatMap((rows) => {
      return inParts(rows, rowsPerWriteMax).map((part) => {
        const partKeys = part.map((row) => keys[row] ?? '');
        const chunk = encodeWrite(table, takeRows(batch, Uint32Array.from(part)), partKeys, this.#written(table, part.length));
        return { key: partKeys[0] ?? '', chunk };
      });
    });
    try {
      await this.#writes.write(writes);
    } catch (error) {
      if (!(error instanceof OverlayError)) throw error;
      throw new QueryError('unreachable', `rows could not be stored: ${error.message}`, { cause: error });
    }
  }

  /** Rows of a table in `regions`, as kept at this node. */
  scan(namespace: string, regions: readonly Region[], columns: readonly number[]): Iterable<Batch> {
    return this.#rows.scan(namespace, regions, columns, this.#options.runtime.now());
  }

  drop(namespace: string): void {
    this.#rows.dropTable(namespace);
  }

  /** Positions of rows that the same members keep, by this node's table. */
  #byCopies(keys: readonly string[]): number[][] {
    const { overlay } = this.#options;
    const groups = new Map<string, number[]>();
    keys.forEach((key, row) => {
      const members = overlay.replicas(key, overlay.options.replicas).map(({ id }) => id).join();
      const group = groups.get(members);
      if (group === undefined) groups.set(members, [row]);
      else group.push(row);
    });
    return [...groups.values()];
  }

  /** Versions of one node never repeat, even within one millisecond. */
  #written(table: TableDefinition, rows: number): Parameters<typeof encodeWrite>[3] {
    const now = this.#options.runtime.now();
    if (now > this.#lastWriteMs) {
      this.#lastWriteMs = now;
      this.#ordinal = 0;
    }
    const firstOrdinal = this.#ordinal;
    this.#ordinal += rows;
    const lifetimeMs = table.distributed?.lifetimeMs ?? Number.POSITIVE_INFINITY;
    return {
      atMs: this.#lastWriteMs,
      writer: this.#options.overlay.self.id,
      firstOrdinal,
      expiresAtMs: this.#lastWriteMs + lifetimeMs,
    };
  }
}

/** Rows arrive as chunks that every copy imports alike. */
function writable(rows: RowStore): WritableStore {
  return {
    digest: (region) => rows.digest(region),
    export: (region) => rows.export(region),
    import: (chunk) => rows.import(chunk),
    drop: (region) => rows.drop(region),
    accept: (_key, chunk) => {
      try {
        rows.import(chunk);
      } catch (error) {
        if (!(error instanceof QueryError)) throw error;
        throw new OverlayError('refused', error.message, { cause: error });
      }
      return chunk;
    },
  };
}

function requireNotNull(table: TableDefinition, columns: readonly number[], batch: Batch): void {
  for (const index of columns) {
    const column = batch.columns[index];
    if (column === undefined || column.validity === null) continue;
    for (let row = 0; row < batch.numRows; row += 1) {
      if (isValid(column, row)) continue;
      const name = table.schema.fields[index]?.name ?? '';
      throw new QueryError('notNull', `null value in column "${name}" of table "${table.name}" violates not-null constraint`);
    }
  }
}

function inParts<T>(items: readonly T[], lengthMax: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / lengthMax) }, (_, i) => items.slice(i * lengthMax, (i + 1) * lengthMax));
}
