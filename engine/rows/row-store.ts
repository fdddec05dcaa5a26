import { strict as assert } from 'node:assert';
import { type Batch, batchBytes, QueryError, sliceBatch, takeRows } from '../../columnar/index.ts';
import {
  type Digest,
  diskKey,
  diskPrefix,
  horizonOf,
  Journal,
  type Replicated,
  type Runtime,
} from '../../overlay/index.ts';
import type { TableDefinition } from '../../planner/index.ts';
import { type Chunk, decodeChunk, droppedMax, encodeChunk } from './chunk.ts';
import { type KeyedRows, keyedRows, type Written } from './keyed-rows.ts';
import { type Key, keyBytes, type Region, RegionFilter } from './ring.ts';
import { RowLog } from './row-log.ts';
import { gather, rowOverheadBytes, segmentRowsMax } from './segment.ts';
import { TableRows } from './table-rows.ts';

export interface RowStoreOptions {
  readonly runtime: Runtime;
  /** Memory for all tables' rows at this node; a write that would pass it fails. */
  readonly bytesMax?: number;
  /** What outlives the node; nothing does when it is absent. */
  readonly journal?: Journal;
}

export const rowStoreDefaults = {
  bytesMax: 2 * 1024 * 1024 * 1024,
} as const;

const droppedKey = diskKey(diskPrefix.droppedTables);
/** Aim of `export`; a single larger row makes a larger chunk. */
const chunkBytesMax = 256 * 1024;
/** A dropped table's namespace is remembered so long (the last `droppedMax` of them), against chunks still under way. */
const droppedRememberedMs = 7 * 24 * 3_600_000;

/**
 * The rows of distributed tables at one node. Rows of any region may be here: owned, replicated, on their
 * way. A row's newest version wins, so that the order of writes and imports does not matter; of a
 * table without primary key every row is kept.
 *
 * A row that has expired is as if it had never been, also to older versions of itself: later versions must not
 * expire earlier.
 */
export class RowStore implements Replicated {
  readonly #runtime: Runtime;
  readonly #bytesMax: number;
  readonly #journal: Journal;
  readonly #log: RowLog;
  readonly #tables = new Map<string, TableRows>();
  /** When each dropped namespace was dropped. */
  readonly #dropped = new Map<string, number>();

  constructor({ runtime, bytesMax = rowStoreDefaults.bytesMax, journal }: RowStoreOptions) {
    this.#runtime = runtime;
    this.#journal = journal ?? new Journal(null, () => {});
    this.#log = new RowLog(this.#journal);
    this.#bytesMax = bytesMax;
  }

