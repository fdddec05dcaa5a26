import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  batchFromRows,
  decodeBatch,
  decodeCbor,
  encodeBatch,
  encodeCbor,
  QueryError,
  types,
} from '../../columnar/index.ts';
import { decodeEntry, encodeEntry } from '../../engine/catalog-entry.ts';
import { decodeMessage, encodeMessage, type QueryMessage } from '../../engine/query/messages.ts';
import { decodeChunk, encodeChunk } from '../../engine/rows/chunk.ts';
import { keyedRows } from '../../engine/rows/keyed-rows.ts';
import * as client from '../../gateway/client/protocol.ts';
import { FramingError, MessageReader } from '../../gateway/pg/reader.ts';
import { ScramError, ScramServer, scramVerifier } from '../../gateway/pg/scram.ts';
import { parseStartupPacket } from '../../gateway/pg/startup.ts';
import { broadcastRequest, pulledBroadcast } from '../../overlay/broadcast-messages.ts';
import { type Codec, CodecError, decode, encode } from '../../overlay/codec.ts';
import { controlRequest, findReply, findRequest, joinReply, membersReply } from '../../overlay/control.ts';
import { keyAt } from '../../overlay/keys.ts';
import {
  decodeFrame,
  decodeRefusal,
  encodeBriefFrame,
  encodeFrame,
  encodeRefusal,
  type Header,
  headerCheck,
  type Message,
  nameOf,
} from '../../overlay/messages.ts';
import { RegionSet } from '../../overlay/region.ts';
import {
  compareReply,
  keptReply,
  nextReply,
  openReply,
  replicationRequest,
} from '../../overlay/replication-messages.ts';
import { manifestCodec } from '../../overlay/store/blobs.ts';
import {
  getReply,
  getRequest,
  type ItemRecord,
  itemRecords,
  storeWrite,
  valueReply,
  valueRequest,
} from '../../overlay/store/messages.ts';
import { signedCodec } from '../../overlay/store/signed.ts';
import { applyReply, writeReply, writeRequest } from '../../overlay/write-messages.ts';
import { Outbox, splitFrames } from '../../overlay/ws/frame-codec.ts';
import { Handshake, type Identity } from '../../overlay/ws/handshake.ts';
import type { TableDefinition } from '../../planner/index.ts';
import { decodePlan, encodePlan } from '../../planner/index.ts';
import { plan } from '../../planner/test-tables.ts';
import { claimedBytes, damaged, fuzzing } from '../support/fuzz.ts';

// Every codec that reads bytes of another process, under noise, cuts, flipped bits and lies about lengths: it gives a
// value or its own error, and asks for no more memory than the bytes it was given account for.

/** What decoding may claim: a few times the bytes given, and a little for itself. */
const claimedPerByte = 16;
const claimedAlways = 16 * 1024;

interface Fuzzed {
  readonly name: string;
  readonly good: readonly Uint8Array[];
  /** Decodes, and gives the way to encode again what it got; null for what has no encoder. */
  readonly read: (bytes: Uint8Array) => (() => Uint8Array) | null;
  readonly refusal: (error: unknown) => boolean;
}

const isCodecError = (error: unknown): boolean => error instanceof CodecError;
const isProtocolError = (error: unknown): boolean => error instanceof QueryError && error.code === 'protocol';
const isScramError = (error: unknown): boolean => error instanceof ScramError;
const isFramingError = (error: unknown): boolean => error instanceof FramingError;

function ofOverlay<T>(name: string, codec: Codec<T>, values: readonly T[]): Fuzzed {
  return {
    name,
    good: values.map((value) => encode(codec, value)),
    read: again(
      (bytes) => decode(codec, bytes),
      (value) => encode(codec, value),
    ),
    refusal: isCodecError,
  };
}

function again<T>(read: (bytes: Uint8Array) => T, write: (value: T) => Uint8Array): Fuzzed['read'] {
  return (bytes) => {
    const value = read(bytes);
    return () => write(value);
  };
}

