import { strict as assert } from 'node:assert';
import { type Batch, rowEquality, selectColumns, takeRows } from '../../columnar/index.ts';
import { type Digest, DigestTree, type Region } from '../../overlay/index.ts';
import type { TableDefinition } from '../../planner/index.ts';
import { IdentityIndex } from './identity-index.ts';
import type { KeyedRows } from './keyed-rows.ts';
import { keyBytes, type RegionFilter } from './ring.ts';
import type { RowLog } from './row-log.ts';
import { gather, hashesOf, Segment, segmentRowsMax } from './segment.ts';

/**
 * The rows of one distributed table at this node. Writes append segments; a newer version of a row kills the
 * older one. Small segments at the end are merged like the digits of a binary counter, so that single-row
 * writes cost O(log n) copies each.
 */
export class TableRows {
  readonly table: TableDefinition;
  readonly #primaryKey: readonly number[];
  readonly #index = new IdentityIndex();
  #segments: Segment[] = [];
  readonly #byId = new Map<number, Segment>();
  /** Of all living rows. */
  readonly #digests = new DigestTree();
  readonly #log: RowLog;
  #nextId = 0;

  constructor(table: TableDefinition, log: RowLog) {
    this.table = table;
    this.#log = log;
    this.#primaryKey = table.distributed?.primaryKey ?? [];
  }

  /** Including rows that expired and were not swept yet. */
  get rows(): number {
    return this.#index.entries;
  }

