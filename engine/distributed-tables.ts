import { strict as assert } from 'node:assert';
import { type Batch, isValid, partitionKeys, QueryError } from '../columnar/index.ts';
import {
  compareClockwise,
  inRegion,
  type Key,
  OverlayError,
  type OverlayNode,
  type Region,
  ReplicatedWrites,
  type Runtime,
  type Write,
} from '../overlay/index.ts';
import type { TableDefinition } from '../planner/index.ts';
import { overlayFailure } from './overlay-failure.ts';
import { encodeWrite, RowStore, type Written, writableRows } from './rows/index.ts';

/** The overlay application of rows. */
const rowsApp = 4;
/** Bytes of one write; a request takes twice as much. */
const writeBytesMax = 1024 * 1024;
/** Rows of one write. */
const rowsPerWriteMax = 4_096;
/** Writes of one INSERT that wait for acknowledgement, and their bytes (and at most one write more). */
const writesInFlightMax = 256;
const writeBytesInFlightMax = 16 * 1024 * 1024;
const roomHint =
  'Add nodes, give rows a shorter lifetime, or drop tables. A node whose disk is full needs room there and a restart.';

export interface DistributedTablesOptions {
  readonly overlay: OverlayNode;
  readonly runtime: Runtime;
}

/** How far an INSERT has come. */
export interface InsertProgress {
  /** All copies of them are acknowledged. */
  rowsStored: number;
  /** They were sent, and may or may not be stored. */
  rowsUnderWay: number;
}

/** Some of a batch's rows, by their number in it, as a write. */
type RowsWrite = readonly [write: Write, rows: readonly number[]];

/** Writing to the tables that live in the DHT, and reading what this node keeps of them. */
export class DistributedTables {
  readonly #options: DistributedTablesOptions;
  readonly #rows: RowStore;
  readonly #writes: ReplicatedWrites;
  /** Of its own for each life: a clock that was set back must not repeat the versions of an earlier one. */
  readonly #writer: string;
  #lastWriteMs = 0;
  #ordinal = 0;

  constructor(options: DistributedTablesOptions) {
    this.#options = options;
    const { self, incarnation } = options.overlay;
    this.#writer = `${self.id}/${incarnation.toString(36)}`;
    this.#rows = new RowStore({ runtime: options.runtime, journal: options.overlay.journal });
    this.#writes = new ReplicatedWrites(options.overlay, rowsApp, writableRows(this.#rows, self.address));
  }

  get rowsStored(): number {
    return this.#rows.rowsStored();
  }

  /**
   * Places every row at the owner of its key and that key's replicas; resolves when all of them have it.
   * @param progress adds up what becomes of the rows, also when it fails
   * @param signal aborted: nothing more is sent, and it fails with the signal's reason
   * @throws QueryError `notNull`, `outOfRange` for a row that is too long, `storageFull`, `unreachable`
   */
  async insert(table: TableDefinition, batch: Batch, progress: InsertProgress, signal: AbortSignal): Promise<void> {
    const { distributed } = table;
    if (distributed === null) throw new QueryError('wrongObjectType', `"${table.name}" is not a distributed table`);
    requireNotNull(table, distributed.notNull, batch);
    const keys = partitionKeys(distributed.namespace, batch, distributed.partitionBy);
    const written = this.#written(table, batch.numRows);
    let rows = Array.from({ length: batch.numRows }, (_, row) => row);
    // Regions may move while rows are on their way: what has more than one owner by then is divided again.
    while (rows.length > 0) {
      const parts = this.#byOwner(keys, rows);
      rows = [];
      for (const some of inFlight(parts, (part) => writesOf(table, batch, keys, part, written))) {
        signal.throwIfAborted();
        rows = rows.concat(await this.#writeSome(some, progress, signal));
      }
    }
  }

  /** Rows of a table in `regions`, as kept at this node. */
  scan(namespace: string, regions: readonly Region[], columns: readonly number[]): Iterable<Batch> {
    return this.#rows.scan(namespace, regions, columns, this.#options.runtime.now());
  }

  drop(namespace: string): void {
    this.#rows.dropTable(namespace);
  }

  /** @returns rows that are to be divided anew */
  async #writeSome(
    writes: readonly RowsWrite[],
    progress: InsertProgress,
    signal: AbortSignal,
  ): Promise<readonly number[]> {
    const rows = writes.reduce((sum, [, { length }]) => sum + length, 0);
    progress.rowsUnderWay = rows;
    const torn = new Set(await unlessAborted(signal, this.#write(writes.map(([write]) => write))));
    const left = writes.flatMap(([write, carried]) => (torn.has(write) ? carried : []));
    progress.rowsUnderWay = 0;
    progress.rowsStored += rows - left.length;
    return left;
  }

  async #write(writes: readonly Write[]): Promise<readonly Write[]> {
    try {
      return await this.#writes.write(writes);
    } catch (error) {
      if (!(error instanceof OverlayError)) throw error;
      throw overlayFailure('rows could not be stored', error, roomHint);
    }
  }

  /** Rows of one region of one owner, by this node's table, in ring order and in parts of at most `rowsPerWriteMax`. */
  #byOwner(keys: readonly string[], rows: readonly number[]): number[][] {
    const groups = new Map<string, number[]>();
    for (const row of rows) {
      const owner = this.#options.overlay.replicas(keys[row] ?? '', 1)[0]?.id ?? '';
      const group = groups.get(owner);
      if (group === undefined) groups.set(owner, [row]);
      else group.push(row);
    }
    return [...groups].flatMap(([owner, group]) => {
      const regions = this.#options.overlay.regionOf(owner)?.regions() ?? [];
      const parts = regions.map((region) => clockwiseWithin(region, keys, group));
      const divided = parts.reduce((sum, part) => sum + part.length, 0);
      assert(divided === group.length, 'every row is in one region of the owner of its key');
      return parts.flatMap((part) => inParts(part, rowsPerWriteMax));
    });
  }

