import { z } from 'zod';
import { decodeCbor, type ErrorCode, encodeCbor, SQLSTATE } from '../../columnar/index.ts';
import { CodecError } from '../../overlay/index.ts';
import { listOf } from '../list-of.ts';
import { type Report, reasonLengthMax, reportItemsMax } from './report.ts';

/** 16 lower-case hexadecimal digits, drawn at the proxy. */
export type QueryId = string;

/** Longer error texts are cut by their sender. */
export const messageLengthMax = 10_000;

const queryId = z.string().regex(/^[0-9a-f]{16}$/);
const key = z.string().regex(/^[0-9a-f]{40}$/);
const count = z.number().int().nonnegative();
const bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array);
const contact = z.object({ id: key, address: z.string().min(1).max(300) });
const region = z.object({ from: key, to: key });

/** Nodes that hash exchanges spread rows over; more make joins and groupings wider and plans heavier. */
export const rendezvousMax = 256;
/** Regions in one report: more than a fleet has nodes. */
const regionsMax = 65_536;
/** One an exchange of the plan. */
const partialsMax = 1_000;

const report: z.ZodType<Report> = z.object({
  served: listOf(region, regionsMax),
  lost: listOf(region, regionsMax),
  nodesReached: count,
  nodesAnswered: count,
  missing: listOf(contact, reportItemsMax),
  batchesLost: count,
  overlap: z.boolean(),
  reasons: listOf(z.string().max(reasonLengthMax), reportItemsMax),
});

/** Asks the receiver to serve a region and to answer with an echo once everything below it is done. */
const engage = z.object({
  type: z.literal('engage'),
  query: queryId,
  epoch: count,
  /** The sender's number for this delegation; echoes and advances name it. */
  delegation: count,
  sql: z.string(),
  plan: bytes,
  proxy: contact,
  rendezvous: listOf(contact, rendezvousMax),
  regions: listOf(region, regionsMax),
  asHolder: z.boolean(),
  depth: count.max(64),
  /** Milliseconds until the query's deadline: a duration, so that clocks need not agree. */
  remainingMs: z.number().nonnegative(),
  memoryBytesMax: z.number().positive(),
});

/** A wave is over below the sender; carries its merged partials, which count only together with the report. */
const echo = z.object({
  type: z.literal('echo'),
  query: queryId,
  epoch: count,
  delegation: count,
  wave: count,
  report,
  partials: listOf(z.object({ exchange: count, batch: bytes }), partialsMax),
});

/** The wave before `wave` is over everywhere: flush what it fed. */
const advance = z.object({
  type: z.literal('advance'),
  query: queryId,
  epoch: count,
  delegation: count,
  wave: count,
});

/** Rows of a hash or gather exchange. */
const batch = z.object({
  type: z.literal('batch'),
  query: queryId,
  epoch: count,
  exchange: count,
  sequence: count,
  batch: bytes,
});

/** A batch is taken in and, where the receiver owes that, all that followed from it is done with. Gives back credit. */
const settled = z.object({
  type: z.literal('settled'),
  query: queryId,
  epoch: count,
  exchange: count,
  sequence: count,
  /** The rows, or something that followed from them, did not reach their end. */
  lost: z.boolean(),
});

/** Forget one delegation and all below it: the query ended, was cancelled, or the sender gave up on it. */
const release = z.object({ type: z.literal('release'), query: queryId, epoch: count, delegation: count });

/** To the parent: the sender serves a delegation no more (or never did), and what it has not echoed will not come. */
const dropped = z.object({ type: z.literal('dropped'), query: queryId, epoch: count, delegation: count });

/** To the proxy: the query cannot go on. */
const failed = z.object({
  type: z.literal('failed'),
  query: queryId,
  code: z.enum(Object.keys(SQLSTATE) as [ErrorCode, ...ErrorCode[]]),
  message: z.string().max(messageLengthMax),
  hint: z.string().max(messageLengthMax).nullable(),
});

const message = z.discriminatedUnion('type', [engage, echo, advance, batch, settled, release, dropped, failed]);

export type QueryMessage = z.infer<typeof message>;
export type MessageOf<T extends QueryMessage['type']> = Extract<QueryMessage, { type: T }>;
export type Engage = MessageOf<'engage'>;

/**
 * Layout of the two hot messages, whose header is laid by hand: kind (1 byte), query (8), epoch (8, a float64),
 * sequence (4), exchange (4), then for a batch seven bytes of padding and the body, 8-byte aligned
 * relative to the frame; for `settled` one byte, lost. All little-endian. The rest is CBOR after kind 0.
 */
const kinds = { cbor: 0, batch: 1, settled: 2 } as const;
const batchHeaderBytes = 32;
const settledBytes = 26;

export function encodeMessage(message: QueryMessage): Uint8Array {
  if (message.type !== 'batch' && message.type !== 'settled') {
    const body = encodeCbor(message);
    const frame = new Uint8Array(1 + body.length);
    frame[0] = kinds.cbor;
    frame.set(body, 1);
    return frame;
  }
  const isBatch = message.type === 'batch';
  const frame = new Uint8Array(isBatch ? batchHeaderBytes + message.batch.length : settledBytes);
  const view = new DataView(frame.buffer);
  view.setUint8(0, kinds[message.type]);
  view.setBigUint64(1, BigInt(`0x${message.query}`), true);
  view.setFloat64(9, message.epoch, true);
  view.setUint32(17, message.sequence, true);
  view.setUint32(21, message.exchange, true);
  if (isBatch) frame.set(message.batch, batchHeaderBytes);
  else view.setUint8(25, message.lost ? 1 : 0);
  return frame;
}

/** @throws CodecError for anything that `encodeMessage` could not have written */
export function decodeMessage(frame: Uint8Array): QueryMessage {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const kind = frame[0];
  if (kind === kinds.cbor) return decodeBody(frame.subarray(1));
  const isBatch = kind === kinds.batch && frame.length >= batchHeaderBytes;
  const isSettled = kind === kinds.settled && frame.length === settledBytes;
  if (!isBatch && !isSettled) throw new CodecError('malformed query message');
  const head = {
    query: view.getBigUint64(1, true).toString(16).padStart(16, '0'),
    epoch: view.getFloat64(9, true),
    sequence: view.getUint32(17, true),
    exchange: view.getUint32(21, true),
  };
  const isCount = Number.isSafeInteger(head.epoch) && head.epoch >= 0 && !Object.is(head.epoch, -0);
  const rest = frame.subarray(settledBytes - 1, isBatch ? batchHeaderBytes : settledBytes);
  const isPlain = isBatch ? rest.every((byte) => byte === 0) : (rest[0] as number) <= 1;
  if (!isCount || !isPlain) throw new CodecError('malformed query message');
  return isBatch
    ? { type: 'batch', ...head, batch: frame.subarray(batchHeaderBytes) }
    : { type: 'settled', ...head, lost: view.getUint8(25) === 1 };
}

function decodeBody(body: Uint8Array): QueryMessage {
  let value: unknown;
  try {
    value = decodeCbor(body);
  } catch (cause) {
    throw new CodecError('malformed query message', { cause });
  }
  const parsed = message.safeParse(value);
  if (!parsed.success) throw new CodecError('malformed query message', { cause: parsed.error });
  return parsed.data;
}
