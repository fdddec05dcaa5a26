import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Advert } from './advert.ts';
import { broadcastRequest, pulledBroadcast } from './broadcast-messages.ts';
import { type Codec, CodecError, decode, encode } from './codec.ts';
import { controlRequest, findReply, joinReply, membersReply, reachReply } from './control.ts';
import { keyAt } from './keys.ts';
import {
  decodeFrame,
  type Envelope,
  encodeBriefFrame,
  encodeFrame,
  gossipNewsMax,
  headerCheck,
  type Message,
  type News,
  nameOf,
  replyOutcomes,
} from './messages.ts';
import type { Contact } from './overlay.ts';
import { RegionSet } from './region.ts';
import { compareReply, nextReply, openReply, replicationRequest } from './replication-messages.ts';
import { getReply, getRequest, itemRecords, storeWrite } from './store/messages.ts';
import { applyReply, writeReply, writeRequest } from './write-messages.ts';

const key = fc.bigInt({ min: 1n, max: (1n << 160n) - 1n }).map(keyAt);
const address = fc.constantFrom(
  '127.0.0.1:7400',
  '10.0.0.255:0',
  '010.1.1.1:1',
  '256.1.1.1:80',
  '[::1]:65535',
  'node-1.example.org:1',
);
const contact: fc.Arbitrary<Contact> = fc.record({ id: key, address });
const u8 = fc.nat(255);
const u32 = fc.nat(2 ** 32 - 1);
const payload = fc.uint8Array({ maxLength: 100 });
const regions = fc.array(fc.record({ from: key, to: key }), { maxLength: 4 }).map((list) => new RegionSet(list));
const advert: fc.Arbitrary<Advert> = fc.record({
  held: regions,
  spare: regions,
  retired: regions,
  lossy: regions,
  isVolatile: fc.boolean(),
});
const u16 = fc.nat(65_535);
/** As precise as it is on the wire. */
const agoMs = u16.map((units) => 10 * units);
const news: fc.Arbitrary<News> = fc.oneof(
  fc.record({ kind: fc.constant('joined' as const), contact, agoMs }),
  fc.record({ kind: fc.constantFrom('left' as const, 'failed' as const), name: key.map(nameOf), agoMs }),
);
const acknowledges = fc.record({ session: u32, next: u32, sack: u32 });

const ping = {
  stamp: u32,
  seen: u16,
  asks: fc.boolean(),
  advert: fc.option(fc.record({ version: u16, advert })),
  view: fc.option(u32),
  entry: fc.option(u32),
  census: fc.option(fc.record({ members: u16, hash: u32 })),
  contacts: fc.array(contact, { maxLength: 8 }),
};

/** Zeros stand for whoever lives at the address. */
const name = key.map(nameOf).filter((digits) => /[^0]/.test(digits));

const message: fc.Arbitrary<Message> = fc.oneof(
  fc.record({
    type: fc.constant('data' as const),
    incarnation: u32,
    session: u32,
    sequence: u32,
    acknowledges,
    app: u8,
    isOpening: fc.boolean(),
    isLast: fc.boolean(),
    payload,
  }),
  fc.record({ type: fc.constant('ack' as const), acknowledges }),
  fc.record({ type: fc.constant('reset' as const), session: u32 }),
  fc.record({ type: fc.constant('request' as const), request: u32, app: u8, payload }),
  fc.record({ type: fc.constant('reply' as const), request: u32, outcome: fc.constantFrom(...replyOutcomes), payload }),
  fc.record({ type: fc.constant('ping' as const), ...ping }),
  fc.record({ type: fc.constant('pong' as const), ...ping }),
  fc.record({ type: fc.constant('stranger' as const), meant: name }),
  fc.record({ type: fc.constant('unknown' as const) }),
  fc.record({
    type: fc.constant('gossip' as const),
    number: u16,
    news: fc.array(news, { maxLength: gossipNewsMax }),
  }),
  fc.record({ type: fc.constant('gossipAck' as const), number: u16, known: u32 }),
);

const envelope: fc.Arbitrary<Envelope> = fc.record({
  sender: key,
  incarnation: u32,
  isMember: fc.boolean(),
  target: fc.option(name),
  message,
});

const nobody = () => null;
const anybody = () => ({ sender: keyAt(1n), incarnation: 1, isMember: true, target: null });

/** Region sets compare by their edges, bytes by their content. */
function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_name, one: unknown) => {
      if (one instanceof RegionSet) return { edges: one.edges, insideAtEnd: one.insideAtEnd };
      if (one instanceof Uint8Array) return Buffer.from(one).toString('hex');
      return Object.is(one, -0) ? 0 : one;
    }),
  );
}