const [a, b, c] = [keyAt(1n), keyAt(2n ** 159n), keyAt(2n ** 160n - 1n)] as const;
const contact = { id: a, address: '127.0.0.1:7400' };
const other = { id: c, address: '[::1]:65535' };
const region = { from: a, to: b };
const regions = new RegionSet([region, { from: c, to: a }]);
const body = Uint8Array.from({ length: 20 }, (_, i) => i);
const contacts = [contact, other];
const news = [{ kind: 'failed', name: nameOf(c), agoMs: 120 }] as const;
const acknowledges = { session: 7, next: 3, sack: 5 };
const copies = { held: regions, spare: new RegionSet(), retired: regions, lossy: regions, isVolatile: true };
const advert = { version: 1, advert: copies };

const header: Header = { sender: a, incarnation: 1, isMember: true, target: nameOf(b) };

const messages: readonly Message[] = [
  {
    type: 'data',
    incarnation: 1,
    session: 2,
    sequence: 3,
    acknowledges,
    app: 4,
    isOpening: true,
    isLast: false,
    payload: body,
  },
  { type: 'ack', acknowledges },
  { type: 'reset', session: 9 },
  { type: 'request', request: 1, app: 240, payload: body },
  { type: 'reply', request: 1, outcome: 'refused', payload: encodeRefusal('no') },
  { type: 'ping', stamp: 1, seen: 2, asks: true, advert, view: 3, entry: 6, census: { members: 4, hash: 5 }, contacts },
  { type: 'pong', stamp: 0, seen: 0, asks: false, advert: null, view: null, census: null, entry: null, contacts: [] },
  { type: 'gossip', number: 1, news: [...news, { kind: 'joined', contact, agoMs: 20 }] },
  { type: 'gossipAck', number: 1, known: 5 },
  { type: 'unknown' },
  { type: 'stranger', meant: nameOf(b) },
];

const name = { namespace: 'n', resourceId: 'r', instanceId: 'i' };
const version = 'ab'.repeat(8);
const guard = '0f'.repeat(32);
const record: ItemRecord = {
  ...name,
  value: body,
  version,
  earlier: [version],
  guard,
  shown: 'open sesame',
  writtenAtMs: 1e12,
  writer: c,
  endsAtMs: 1e12,
  lifetimeLeftMs: 60_000,
};
const condition = { version, expected: version };
const writes = [{ first: a, last: b, chunk: body }];
const losses = [{ region, ageMs: 5 }];
const digests = [{ kind: 1, items: 2, hash: 3n }];
const broadcast = { origin: contact, number: 1, app: 2, depth: 3, ageMs: 4.5, payload: body };