  /** Rows of one table, or of all; some may have expired lately. */
  rowsStored(namespace: string | null = null): number {
    const tables = namespace === null ? [...this.#tables.values()] : [this.#tables.get(namespace)];
    return tables.reduce((sum, table) => sum + (table?.rows ?? 0), 0);
  }

  get bytesStored(): number {
    return [...this.#tables.values()].reduce((sum, table) => sum + table.bytes, 0);
  }

  /**
   * The living rows whose keys lie in any of `regions`, in batches of the wanted columns. Which rows is settled
   * now: what is written while they are iterated does not show.
   * @param columns positions in the table's schema, possibly none
   * @throws QueryError `unknownTable` when the table was dropped: its rows elsewhere are not the whole of it
   */
  scan(namespace: string, regions: readonly Region[], columns: readonly number[], nowMs: number): Iterable<Batch> {
    if (this.#dropped.has(namespace)) throw new QueryError('unknownTable', 'a table of the query was dropped');
    return this.#tables.get(namespace)?.scan(new RegionFilter(regions), columns, nowMs) ?? [];
  }

  digest(region: Region, horizonMs: number): Digest {
    this.#sweep(horizonMs);
    let items = 0;
    let hash = 0n;
    for (const table of this.#tables.values()) {
      const digest = table.digest(region);
      items += digest.items;
      hash += digest.hash;
    }
    return { items, hash: BigInt.asUintN(64, hash) };
  }

  /** Chunks of the rows in some regions as of the first one, and of what was dropped. */
  *export(regions: readonly Region[]): Generator<Uint8Array> {
    const filter = new RegionFilter(regions);
    // What has expired since is still part of the digests.
    const horizonMs = horizonOf(this.#runtime.now());
    const selections = [...this.#tables.values()].map((table) => ({
      table: table.table,
      parts: table.select(filter, horizonMs),
    }));
    if (this.#dropped.size > 0) yield encodeChunk({ kind: 'dropped', namespaces: new Map(this.#dropped) });
    for (const { table, parts } of selections) {
      for (const { rows, chosen } of parts) for (const { chunk } of chunksOf(table, rows, chosen)) yield chunk;
    }
  }

  /**
   * Takes a chunk from another copy; what was dropped here meanwhile is left out.
   * @throws QueryError `protocol` for a malformed chunk, `storageFull`
   */
  import(bytes: Uint8Array): void {
    const chunk = decodeChunk(bytes);
    if (chunk.kind === 'dropped') {
      for (const [namespace, atMs] of chunk.namespaces) this.#forget(namespace, atMs);
    } else if (!this.#dropped.has(namespaceOf(chunk.table))) this.#write(chunk, bytes);
  }

  /**
   * Takes a chunk from a writer, who must learn of it when the table is gone.
   * @throws QueryError `unknownTable`, `protocol`, `storageFull`
   */
  accept(bytes: Uint8Array): void {
    const chunk = decodeChunk(bytes);
    if (chunk.kind === 'dropped') throw new QueryError('protocol', 'writers do not drop tables');
    this.#requireNotDropped(chunk.table);
    this.#write(chunk, bytes);
  }

  async recover(): Promise<void> {
    for await (const { value } of this.#journal.read(diskPrefix.droppedTables)) this.#recoverChunk(value, null);
    for await (const { number, chunk } of this.#log.recover()) this.#recoverChunk(chunk, number);
  }

  drop(region: Region): void {
    const filter = new RegionFilter([region]);
    for (const table of this.#tables.values()) table.drop(filter);
    this.#removeEmpty();
  }

  /** Forgets a table; rows of it that are still on their way will be refused. */
  dropTable(namespace: string): void {
    this.#forget(namespace, this.#runtime.now());
  }

  checkInvariants(): void {
    const living = new Map<number, number>();
    for (const table of this.#tables.values()) {
      table.checkInvariants();
      table.countByChunk(living);
    }
    this.#log.checkInvariants(living);
    for (const namespace of this.#dropped.keys()) assert(!this.#tables.has(namespace));
  }

  #recoverChunk(bytes: Uint8Array, number: number | null): void {
    try {
      const chunk = decodeChunk(bytes);
      if (chunk.kind === 'dropped')
        for (const [namespace, atMs] of chunk.namespaces) this.#dropped.set(namespace, atMs);
      else if (this.#dropped.has(namespaceOf(chunk.table))) this.#log.discard(number);
      else this.#write(chunk, bytes, number);
    } catch (error) {
      if (!(error instanceof QueryError) || error.code !== 'protocol') throw error;
      this.#journal.damaged(error.message);
    }
  }

  #requireNotDropped(table: TableDefinition): void {
    if (!this.#dropped.has(namespaceOf(table))) return;
    throw new QueryError('unknownTable', `table "${table.name}" was dropped`);
  }

  #write(chunk: Extract<Chunk, { kind: 'rows' }>, bytes: Uint8Array, number: number | null = null): void {
    this.#checkKnown(chunk);
    this.#merge(chunk.table, chunk.rows, bytes, number);
  }

  /** @param number of the chunk in the log, if it is there already */
  #merge(table: TableDefinition, rows: KeyedRows, chunk: Uint8Array, number: number | null = null): void {
    if (rows.batch.numRows === 0) return;
    const nowMs = this.#runtime.now();
    const horizonMs = horizonOf(nowMs);
    this.#sweep(horizonMs);
    // Chunks of an earlier life bring back rows that had gone: others will take them over, or they go again.
    if (number === null) this.#makeRoom(table, batchBytes(rows.batch) + rows.batch.numRows * rowOverheadBytes, nowMs);
    const stored = this.#tables.get(namespaceOf(table)) ?? new TableRows(table, this.#log);
    this.#tables.set(namespaceOf(table), stored);
    const id = this.#log.begin();
    for (let start = 0; start < rows.batch.numRows; start += segmentRowsMax) {
      stored.merge(slice(rows, start, Math.min(start + segmentRowsMax, rows.batch.numRows)), horizonMs, id);
    }
    this.#log.commit(id, chunk, rows.batch.numRows, number);
    this.#removeEmpty();
    // Numbers of chunks that are still to be read are not known.
    if (number === null) this.#compactLog();
  }

  /** Writes the living rows of chunks that are mostly dead anew, and with that the chunks die. */
  #compactLog(): void {
    const sparse = this.#log.sparse();
    if (sparse.size === 0) return;
    for (const table of this.#tables.values()) {
      for (const { segment, chosen } of table.inChunks(sparse)) {
        for (const { chunk, part } of chunksOf(table.table, segment.rows, chosen)) {
          const id = this.#log.begin();
          for (const row of part) table.moveToChunk(segment, row, id);
          this.#log.commit(id, chunk, part.length);
        }
      }
    }
  }

  #makeRoom(table: TableDefinition, bytes: number, nowMs: number): void {
    if (this.bytesStored + bytes <= this.#bytesMax) return;
    for (const stored of this.#tables.values()) {
      stored.sweep(nowMs);
      stored.compact(1);
    }
    if (this.bytesStored + bytes <= this.#bytesMax) return;
    throw new QueryError(
      'storageFull',
      `no room for rows of table "${table.name}": the limit of a node is ${this.#bytesMax} bytes`,
    );
  }

  #sweep(horizonMs: number): void {
    for (const table of this.#tables.values()) table.sweep(horizonMs);
    for (const [namespace, atMs] of this.#dropped) {
      if (atMs + droppedRememberedMs <= horizonMs) this.#dropped.delete(namespace);
    }
  }

  #removeEmpty(): void {
    for (const [namespace, table] of this.#tables) if (table.rows === 0) this.#tables.delete(namespace);
  }

  #forget(namespace: string, atMs: number): void {
    const nowMs = this.#runtime.now();
    if (atMs + droppedRememberedMs <= nowMs) return;
    this.#tables.get(namespace)?.clear();
    this.#tables.delete(namespace);
    // A peer's clock may be ahead of ours.
    this.#dropped.set(namespace, Math.max(Math.min(atMs, nowMs), this.#dropped.get(namespace) ?? 0));
    const [oldest] = this.#dropped.keys();
    if (this.#dropped.size > droppedMax && oldest !== undefined) this.#dropped.delete(oldest);
    if (!this.#journal.isDurable) return;
    const dropped = encodeChunk({ kind: 'dropped', namespaces: new Map(this.#dropped) });
    this.#journal.write(droppedKey, dropped);
  }

  /** Rows of one namespace have one shape; a peer that says otherwise errs. */
  #checkKnown({ table }: Extract<Chunk, { kind: 'rows' }>): void {
    const known = this.#tables.get(namespaceOf(table))?.table;
    if (known && shapeOf(known) !== shapeOf(table)) {
      throw new QueryError('protocol', `rows of table "${table.name}" came with another schema than it has here`);
    }
  }
}

/**
 * Some rows of a write as one chunk, for `RowStore.import` at the nodes that are to hold them.
 * @param chosen which rows of `batch`, at most `encodedRowsMax`
 * @param keys of all rows of `batch`; `written.firstOrdinal` is that of its first row
 */
export function encodeWrite(
  table: TableDefinition,
  batch: Batch,
  chosen: Uint32Array,
  keys: readonly Key[],
  written: Written,
): Uint8Array {
  const chosenKeys = Array.from(chosen, (row) => keys[row] ?? '');
  const ordinals = chosen.map((row) => written.firstOrdinal + row);
  return encodeChunk({
    kind: 'rows',
    table,
    rows: { ...keyedRows(takeRows(batch, chosen), chosenKeys, written), ordinals },
  });
}

function namespaceOf({ name, distributed }: TableDefinition): string {
  assert(distributed, `table ${name} is not distributed`);
  return distributed.namespace;
}

function shapeOf({ schema, distributed }: TableDefinition): string {
  return JSON.stringify([schema.fields.map(({ name, type }) => [name, type.kind, type]), distributed?.primaryKey]);
}

/** Cuts rows into chunks of about `chunkBytesMax`, by the mean size of a row, and again where that was too much. */
function* chunksOf(
  table: TableDefinition,
  rows: KeyedRows,
  chosen: Uint32Array,
): Generator<{ readonly chunk: Uint8Array; readonly part: Uint32Array }> {
  const rowBytes = batchBytes(rows.batch) / rows.batch.numRows + rowOverheadBytes / 2;
  const rowsPerChunk = Math.max(1, Math.floor(chunkBytesMax / rowBytes));
  for (let start = 0; start < chosen.length; start += rowsPerChunk) {
    yield* cut(chosen.subarray(start, start + rowsPerChunk));
  }

  function* cut(part: Uint32Array): ReturnType<typeof chunksOf> {
    const chunk = encodeChunk({ kind: 'rows', table, rows: gather([{ rows, chosen: part }]) });
    if (chunk.length <= chunkBytesMax || part.length === 1) {
      yield { chunk, part };
      return;
    }
    const middle = part.length >>> 1;
    yield* cut(part.subarray(0, middle));
    yield* cut(part.subarray(middle));
  }
}

function slice(rows: KeyedRows, start: number, end: number): KeyedRows {
  if (start === 0 && end === rows.batch.numRows) return rows;
  return {
    batch: sliceBatch(rows.batch, start, end),
    keys: rows.keys.subarray(start * keyBytes, end * keyBytes),
    atMs: rows.atMs.subarray(start, end),
    writerOf: rows.writerOf.subarray(start, end),
    writers: rows.writers,
    ordinals: rows.ordinals.subarray(start, end),
    expiresAtMs: rows.expiresAtMs.subarray(start, end),
  };
}
