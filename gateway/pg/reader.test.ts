import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BodyReader, FramingError, MessageReader } from './reader.ts';
import { MessageWriter } from './writer.ts';

test('messages come out whole, however the stream is cut', () => {
  const messages = fc.array(
    fc.record({ type: fc.constantFrom('Q', 'X', 'p'), body: fc.uint8Array({ maxLength: 300 }) }),
    { maxLength: 20 },
  );
  fc.assert(
    fc.property(messages, fc.array(fc.integer({ min: 1, max: 97 }), { minLength: 1 }), (sent, cuts) => {
      const writer = new MessageWriter();
      for (const { type, body } of sent) {
        writer.begin(type);
        writer.bytes(body);
        writer.end();
      }
      const stream = writer.take();
      const reader = new MessageReader();
      const received: { type: string; body: Uint8Array }[] = [];
      for (let at = 0, i = 0; at < stream.length; i++) {
        const next = at + (cuts[i % cuts.length] ?? 1);
        reader.push(stream.subarray(at, next));
        at = next;
        for (let message = reader.read(1000); message !== null; message = reader.read(1000)) {
          received.push({ type: message.type, body: Uint8Array.from(message.body) });
        }
      }
      expect(received).toEqual(sent);
      expect(reader.pendingBytes).toBe(0);
    }),
  );
});

test('a length beyond the limit is refused before the message has arrived', () => {
  const reader = new MessageReader();
  reader.push(Buffer.from([0x51, 0x7f, 0xff, 0xff, 0xff]));
  expect(() => reader.read(1000)).toThrow(FramingError);
});

test('a length that does not even count itself is refused', () => {
  const reader = new MessageReader();
  reader.push(Buffer.from([0x51, 0, 0, 0, 3]));
  expect(() => reader.read(1000)).toThrow(FramingError);
});

test('a field that runs past the message is refused', () => {
  expect(() => new BodyReader(Buffer.from('abc')).string()).toThrow(FramingError);
  expect(() => new BodyReader(Buffer.from('abc')).int32()).toThrow(FramingError);
  expect(() => new BodyReader(Buffer.from('abc')).bytes(-1)).toThrow(FramingError);
});