const overlay: readonly Fuzzed[] = [
  {
    name: 'frames',
    good: messages.map((message) => encodeFrame({ ...header, message })),
    read: again(
      (bytes) => decodeFrame(bytes, () => header) ?? { ...header, message: { type: 'unknown' as const } },
      encodeFrame,
    ),
    refusal: isCodecError,
  },
  {
    name: 'brief frames',
    good: messages.flatMap((message) =>
      message.type === 'data' ? [] : [encodeBriefFrame(headerCheck(header), message)],
    ),
    read: (bytes) => {
      decodeFrame(bytes, (check) => (check === headerCheck(header) ? header : null));
      return null;
    },
    refusal: isCodecError,
  },
  {
    name: 'refusals',
    good: [encodeRefusal('no such app')],
    read: again(decodeRefusal, encodeRefusal),
    refusal: isCodecError,
  },
  ofOverlay('control requests', controlRequest, [
    { type: 'join', contactsMax: 256 },
    { type: 'found', number: 1 },
    { type: 'leave' },
    { type: 'compare', slice: 3, arcs: new Uint8Array(256).fill(7) },
    { type: 'reach', contact },
    { type: 'hop', source: contact, number: 1, key: b, app: 2, hops: 3, payload: body },
  ]),
  ofOverlay('join replies', joinReply, [{ contacts, missing: [{ contact: other, agoMs: 13 }] }]),
  ofOverlay('comparisons of tables', membersReply, [{ arcs: [3], members: contacts }]),
  ofOverlay('find requests', findRequest, [
    { key: a, inVain: false },
    { key: b, inVain: true },
  ]),
  ofOverlay('find replies', findReply, [{ isOwner: false, isHeir: true, nearer: contacts }]),
  ofOverlay('broadcasts', broadcastRequest, [
    { type: 'pass', ...broadcast, region: regions },
    { type: 'have', broadcasts: [{ origin: a, number: 1 }] },
    { type: 'pull', origin: a, number: 1 },
  ]),
  ofOverlay('pulled broadcasts', pulledBroadcast, [broadcast, null]),
  ofOverlay('replication requests', replicationRequest, [
    { type: 'compare', regions: [region], parts: 16, horizonMs: 1e12, anything: false },
    { type: 'open', regions: [region], anything: true },
    { type: 'next', export: 1, index: 2 },
    { type: 'sync', regions: [region] },
    { type: 'vouch' },
    { type: 'kept', regions: [region] },
  ]),
  ofOverlay('comparisons of copies', compareReply, [
    { horizonMs: 1e12, available: regions, losses, doubtful: regions, digests: [digests, []] },
  ]),
  ofOverlay('answers of owners', keptReply, [{ held: regions, lossy: regions, everywhere: regions }]),
  ofOverlay('opened exports', openReply, [
    { available: regions, losses: [{ region, ageMs: 5 }], doubtful: regions, export: 1 },
  ]),
  ofOverlay('exported chunks', nextReply, [{ kind: 1, chunk: body }, null]),
  ofOverlay('writes to items', storeWrite, [
    { type: 'put', ...name, ...condition, guard, secret: 's', value: body, lifetimeMs: 1 },
    { type: 'renew', ...name, lifetimeMs: 1 },
    { type: 'remove', ...name, ...condition, secret: null },
  ]),
  ofOverlay('signed statements', signedCodec, [
    { value: body, sequence: 7n, expiresAtMs: 1_000, publicKey: body, signature: body },
    { value: null, sequence: 0n, expiresAtMs: 0, publicKey: body, signature: body },
  ]),
  ofOverlay('manifests of blobs', manifestCodec, [{ purpose: 'p', bytes: 7, chunkBytes: 4, hashes: body }]),
  ofOverlay('items', itemRecords, [[record, { ...record, value: null, guard: null, shown: null }]]),
  ofOverlay('gets', getRequest, [
    { namespace: 'n', resourceId: 'r', asHolder: false, instanceId: 'i', after: null, itemsMax: 10 },
  ]),
  ofOverlay('answers to gets', getReply, [
    { type: 'items', items: [{ ...record, value: body }], isLast: true },
    { type: 'moved' },
    { type: 'ask', holder: contact },
    { type: 'lost' },
  ]),
  ofOverlay('reads of values', valueRequest, [{ key: a, namespace: 'n', sha256: guard }]),
  ofOverlay('values', valueReply, [body, null]),
  ofOverlay('writes to copies', writeRequest, [
    { type: 'write', isSoft: false, writes },
    { type: 'apply', isSoft: true, writes },
  ]),
  ofOverlay('outcomes of writes', writeReply, [
    [
      { status: 'refused', reason: 'no' },
      { status: 'done', reason: '' },
    ],
  ]),
  ofOverlay('outcomes of copies', applyReply, [null, { status: 'full', reason: 'no space' }]),
];

function framed(frames: readonly Uint8Array[]): Uint8Array {
  const outbox = new Outbox();
  for (const frame of frames) outbox.add(frame);
  return Uint8Array.from(Buffer.concat(outbox.take()));
}

class NoFrames extends Error {}
const identity: Identity = {
  cluster: 'fleet',
  replicas: 3,
  geometry: 'bamboo',
  address: 'd:1',
  instance: 'd'.repeat(32),
};
const dialler = new Handshake({ role: 'dialler', dialled: 'a:1' }, identity, 's');

const transport: readonly Fuzzed[] = [
  {
    name: 'WebSocket messages',
    good: [framed([body, new Uint8Array(0), body])],
    read: (bytes) => {
      const frames = splitFrames(bytes);
      if (frames === null) throw new NoFrames();
      return () => framed(frames);
    },
    refusal: (error) => error instanceof NoFrames,
  },
  {
    name: 'handshakes',
    good: [
      dialler.hello(),
      ...['{"type":"proof","mac":null}', '{"type":"refused","reason":"no"}', '{"type":"yield"}'].map((text) =>
        Buffer.from(text),
      ),
    ],
    read: (bytes) => {
      const acceptor = new Handshake(
        { role: 'acceptor' },
        { ...identity, address: 'a:1', instance: 'a'.repeat(32) },
        's',
      );
      acceptor.receive(bytes);
      acceptor.receive(bytes);
      return null;
    },
    refusal: () => false, // A bad message is answered with a refusal, never thrown.
  },
];

