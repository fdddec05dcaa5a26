import { strict as assert } from 'node:assert';
import { z } from 'zod';
import { decodeBatch, encodeBatch, encodedRowsMax, QueryError } from '../../columnar/index.ts';
import type { TableDefinition } from '../../planner/index.ts';
import { listOf } from '../list-of.ts';
import { distributedTable } from '../table-definition.ts';
import type { KeyedRows } from './keyed-rows.ts';
import { keyBytes } from './ring.ts';

// What nodes exchange of distributed tables. Little-endian, every part padded with zeros to 8 bytes:
//
//   word   magic
//   word   bytes of the header
//   word   number of rows
//   word   bytes of the batch
//   header, JSON: { table, writers } or { dropped }; the rest only follows the first
//   atMs, expiresAtMs (float64 a row); keys (20 bytes a row); writerOf, ordinals (word a row); batch

/** "WR01" */
const magic = 0x31_30_52_57;
const preambleBytes = 16;
const alignment = 8;

/** Rows of one table, or the news that tables are gone. */
export type Chunk =
  | { readonly kind: 'rows'; readonly table: TableDefinition; readonly rows: KeyedRows }
  /** When each namespace was dropped, milliseconds since 1970. */
  | { readonly kind: 'dropped'; readonly namespaces: ReadonlyMap<string, number> };

const writersMax = 65_536;
/** Dropped tables that one chunk can name. */
export const droppedMax = 1_024;
const timeMs = z.number().min(0);

const header = z.union([
  z.strictObject({ table: distributedTable, writers: listOf(z.string().min(1).max(300), writersMax) }),
  z.strictObject({ dropped: listOf(z.tuple([z.string().min(1).max(300), timeMs]), droppedMax) }),
]);

export function encodeChunk(chunk: Chunk): Uint8Array {
  if (chunk.kind === 'dropped') return encode({ dropped: [...chunk.namespaces] }, null);
  return encode({ table: chunk.table, writers: chunk.rows.writers }, chunk.rows);
}

function encode(head: z.infer<typeof header> | object, rows: KeyedRows | null): Uint8Array {
  const headBytes = new TextEncoder().encode(JSON.stringify(head));
  const batch = rows ? encodeBatch(rows.batch) : new Uint8Array();
  const parts = [
    headBytes,
    ...(rows ? [rows.atMs, rows.expiresAtMs, rows.keys, rows.writerOf, rows.ordinals] : []),
    batch,
  ];
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + padded(part.byteLength), preambleBytes));
  new Uint32Array(bytes.buffer, 0, 4).set([magic, headBytes.length, rows?.batch.numRows ?? 0, batch.length]);
  let at = preambleBytes;
  for (const part of parts) {
    bytes.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), at);
    at += padded(part.byteLength);
  }
  return bytes;
}

function padded(byteLength: number): number {
  return Math.ceil(byteLength / alignment) * alignment;
}

/**
 * Reads a chunk that a peer sent; nothing of it is trusted. Arrays are views into `bytes`, or into a copy
 * where those are not aligned.
 * @throws QueryError `protocol`, and nothing else
 */
export function decodeChunk(bytes: Uint8Array): Chunk {
  const aligned = bytes.byteOffset % alignment === 0 ? bytes : new Uint8Array(bytes);
  check(aligned.byteLength >= preambleBytes, 'shorter than its preamble');
  const words = new Uint32Array(aligned.buffer, aligned.byteOffset, 4);
  const [sign, headBytes, numRows, batchBytes] = words as unknown as [number, number, number, number];
  check(sign === magic, 'does not begin like a chunk');
  check(numRows <= encodedRowsMax, 'too many rows');
  const parts = new Parts(aligned);
  const head = parseHeader(parts.next(headBytes));
  if ('dropped' in head) {
    check(numRows === 0 && batchBytes === 0 && parts.atEnd, 'rows of dropped tables');
    return { kind: 'dropped', namespaces: new Map(head.dropped) };
  }
  const rows = {
    atMs: new Float64Array(...parts.view(numRows * 8), numRows),
    expiresAtMs: new Float64Array(...parts.view(numRows * 8), numRows),
    keys: parts.next(numRows * keyBytes),
    writerOf: new Uint32Array(...parts.view(numRows * 4), numRows),
    ordinals: new Uint32Array(...parts.view(numRows * 4), numRows),
    batch: decodeBatch(head.table.schema, parts.next(batchBytes)),
    writers: head.writers,
  };
  check(parts.atEnd, 'bytes left over');
  checkRows(rows, numRows);
  return { kind: 'rows', table: head.table, rows };
}

function checkRows(rows: KeyedRows, numRows: number): void {
  check(rows.batch.numRows === numRows, 'a batch of another length');
  check(rows.writers.length > 0, 'no writer');
  check(new Set(rows.writers).size === rows.writers.length, 'a writer named twice');
  for (let row = 0; row < numRows; row++) {
    check((rows.writerOf[row] as number) < rows.writers.length, 'an unknown writer');
    check(Number.isFinite(rows.atMs[row]), 'a row without a time');
    check(!Number.isNaN(rows.expiresAtMs[row]), 'a row without an expiry');
  }
}

function parseHeader(bytes: Uint8Array): z.infer<typeof header> {
  try {
    return header.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
  } catch (cause) {
    throw new QueryError('protocol', 'malformed chunk of rows: its header', { cause });
  }
}

/** Hands out one padded part after the other, never beyond the end. */
class Parts {
  readonly #bytes: Uint8Array;
  #at = preambleBytes;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.byteLength;
  }

  next(byteLength: number): Uint8Array {
    const start = this.#at;
    const next = start + padded(byteLength);
    check(next <= this.#bytes.byteLength, 'a part beyond the end');
    this.#at = next;
    return this.#bytes.subarray(start, start + byteLength);
  }

  /** Where the next part lies: what constructors of typed arrays take. */
  view(byteLength: number): [ArrayBufferLike, number] {
    const { buffer, byteOffset } = this.next(byteLength);
    assert(byteOffset % alignment === 0);
    return [buffer, byteOffset];
  }
}

function check(holds: boolean, complaint: string): asserts holds {
  if (!holds) throw new QueryError('protocol', `malformed chunk of rows: ${complaint}`);
}
