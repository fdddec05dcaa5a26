import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeCbor } from '../../columnar/index.ts';
import { CodecError } from '../../overlay/index.ts';
import { decodeMessage, encodeMessage, type QueryMessage } from './messages.ts';

const queryId = fc.stringMatching(/^[0-9a-f]{16}$/);
const key = fc.stringMatching(/^[0-9a-f]{40}$/);
const count = fc.nat({ max: 2 ** 32 - 1 });
const contact = fc.record({ id: key, address: fc.constant('127.0.0.1:7400') });
const region = fc.record({ from: key, to: key });
const bytes = fc.uint8Array({ maxLength: 300 });
const body = Uint8Array.of(1, 2, 3);

const message: fc.Arbitrary<QueryMessage> = fc.oneof(
  fc.record({
    type: fc.constant('engage' as const),
    query: queryId,
    epoch: count,
    delegation: count,
    sql: fc.string(),
    plan: bytes,
    proxy: contact,
    rendezvous: fc.array(contact),
    regions: fc.array(region, { minLength: 1 }),
    asHolder: fc.boolean(),
    depth: fc.nat({ max: 64 }),
    remainingMs: count,
    memoryBytesMax: fc.constant(1_000),
  }),
  fc.record({
    type: fc.constant('echo' as const),
    query: queryId,
    epoch: count,
    delegation: count,
    wave: count,
    report: fc.record({
      served: fc.array(region),
      lost: fc.array(region),
      nodesReached: count,
      nodesAnswered: count,
      missing: fc.array(contact),
      batchesLost: count,
      overlap: fc.boolean(),
      reasons: fc.array(fc.string()),
    }),
    partials: fc.array(fc.record({ exchange: count, batch: bytes })),
  }),
  fc.record({ type: fc.constant('advance' as const), query: queryId, epoch: count, delegation: count, wave: count }),
  fc.record({
    type: fc.constant('batch' as const),
    query: queryId,
    epoch: count,
    exchange: count,
    sequence: count,
    batch: bytes,
  }),
  fc.record({
    type: fc.constant('settled' as const),
    query: queryId,
    epoch: count,
    exchange: count,
    sequence: count,
    lost: fc.boolean(),
  }),
  fc.record({ type: fc.constant('release' as const), query: queryId, epoch: count, delegation: count }),
  fc.record({ type: fc.constant('dropped' as const), query: queryId, epoch: count, delegation: count }),
  fc.record({
    type: fc.constant('failed' as const),
    query: queryId,
    code: fc.constantFrom('outOfRange' as const, 'internal' as const),
    message: fc.string(),
    hint: fc.option(fc.string()),
  }),
);

/** Byte arrays compare by content, whatever view of a buffer they are. */
const plain = (value: QueryMessage): unknown =>
  JSON.parse(JSON.stringify(value, (_, part) => (part instanceof Uint8Array ? [...part] : part)));

describe('query messages', () => {
  test('come out as they went in', () => {
    fc.assert(
      fc.property(message, (value) => {
        expect(plain(decodeMessage(encodeMessage(value)))).toEqual(plain(value));
      }),
    );
  });

  test('random bytes are refused with a CodecError and nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (frame) => {
        try {
          decodeMessage(frame);
        } catch (error) {
          expect(error).toBeInstanceOf(CodecError);
        }
      }),
    );
  });

  test('a message with a flipped byte or a missing tail is refused or is still a message', () => {
    fc.assert(
      fc.property(message, fc.nat(), fc.nat({ max: 255 }), fc.boolean(), (value, at, byte, cut) => {
        const frame = encodeMessage(value);
        const broken = cut ? frame.slice(0, at % frame.length) : frame.with(at % frame.length, byte);
        try {
          expect(decodeMessage(broken)).toHaveProperty('type');
        } catch (error) {
          expect(error).toBeInstanceOf(CodecError);
        }
      }),
    );
  });

  test('a batch with an epoch that is none, or with anything in its padding, is refused', () => {
    const good = encodeMessage({
      type: 'batch',
      query: 'a'.repeat(16),
      epoch: 1,
      exchange: 0,
      sequence: 0,
      batch: body,
    });
    for (const epoch of [Number.NaN, -1, -0, 0.5, 2 ** 60]) {
      const bad = Uint8Array.from(good);
      new DataView(bad.buffer).setFloat64(9, epoch, true);
      expect(() => decodeMessage(bad)).toThrow(CodecError);
    }
    expect(() => decodeMessage(good.with(27, 1))).toThrow(CodecError);
    const settled = encodeMessage({
      type: 'settled',
      query: 'a'.repeat(16),
      epoch: 1,
      exchange: 0,
      sequence: 0,
      lost: true,
    });
    expect(() => decodeMessage(settled.with(25, 2))).toThrow(CodecError);
  });

  test('a long list of nonsense is refused as a whole, not item by item', () => {
    const frame = Buffer.concat([
      Buffer.of(0),
      encodeCbor({ type: 'echo', report: { served: new Array(100_000).fill(0) } }),
    ]);
    const issuesOf = (): number => {
      try {
        decodeMessage(frame);
      } catch (error) {
        return ((error as CodecError).cause as { readonly issues: readonly unknown[] }).issues.length;
      }
      return Number.NaN;
    };
    expect(issuesOf()).toBeLessThan(100);
  });
});