  get bytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.bytes, 0);
  }

  /**
   * Keeps of `rows` what is newer than what is here, and expires after `horizonMs`. At most `segmentRowsMax` rows.
   * @param chunk that they are in, by the log
   */
  merge(rows: KeyedRows, horizonMs: number, chunk: number): void {
    assert(rows.batch.numRows <= segmentRowsMax);
    const incoming = this.#register(new Segment(this.#nextId++, rows, hashesOf(rows, this.#primaryKey)));
    incoming.chunkOf.fill(chunk);
    const same = this.#identityOf(incoming);
    for (let row = 0; row < rows.batch.numRows; row++) {
      if ((rows.expiresAtMs[row] as number) <= horizonMs) continue;
      const hash = incoming.identity[row] as number;
      const place = this.#index.find(hash, (segment, candidate) => same(segment, candidate, row));
      if (place) {
        const older = this.#segment(place.segment);
        if (!isNewer(incoming, row, older, place.row)) continue;
        this.#kill(older, place.row);
        this.#index.move(hash, place, { segment: incoming.id, row });
      } else {
        this.#index.insert(hash, incoming.id, row);
      }
      incoming.raise(row);
      this.#log.born(chunk);
      const { hashLow, hashHigh } = incoming;
      this.#digests.add(rows.keys, row * keyBytes, hashLow[row] as number, hashHigh[row] as number);
    }
    this.#segments.push(incoming);
    this.#mergeTail();
    const stored = this.#segments.reduce((sum, segment) => sum + segment.numRows, 0);
    // More than half is dead, so some segment is; the constant keeps small tables from it.
    if (stored > 2 * this.rows + segmentRowsMax) this.compact(aliveShareMin);
  }

  /** Batches of the wanted columns; which rows is settled now, whatever happens while they are taken. */
  scan(filter: RegionFilter, columns: readonly number[], nowMs: number): Iterable<Batch> {
    const parts = this.#segments.map((segment) => ({
      batch: segment.rows.batch,
      chosen: segment.select(filter, nowMs),
    }));
    return (function* () {
      for (const { batch, chosen } of parts) {
        if (chosen?.length === 0) continue;
        const wanted = selectColumns(batch, columns);
        yield chosen === null ? wanted : takeRows(wanted, chosen);
      }
    })();
  }

  /** The rows that pass, segment by segment, settled now as in `scan`. */
  select(filter: RegionFilter, nowMs: number): { readonly rows: KeyedRows; readonly chosen: Uint32Array }[] {
    return this.#segments
      .map((segment) => ({ rows: segment.rows, chosen: segment.select(filter, nowMs) ?? segment.aliveRowNumbers() }))
      .filter(({ chosen }) => chosen.length > 0);
  }

  /** Of the rows that were not swept. */
  digest(region: Region): Digest {
    return this.#digests.digest(region);
  }

  /** Forgets all rows. */
  clear(): void {
    this.#killWhere(this.#segments, () => true);
    this.compact(aliveShareMin);
  }

  /** The rows in some chunks of the log. */
  inChunks(chunks: ReadonlySet<number>): { readonly segment: Segment; readonly chosen: Uint32Array }[] {
    return this.#segments
      .map((segment) => ({
        segment,
        chosen: segment.aliveRowNumbers().filter((row) => chunks.has(segment.chunkOf[row] as number)),
      }))
      .filter(({ chosen }) => chosen.length > 0);
  }

  moveToChunk(segment: Segment, row: number, chunk: number): void {
    this.#log.died(segment.chunkOf[row] as number);
    this.#log.born(chunk);
    segment.chunkOf[row] = chunk;
  }

  /** Living rows in each chunk of the log. */
  countByChunk(into: Map<number, number>): void {
    for (const segment of this.#segments) {
      for (const row of segment.aliveRowNumbers()) {
        const chunk = segment.chunkOf[row] as number;
        into.set(chunk, (into.get(chunk) ?? 0) + 1);
      }
    }
  }

  /** Forgets the rows that pass. */
  drop(filter: RegionFilter): void {
    this.#killWhere(this.#segments, (segment, row) => filter.has(segment.rows.keys, row));
    this.compact(aliveShareMin);
  }

  /** Forgets what expired by a time. */
  sweep(untilMs: number): void {
    const touched = this.#segments.filter(({ firstExpiryMs }) => firstExpiryMs <= untilMs);
    if (touched.length === 0) return;
    this.#killWhere(touched, (segment, row) => (segment.rows.expiresAtMs[row] as number) <= untilMs);
    for (const segment of touched) {
      segment.firstExpiryMs = Number.POSITIVE_INFINITY;
      for (const row of segment.aliveRowNumbers()) {
        segment.firstExpiryMs = Math.min(segment.firstExpiryMs, segment.rows.expiresAtMs[row] as number);
      }
    }
    this.compact(aliveShareMin);
  }

  /** Writes anew every segment of which less than `aliveShare` (0 to 1) is alive, together with its neighbours. */
  compact(aliveShare: number): void {
    const old = this.#segments;
    this.#segments = [];
    let pending: Segment[] = [];
    let pendingRows = 0;
    const flush = () => {
      if (pendingRows > 0) this.#segments.push(this.#rewrite(pending));
      else for (const segment of pending) this.#byId.delete(segment.id);
      pending = [];
      pendingRows = 0;
    };
    for (const segment of old) {
      const sparse = segment.aliveRows === 0 || segment.aliveRows < segment.numRows * aliveShare;
      if (!sparse || pendingRows + segment.aliveRows > segmentRowsMax) flush();
      if (sparse) {
        pending.push(segment);
        pendingRows += segment.aliveRows;
      } else {
        this.#segments.push(segment);
      }
    }
    flush();
  }

  checkInvariants(): void {
    let alive = 0;
    assert.equal(this.#byId.size, this.#segments.length, 'every segment is registered once');
    for (const segment of this.#segments) {
      assert.equal(this.#byId.get(segment.id), segment);
      const rows = segment.aliveRowNumbers();
      assert.equal(rows.length, segment.aliveRows);
      assert(segment.numRows <= segmentRowsMax);
      alive += rows.length;
      for (const row of rows) {
        const hash = segment.identity[row] as number;
        const place = this.#index.find(hash, (id, candidate) => id === segment.id && candidate === row);
        assert(place, 'every living row is in the index');
        assert((segment.rows.expiresAtMs[row] as number) >= segment.firstExpiryMs);
      }
    }
    assert.equal(alive, this.#index.entries, 'the index holds living rows only');
    assert.equal(alive, this.#digests.items, 'the digests are those of the living rows');
    this.#digests.checkInvariants();
  }

  #kill(segment: Segment, row: number): void {
    segment.kill(row);
    this.#log.died(segment.chunkOf[row] as number);
    const { hashLow, hashHigh, rows } = segment;
    this.#digests.remove(rows.keys, row * keyBytes, hashLow[row] as number, hashHigh[row] as number);
  }

  #killWhere(segments: readonly Segment[], dies: (segment: Segment, row: number) => boolean): void {
    for (const segment of segments) {
      for (const row of segment.aliveRowNumbers()) {
        if (!dies(segment, row)) continue;
        this.#kill(segment, row);
        assert(this.#index.remove(segment.identity[row] as number, { segment: segment.id, row }));
      }
    }
  }

  #mergeTail(): void {
    const last = this.#segments.at(-1) as Segment;
    let from = this.#segments.length - 1;
    let rows = last.aliveRows;
    for (; from > 0; from--) {
      const before = this.#segments[from - 1] as Segment;
      if (before.aliveRows > 2 * rows || before.aliveRows + rows > segmentRowsMax) break;
      rows += before.aliveRows;
    }
    // Also alone it is written anew: what came in may be a view into a whole frame, or mostly older rows.
    const merged = this.#segments.splice(from);
    if (rows > 0) this.#segments.push(this.#rewrite(merged));
    else for (const segment of merged) this.#byId.delete(segment.id);
  }

  /** One segment of the living rows of several. */
  #rewrite(sources: readonly Segment[]): Segment {
    const chosen = sources.map((segment) => ({ rows: segment.rows, chosen: segment.aliveRowNumbers() }));
    const rows = gather(chosen);
    const target = this.#register(new Segment(this.#nextId++, rows, gatherHashes(sources, chosen)));
    let row = 0;
    for (const [i, source] of sources.entries()) {
      for (const from of (chosen[i] as (typeof chosen)[number]).chosen) {
        const hash = source.identity[from] as number;
        const moved = this.#index.move(hash, { segment: source.id, row: from }, { segment: target.id, row });
        assert(moved, 'a living row is in the index');
        target.chunkOf[row] = source.chunkOf[from] as number;
        target.raise(row++);
      }
      this.#byId.delete(source.id);
    }
    return target;
  }

  /** Whether the row at a place is the same as a row of `incoming`, older or newer. */
  #identityOf(incoming: Segment): (segment: number, row: number, incomingRow: number) => boolean {
    if (this.#primaryKey.length === 0) {
      return (id, row, incomingRow) => compareVersions(this.#segment(id), row, incoming, incomingRow) === 0;
    }
    const equalities = new Map<number, (row: number, incomingRow: number) => boolean>();
    return (id, row, incomingRow) => {
      let equal = equalities.get(id);
      if (!equal) {
        const { batch } = this.#segment(id).rows;
        equal = rowEquality(batch, this.#primaryKey, incoming.rows.batch, this.#primaryKey);
        equalities.set(id, equal);
      }
      return equal(row, incomingRow);
    };
  }

  #register(segment: Segment): Segment {
    this.#byId.set(segment.id, segment);
    return segment;
  }

  #segment(id: number): Segment {
    const segment = this.#byId.get(id);
    assert(segment, 'the index points to a segment');
    return segment;
  }
}