const schema = {
  fields: [
    { name: 'id', type: types.int4 },
    { name: 'big', type: types.int8 },
    { name: 'word', type: types.text },
    { name: 'yes', type: types.boolean },
  ],
};
const batch = batchFromRows(schema, [
  [1, 2n, 'three', true],
  [null, null, null, null],
]);
const distributed = {
  namespace: 't#1',
  primaryKey: [0],
  partitionBy: [0],
  notNull: [],
  lifetimeMs: null,
  replicas: 3,
  createdAtMs: 1_700_000_000_000,
};
const table: TableDefinition = { name: 't', source: 'distributed', schema, distributed };
const life = { atMs: 1.5, writer: 'w', firstOrdinal: 7, expiresAtMs: Number.POSITIVE_INFINITY };
const rows = keyedRows(batch, [a, b], life);
const report = {
  served: [region],
  lost: [],
  nodesReached: 2,
  nodesAnswered: 1,
  missing: [contact],
  batchesLost: 0,
  overlap: false,
  reasons: ['gone'],
};
const query = { query: '0123456789abcdef', epoch: 1 };
const sql =
  'SELECT origin, sum(delay * 1.5) FROM flights WHERE delay > 12345678901234567890 GROUP BY 1 ORDER BY 2 LIMIT 3';
const aPlan = encodePlan(plan(sql));
const engage = {
  proxy: contact,
  rendezvous: contacts,
  regions: [region],
  asHolder: false,
  depth: 1,
  remainingMs: 1_000.5,
};
const queryMessages: readonly QueryMessage[] = [
  { type: 'engage', ...query, delegation: 1, sql, plan: aPlan, ...engage, memoryBytesMax: 1_000 },
  { type: 'echo', ...query, delegation: 1, wave: 0, report, partials: [{ exchange: 0, batch: body }] },
  { type: 'advance', ...query, delegation: 1, wave: 1 },
  { type: 'batch', ...query, exchange: 1, sequence: 2, batch: body },
  { type: 'settled', ...query, exchange: 1, sequence: 2, lost: true },
  { type: 'release', ...query, delegation: 1 },
  { type: 'dropped', ...query, delegation: 1 },
  { type: 'failed', query: query.query, code: 'internal', message: 'm', hint: null },
];

const engine: readonly Fuzzed[] = [
  {
    name: 'CBOR',
    good: [
      encodeCbor({ list: [1, -2, 2n ** 63n, -(2n ** 100n), 1.5, null, undefined, true, 'text', body], map: { a: {} } }),
    ],
    read: again(decodeCbor, encodeCbor),
    refusal: isProtocolError,
  },
  {
    name: 'query messages',
    good: queryMessages.map(encodeMessage),
    read: again(decodeMessage, encodeMessage),
    refusal: isCodecError,
  },
  { name: 'plans', good: [aPlan], read: again(decodePlan, encodePlan), refusal: isProtocolError },
  {
    name: 'batches',
    good: [encodeBatch(batch)],
    read: again((bytes) => decodeBatch(schema, bytes), encodeBatch),
    refusal: isProtocolError,
  },
  {
    name: 'catalog entries',
    good: [encodeEntry({ table, node: 'n' })],
    read: again(decodeEntry, encodeEntry),
    refusal: isProtocolError,
  },
  {
    name: 'chunks of rows',
    good: [
      encodeChunk({ kind: 'rows', table, rows }),
      encodeChunk({ kind: 'dropped', namespaces: new Map([['t#1', 5]]) }),
    ],
    read: again(decodeChunk, encodeChunk),
    refusal: isProtocolError,
  },
];

type ClientMessage = Parameters<typeof client.encodeMessage>[0];
function ofClient(title: string, read: (bytes: Uint8Array) => ClientMessage, values: readonly ClientMessage[]): Fuzzed {
  const good = values.map((value) => Uint8Array.from(client.encodeMessage(value)));
  return { name: title, good, read: again(read, client.encodeMessage), refusal: isProtocolError };
}
const session = 1;
const coverage = {
  complete: false,
  nodesAnswered: 1,
  nodesReached: 2,
  missing: contacts,
  regionsLost: [region],
  batchesLost: 0,
  reasons: ['gone'],
};

