import { z } from 'zod';
import {
  decodeCbor,
  type ErrorCode,
  encodeCbor,
  isSqlType,
  QueryError,
  type Schema,
  SQLSTATE,
  type SqlType,
} from '../../columnar/index.ts';
import { type Coverage, listOf } from '../../engine/index.ts';

// The client door's messages: CBOR maps in binary WebSocket messages on path `/client`.
//
//   node    challenge ->
//   client               <- hello            (with its proof of the cluster secret)
//   node    welcome | refused ->
//
// Then any number of sessions, each numbered by the client, one execution at a time in each:
//
//   client  execute ->
//   node    command | rows | epochs          one statement's outcome
//   node    batch*, end                      rows and epochs only; sent while the client grants credit
//   client  next ->                          the node goes on with the following statement
//   node    done | failed                    the execution is over; `failed` may come instead of anything above
//
// `stop` ends one result early (its `end` still comes), `abandon` the whole execution (`done` or
// `failed` still comes), `cancel` makes the running statement fail.

export const clientPath = '/client';
export const protocolVersion = 1;
/** Longest message a client may send; a query text lies well below. */
export const clientMessageBytesMax = 16 * 1024 * 1024;
/** Longest message a node may send: a batch is cut to `batchBytesMax`, but one row is never cut. */
export const nodeMessageBytesMax = 256 * 1024 * 1024;
export const batchBytesMax = 1024 * 1024;
/** Batches in flight to one session before the node waits for the client to take them. */
export const windowBytes = 4 * 1024 * 1024;
export const nonceBytes = 16;
/** In an answer; the planner allows no more. */
const columnsMax = 4_096;
/** Of each list in a coverage. */
const coverageItemsMax = 65_536;
/** Of any error code, also those to come. */
const errorCodeCharsMax = 64;

const bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array, 'expected bytes');
const session = z
  .int()
  .min(0)
  .max(2 ** 31 - 1);
const count = z.int().min(0);

const hello = z.object({
  type: z.literal('hello'),
  protocol: z.int(),
  nonce: bytes,
  /** `null` when the client has no secret. */
  proof: bytes.nullable(),
});

const sessionRequest = z.discriminatedUnion('type', [
  z.object({ type: z.literal('open'), session }),
  z.object({ type: z.literal('execute'), session, sql: z.string() }),
  z.object({ type: z.literal('next'), session }),
  z.object({ type: z.literal('stop'), session }),
  z.object({ type: z.literal('abandon'), session }),
  z.object({ type: z.literal('cancel'), session }),
  /** The client has taken batches of this many bytes. */
  z.object({ type: z.literal('credit'), session, bytes: count }),
  z.object({ type: z.literal('close'), session }),
]);

const sqlType = z.custom<SqlType>(isSqlType);
const schema: z.ZodType<Schema> = z.object({
  fields: listOf(z.object({ name: z.string(), type: sqlType }), columnsMax),
});

const coverage: z.ZodType<Coverage> = z.object({
  complete: z.boolean(),
  nodesAnswered: count,
  nodesReached: count,
  missing: listOf(z.object({ id: z.string(), address: z.string() }), coverageItemsMax),
  regionsLost: listOf(z.object({ from: z.string(), to: z.string() }), coverageItemsMax),
  batchesLost: count,
  reasons: listOf(z.string(), coverageItemsMax),
});

/** One that the node has and this client does not, being older, is read as `internal`: the message tells more. */
const errorCode = z.enum(Object.keys(SQLSTATE) as [ErrorCode, ...ErrorCode[]]).or(
  z
    .string()
    .max(errorCodeCharsMax)
    .transform((): ErrorCode => 'internal'),
);
const failure = { code: errorCode, message: z.string(), position: count.nullable(), hint: z.string().nullable() };

const challenge = z.object({
  type: z.literal('challenge'),
  protocol: z.int(),
  node: z.string(),
  nonce: bytes,
  secretRequired: z.boolean(),
});

const verdict = z.discriminatedUnion('type', [
  /** The node's own proof of the secret; `null` when it has none. */
  z.object({ type: z.literal('welcome'), proof: bytes.nullable() }),
  z.object({ type: z.literal('refused'), code: errorCode, message: z.string() }),
]);

const sessionReply = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('command'),
    session,
    tag: z.string(),
    rowsAffected: count.nullable(),
    coverage: coverage.nullable(),
  }),
  z.object({ type: z.literal('rows'), session, queryId: z.string().nullable(), schema }),
  z.object({ type: z.literal('epochs'), session, queryId: z.string(), schema }),
  z.object({
    type: z.literal('batch'),
    session,
    batch: bytes,
    /** Of the epoch that this batch is the last of; `null` within an epoch and for rows. */
    epoch: z.object({ number: z.int(), atMs: z.number(), coverage }).nullable(),
  }),
  z.object({ type: z.literal('end'), session, coverage: coverage.nullable() }),
  z.object({ type: z.literal('done'), session }),
  z.object({ type: z.literal('failed'), session, ...failure }),
]);

export type Challenge = z.infer<typeof challenge>;
export type Hello = z.infer<typeof hello>;
export type Verdict = z.infer<typeof verdict>;
export type SessionRequest = z.infer<typeof sessionRequest>;
export type SessionReply = z.infer<typeof sessionReply>;

export function encodeMessage(message: Challenge | Hello | Verdict | SessionRequest | SessionReply): Uint8Array {
  return encodeCbor(message);
}

/** Readers of what the peer sent. @throws QueryError `protocol` when it is no such message */
export const decodeChallenge = decoder(challenge);
export const decodeHello = decoder(hello);
export const decodeVerdict = decoder(verdict);
export const decodeSessionRequest = decoder(sessionRequest);
export const decodeSessionReply = decoder(sessionReply);

function decoder<T>(shape: z.ZodType<T>): (message: Uint8Array) => T {
  return (message) => {
    const parsed = shape.safeParse(decodeCbor(message));
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    const path = issue?.path.join('.') ?? '';
    throw new QueryError(
      'protocol',
      `malformed message: ${path === '' ? '' : `${path}: `}${issue?.message ?? 'invalid'}`,
    );
  };
}