/** A segment with a smaller share of living rows is written anew. */
const aliveShareMin = 0.5;

function gatherHashes(sources: readonly Segment[], chosen: readonly { readonly chosen: Uint32Array }[]) {
  const count = chosen.reduce((sum, part) => sum + part.chosen.length, 0);
  const hashes = {
    identity: new Uint32Array(count),
    hashLow: new Uint32Array(count),
    hashHigh: new Uint32Array(count),
  };
  let at = 0;
  for (const [i, source] of sources.entries()) {
    for (const row of (chosen[i] as (typeof chosen)[number]).chosen) {
      hashes.identity[at] = source.identity[row] as number;
      hashes.hashLow[at] = source.hashLow[row] as number;
      hashes.hashHigh[at] = source.hashHigh[row] as number;
      at++;
    }
  }
  return hashes;
}

/** By time, writer, ordinal. */
function compareVersions(a: Segment, rowA: number, b: Segment, rowB: number): number {
  const byTime = (a.rows.atMs[rowA] as number) - (b.rows.atMs[rowB] as number);
  if (byTime !== 0) return byTime;
  const writerA = a.rows.writers[a.rows.writerOf[rowA] as number] as string;
  const writerB = b.rows.writers[b.rows.writerOf[rowB] as number] as string;
  if (writerA !== writerB) return writerA < writerB ? -1 : 1;
  return (a.rows.ordinals[rowA] as number) - (b.rows.ordinals[rowB] as number);
}

/**
 * Versions decide. A writer that used one version for different rows is in the wrong; their hashes then decide,
 * so that all replicas agree at least.
 */
function isNewer(a: Segment, rowA: number, b: Segment, rowB: number): boolean {
  const byVersion = compareVersions(a, rowA, b, rowB);
  if (byVersion !== 0) return byVersion > 0;
  const byHigh = (a.hashHigh[rowA] as number) - (b.hashHigh[rowB] as number);
  return byHigh !== 0 ? byHigh > 0 : (a.hashLow[rowA] as number) > (b.hashLow[rowB] as number);
}