  /** Versions of one node never repeat, even within one millisecond. */
  #written(table: TableDefinition, rows: number): Written {
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
      writer: this.#writer,
      firstOrdinal,
      expiresAtMs: this.#lastWriteMs + lifetimeMs,
    };
  }
}

function requireNotNull(table: TableDefinition, columns: readonly number[], batch: Batch): void {
  for (const index of columns) {
    const column = batch.columns[index];
    if (column === undefined || column.validity === null) continue;
    for (let row = 0; row < batch.numRows; row += 1) {
      if (isValid(column, row)) continue;
      const name = table.schema.fields[index]?.name ?? '';
      throw new QueryError(
        'notNull',
        `null value in column "${name}" of table "${table.name}" violates not-null constraint`,
      );
    }
  }
}

/** Those rows of some whose keys lie in a region, as one walks through it. */
function clockwiseWithin(region: Region, keys: readonly Key[], rows: readonly number[]): number[] {
  return rows
    .filter((row) => inRegion(keys[row] ?? '', region))
    .sort((a, b) => compareClockwise(region.from, keys[a] ?? '', keys[b] ?? ''));
}

/** Rows of one owner as writes that fit a request, each with the rows that it carries. */
function* writesOf(
  table: TableDefinition,
  batch: Batch,
  keys: readonly Key[],
  rows: readonly number[],
  written: Written,
): Generator<RowsWrite> {
  const chunk = encodeWrite(table, batch, Uint32Array.from(rows), keys, written);
  if (chunk.length <= writeBytesMax) {
    yield [{ first: keys[rows[0] ?? 0] ?? '', last: keys[rows.at(-1) ?? 0] ?? '', chunk }, rows];
    return;
  }
  if (rows.length === 1) {
    throw new QueryError('outOfRange', `a row of ${chunk.length} bytes exceeds the limit of ${writeBytesMax}`);
  }
  for (const half of inParts(rows, Math.ceil(rows.length / 2))) yield* writesOf(table, batch, keys, half, written);
}

/** The writes of all parts, as many at a time as may be in flight. Each is encoded only when its turn comes. */
function* inFlight(
  parts: Iterable<readonly number[]>,
  encoded: (part: readonly number[]) => Iterable<RowsWrite>,
): Generator<readonly RowsWrite[]> {
  let some: RowsWrite[] = [];
  let bytes = 0;
  for (const part of parts) {
    for (const write of encoded(part)) {
      some.push(write);
      bytes += write[0].chunk.length;
      if (some.length < writesInFlightMax && bytes < writeBytesInFlightMax) continue;
      yield some;
      some = [];
      bytes = 0;
    }
  }
  if (some.length > 0) yield some;
}

/** Fails with the signal's reason as soon as it is aborted; the work goes on, and nobody hears of its end. */
async function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  let stop = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
  });
  signal.addEventListener('abort', stop);
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function inParts<T>(items: readonly T[], lengthMax: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / lengthMax) }, (_, i) =>
    items.slice(i * lengthMax, (i + 1) * lengthMax),
  );
}