/** A start-up packet's body, or a message of protocol 3.0. */
const startup = Buffer.from('\0\x03\0\0user\0me\0database\0d\0\0', 'latin1');
const scramFirst = 'n,,n=me,r=abcdefgh';
const verifier = scramVerifier('secret', new Uint8Array(16), 1);

const doors: readonly Fuzzed[] = [
  ofClient('challenges', client.decodeChallenge, [
    { type: 'challenge', protocol: 1, node: a, nonce: body, secretRequired: true },
  ]),
  ofClient('hellos', client.decodeHello, [{ type: 'hello', protocol: 1, nonce: body, proof: body }]),
  ofClient('verdicts', client.decodeVerdict, [
    { type: 'welcome', proof: null },
    { type: 'refused', code: 'unauthorized', message: 'no' },
  ]),
  ofClient('session requests', client.decodeSessionRequest, [
    { type: 'execute', session, sql: 'SELECT 1' },
    { type: 'credit', session, bytes: 10 },
  ]),
  ofClient('session replies', client.decodeSessionReply, [
    { type: 'rows', session, queryId: query.query, schema },
    { type: 'batch', session, batch: body, epoch: { number: 1, atMs: 2, coverage } },
    { type: 'end', session, coverage },
    { type: 'failed', session, code: 'internal', message: 'm', position: 1, hint: null },
  ]),
  {
    name: 'Postgres messages',
    good: [Buffer.from('Q\0\0\0\x0dSELECT 1\0Q\0\0\0\x04', 'latin1')],
    read: (bytes) => {
      const reader = new MessageReader();
      for (const byte of bytes) reader.push(Buffer.of(byte));
      while (reader.read(1_000) !== null);
      return null;
    },
    refusal: isFramingError,
  },
  {
    name: 'Postgres start-up packets',
    good: [startup, Buffer.from('\x04\xd2\x16\x2e\0\0\0\x01\0\0\0\x02', 'latin1')],
    read: (bytes) => {
      parseStartupPacket(Buffer.from(bytes));
      return null;
    },
    refusal: isFramingError,
  },
  {
    name: 'first SCRAM messages',
    good: [Buffer.from(scramFirst)],
    read: (bytes) => {
      new ScramServer(verifier).first(Buffer.from(bytes).toString('utf8'));
      return null;
    },
    refusal: isScramError,
  },
  {
    name: 'final SCRAM messages',
    good: [Buffer.from(`c=biws,r=abcdefghxyz,p=${'A'.repeat(43)}=`)],
    read: (bytes) => {
      const server = new ScramServer(verifier, 'xyz');
      server.first(scramFirst);
      server.final(Buffer.from(bytes).toString('utf8'));
      return null;
    },
    refusal: isScramError,
  },
];

const all = [...overlay, ...transport, ...engine, ...doors].map((codec) => [codec.name, codec] as const);

describe.each(all)('%s', (_name, { good, read, refusal }) => {
  test('come out as they went in', () => {
    for (const bytes of good) {
      const write = read(bytes);
      if (write !== null) expect(hex(write())).toBe(hex(bytes));
    }
  });

  test('when damaged are refused, or mean what they say; and cost no more than they weigh', () => {
    fc.assert(
      fc.property(damaged(fc.constantFrom(...good)), (bytes) => {
        const before = hex(bytes);
        let write: (() => Uint8Array) | null = null;
        let failure: unknown = null;
        const claimed = claimedBytes(() => {
          try {
            write = read(bytes);
          } catch (error) {
            failure = error;
          }
        });
        if (failure !== null && !refusal(failure)) throw failure;
        expect(claimed).toBeLessThanOrEqual(claimedPerByte * bytes.length + claimedAlways);
        expect(hex(bytes)).toBe(before);
        if (write !== null) isStable(write, read);
      }),
      fuzzing(300),
    );
  });
});

/** What was accepted is a value like any other: sent on, it is accepted as the same. */
function isStable(write: () => Uint8Array, read: Fuzzed['read']): void {
  const sent = Uint8Array.from(write());
  expect(hex(read(sent)?.() ?? sent)).toBe(hex(sent));
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
