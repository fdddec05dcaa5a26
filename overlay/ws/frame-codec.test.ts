import fc from 'fast-check';
import { expect, test } from 'vitest';
import { frameBytesMax } from '../runtime.ts';
import { Outbox, splitFrames, wsPayloadBytesMax } from './frame-codec.ts';
import { messageBytesMax } from './limits.ts';

const frames = fc.array(
  fc.oneof(
    fc.uint8Array({ maxLength: 100 }),
    fc.integer({ min: 0, max: 3 * messageBytesMax }).map((length) => new Uint8Array(length).fill(length)),
  ),
  { maxLength: 40 },
);

test('whatever is queued comes out of the messages, in order and unshared', () => {
  fc.assert(
    fc.property(frames, (frames) => {
      const outbox = new Outbox();
      for (const frame of frames) {
        const reused = Uint8Array.from(frame);
        outbox.add(reused);
        reused.fill(0xee);
      }
      const { bytes } = outbox;
      const messages = outbox.take();
      expect(messages.reduce((sum, message) => sum + message.length, 0)).toBe(bytes);
      for (const message of messages) {
        if (message.length > messageBytesMax) expect(splitFrames(message)).toHaveLength(1);
      }
      const received = messages.flatMap((message) => splitFrames(message) ?? []);
      expect(received.length).toBe(frames.length);
      for (const [i, frame] of received.entries()) expect(Buffer.compare(frame, frames[i] as Uint8Array)).toBe(0);
      expect(outbox.take()).toEqual([]);
      expect(outbox.bytes).toBe(0);
    }),
    { numRuns: 50 },
  );
});

test('neighbouring messages could not have been one', () => {
  fc.assert(
    fc.property(frames, (frames) => {
      const outbox = new Outbox();
      for (const frame of frames) outbox.add(frame);
      const messages = outbox.take();
      for (const [i, message] of messages.entries()) {
        const first = splitFrames(messages[i + 1] ?? new Uint8Array(0))?.[0];
        if (first) expect(message.length + 4 + first.length).toBeGreaterThan(messageBytesMax);
      }
    }),
    { numRuns: 50 },
  );
});

test('a small frame does not take a large buffer', () => {
  const buffers = new Set<ArrayBufferLike>();
  for (let i = 0; i < 100; i++) {
    const outbox = new Outbox();
    outbox.add(new Uint8Array(10));
    for (const { buffer } of outbox.take()) buffers.add(buffer);
  }
  const bytes = [...buffers].reduce((sum, { byteLength }) => sum + byteLength, 0);
  expect(bytes / 100).toBeLessThan(2_000);
});

test('the longest frame fits into the longest message', () => {
  const outbox = new Outbox();
  outbox.add(new Uint8Array(frameBytesMax));
  expect(outbox.take()[0]?.length).toBe(wsPayloadBytesMax);
});

test('messages of another outbox keep their place', () => {
  const [first, second] = [new Outbox(), new Outbox()];
  first.add(Uint8Array.of(1));
  second.add(Uint8Array.of(2));
  first.addMessages(second.take());
  first.add(Uint8Array.of(3));
  expect(first.bytes).toBe(15);
  const received = first.take().flatMap((message) => splitFrames(message) ?? []);
  expect(received).toEqual([Uint8Array.of(1), Uint8Array.of(2), Uint8Array.of(3)]);
});

test('any other bytes are refused, or give frames that tile them', () => {
  const nearlyValid = frames.chain((frames) => {
    const outbox = new Outbox();
    for (const frame of frames) outbox.add(frame.subarray(0, 50));
    const message = Buffer.concat(outbox.take());
    return fc
      .record({ cut: fc.nat(message.length), at: fc.nat(message.length), flip: fc.nat(255) })
      .map(({ cut, at, flip }) => {
        const damaged = Uint8Array.from(message.subarray(0, cut));
        if (at < cut) damaged[at] = (damaged[at] as number) ^ flip;
        return damaged;
      });
  });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), nearlyValid), (bytes) => {
      const split = splitFrames(bytes);
      if (!split) return;
      expect(split.length).toBeGreaterThan(0);
      expect(split.reduce((sum, frame) => sum + 4 + frame.length, 0)).toBe(bytes.length);
    }),
    { numRuns: 300 },
  );
});

test('truncated, empty and overlong messages are refused', () => {
  expect(splitFrames(new Uint8Array(0))).toBeNull();
  expect(splitFrames(Uint8Array.of(1, 0, 0))).toBeNull();
  expect(splitFrames(Uint8Array.of(2, 0, 0, 0, 7))).toBeNull();
  expect(splitFrames(Uint8Array.of(1, 0, 0, 0, 7, 9))).toBeNull();
  expect(splitFrames(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 7))).toBeNull();
});