/** Bytes are views of one kind or another; JSON of a Buffer is not that of an array. */
function hexed(value: Envelope | null): unknown {
  if (!value) return null;
  const { message: content } = value;
  const body = 'payload' in content ? { ...content, payload: Buffer.from(content.payload).toString('hex') } : content;
  return plain({ ...value, message: body });
}

test('a frame decodes to what was encoded', () => {
  fc.assert(
    fc.property(envelope, (sent) => {
      expect(hexed(decodeFrame(encodeFrame(sent), nobody))).toEqual(hexed(sent));
    }),
    { numRuns: 500 },
  );
});

test('a brief frame decodes to what was encoded for whoever knows its header, and to nothing for others', () => {
  fc.assert(
    fc.property(envelope, (sent) => {
      const { message: content, ...header } = sent;
      if (content.type === 'data') return;
      const frame = encodeBriefFrame(headerCheck(header), content);
      expect(frame.length).toBeLessThan(encodeFrame(sent).length);
      const known = (check: number) => (check === headerCheck(header) ? header : null);
      expect(hexed(decodeFrame(frame, known))).toEqual(hexed(sent));
      expect(decodeFrame(frame, nobody)).toBeNull();
    }),
    { numRuns: 500 },
  );
});

test('headers that differ have different checks', () => {
  fc.assert(
    fc.property(envelope, key, name, u32, (sent, other, target, incarnation) => {
      fc.pre(other !== sent.sender && target !== sent.target && incarnation !== sent.incarnation);
      const changed = [{ sender: other }, { target }, { incarnation }, { isMember: !sent.isMember }];
      for (const change of changed) expect(headerCheck({ ...sent, ...change })).not.toBe(headerCheck(sent));
    }),
  );
});

test('the payload of a data frame is aligned for Arrow', () => {
  fc.assert(
    fc.property(envelope, (sent) => {
      fc.pre(sent.message.type === 'data');
      const frame = encodeFrame(sent);
      const received = decodeFrame(frame, nobody)?.message;
      if (received?.type !== 'data') throw new Error('not a data message');
      expect((received.payload.byteOffset - frame.byteOffset) % 8).toBe(0);
    }),
    { numRuns: 500 },
  );
});

describe('whatever bytes arrive, decoding ends in a value or a CodecError', () => {
  function survives(read: () => unknown): void {
    try {
      read();
    } catch (error) {
      expect(error).toBeInstanceOf(CodecError);
    }
  }

  test('random frames and damaged ones', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (frame) => survives(() => decodeFrame(frame, anybody))),
      { numRuns: 1_000 },
    );
    const damage = fc.array(fc.tuple(fc.nat(400), u8), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(envelope, damage, fc.nat(20), (sent, changes, cut) => {
        const frame = Uint8Array.from(encodeFrame(sent));
        for (const [at, value] of changes) frame[at % frame.length] = value;
        survives(() => decodeFrame(frame.subarray(0, frame.length - cut), anybody));
      }),
      { numRuns: 2_000 },
    );
  });

  const codecs: readonly Codec<never>[] = [
    controlRequest,
    joinReply,
    membersReply,
    reachReply,
    findReply,
    broadcastRequest,
    pulledBroadcast,
    replicationRequest,
    compareReply,
    openReply,
    nextReply,
    storeWrite,
    itemRecords,
    getRequest,
    getReply,
    writeRequest,
    writeReply,
    applyReply,
  ] as unknown as Codec<never>[];
  test.each(codecs.map((codec, i) => [i, codec] as const))('payloads of kind %i', (_i, codec) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), fc.nat(8), (bytes, tag) => {
        survives(() => decode(codec, bytes));
        survives(() => decode(codec, Uint8Array.of(tag, ...bytes)));
      }),
      { numRuns: 300 },
    );
  });

  test('lengths and counts beyond their limits, text that is not UTF-8, addresses that are none', () => {
    const contactWith = (text: string): Uint8Array => {
      const good = encode(findReply, { isOwner: true, isHeir: false, nearer: [{ id: keyAt(1n), address: 'a:1' }] });
      return Buffer.concat([good.subarray(0, 24), Uint8Array.of(text.length), Buffer.from(text, 'latin1')]);
    };
    expect(decode(findReply, contactWith('host.example:80')).nearer[0]?.address).toBe('host.example:80');
    for (const bad of ['', 'host', 'host:99999', 'ho st:1', '[zz]:1', 'a:1:2', 'a/b:1']) {
      expect(() => decode(findReply, contactWith(bad))).toThrow(CodecError);
    }
    expect(() => decode(findReply, Uint8Array.of(1, 0, 255, 255))).toThrow(CodecError);
    expect(() => decode(findReply, Uint8Array.of(2, 0, 0, 0))).toThrow(CodecError);
    expect(() => decode(findReply, Uint8Array.of(1, 0, 0, 0, 0))).toThrow(CodecError);
  });
});
