import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Channel, type ChannelMessage, ChannelViolation } from './channel.ts';
import { overlayDefaults } from './defaults.ts';
import type { DataMessage } from './messages.ts';
import { seeded } from './testing/manual-runtime.ts';

const options = {
  ...overlayDefaults,
  fragmentBytesMax: 8,
  windowInitialBytes: 64,
  windowMinBytes: 16,
  payloadBytesMax: 1_000,
};

interface Weather {
  readonly loss: number;
  readonly duplication: number;
  /** Frames take 20 ms and up to so much more. */
  readonly jitterMs: number;
}

/** Two channels and the network between them, in virtual time. */
class Pair {
  nowMs = 0;
  weather: Weather;
  readonly received = { a: [] as string[], b: [] as string[] };
  readonly losses = { a: [] as string[], b: [] as string[] };
  readonly transmitted = { data: 0, ack: 0, reset: 0 };
  readonly a: Channel;
  readonly b: Channel;
  readonly #random: () => number;
  #onWay: { atMs: number; order: number; to: 'a' | 'b'; message: ChannelMessage }[] = [];
  #order = 0;
  #heardAtMs = { a: 0, b: 0 };

  constructor(seed: number, weather: Weather) {
    this.#random = seeded(seed);
    this.weather = weather;
    this.a = this.#channel('a', 'b');
    this.b = this.#channel('b', 'a');
  }

  #channel(self: 'a' | 'b', peer: 'a' | 'b'): Channel {
    return new Channel(options, {
      transmit: (message) => {
        this.transmitted[message.type] += 1;
        const copies = this.#random() < this.weather.duplication ? 2 : 1;
        for (let i = 0; i < copies; i++) {
          if (this.#random() < this.weather.loss) continue;
          const atMs = this.nowMs + 20 + this.#random() * this.weather.jitterMs;
          this.#onWay.push({ atMs, order: this.#order++, to: peer, message });
        }
      },
      deliver: (_app, payload) => this.received[self].push(Buffer.from(payload).toString()),
      lost: (reason) => this.losses[self].push(reason),
    });
  }

  run(forMs: number): void {
    const endMs = this.nowMs + forMs;
    for (;;) {
      this.#onWay.sort((x, y) => x.atMs - y.atMs || x.order - y.order);
      const arrival = this.#onWay[0]?.atMs ?? Number.POSITIVE_INFINITY;
      const timerA = this.a.timerAtMs() ?? Number.POSITIVE_INFINITY;
      const timerB = this.b.timerAtMs() ?? Number.POSITIVE_INFINITY;
      const atMs = Math.max(this.nowMs, Math.min(arrival, timerA, timerB));
      if (atMs > endMs) break;
      this.nowMs = atMs;
      if (arrival <= atMs) this.#arrive();
      else if (timerA <= atMs) this.a.onTimer(atMs, this.#heardAtMs.a);
      else this.b.onTimer(atMs, this.#heardAtMs.b);
      this.a.checkInvariants();
      this.b.checkInvariants();
    }
    this.nowMs = endMs;
  }

  #arrive(): void {
    const { to, message } = this.#onWay.shift() as { to: 'a' | 'b'; message: ChannelMessage };
    this.#heardAtMs[to] = this.nowMs;
    const channel = this[to];
    if (message.type === 'data') channel.onData({ ...message, incarnation: 0 }, this.nowMs);
    else if (message.type === 'ack') channel.onAcknowledgement(message.acknowledges, this.nowMs);
    else channel.onReset(message.session);
  }

  send(from: 'a' | 'b', text: string): void {
    this[from].send(1, new TextEncoder().encode(text), this.nowMs);
  }
}

const words = fc.array(fc.string({ maxLength: 60 }), { maxLength: 40 });
const weather = fc.record({
  loss: fc.constantFrom(0, 0.05, 0.1),
  duplication: fc.constantFrom(0, 0.2),
  jitterMs: fc.constantFrom(0, 15, 300),
});

test('under loss, duplication and reordering everything arrives once and in order', () => {
  fc.assert(
    fc.property(fc.nat(), weather, words, words, (seed, sky, fromA, fromB) => {
      const pair = new Pair(seed, sky);
      fromA.forEach((word, i) => {
        pair.send('a', word);
        if (i % 3 === 0) pair.run(7);
      });
      for (const word of fromB) pair.send('b', word);
      pair.run(120_000);
      expect(pair.received.b).toEqual(fromA);
      expect(pair.received.a).toEqual(fromB);
      expect(pair.losses).toEqual({ a: [], b: [] });
    }),
    { numRuns: 150 },
  );
});

test('what is not delivered in order is reported lost, even when the peer forgets in the middle', () => {
  fc.assert(
    fc.property(fc.nat(), weather, words, words, fc.nat(400), (seed, sky, before, after, waitMs) => {
      const pair = new Pair(seed, sky);
      for (const word of before) pair.send('a', word);
      pair.run(waitMs);
      pair.b.abandon('b gives a up');
      for (const word of after) pair.send('a', word);
      pair.run(120_000);
      const all = [...before, ...after];
      if (pair.losses.a.length === 0) expect(pair.received.b).toEqual(all);
      else {
        // A beginning, then nothing of what was unacknowledged at the reset.
        const arrived = pair.received.b;
        expect(all.slice(0, arrived.length)).toEqual(arrived);
      }
    }),
    { numRuns: 150 },
  );
});

describe('in fair weather', () => {
  const fair = { loss: 0, duplication: 0, jitterMs: 0 };

  test('traffic both ways carries its own acknowledgements', () => {
    const pair = new Pair(1, fair);
    for (let i = 0; i < 100; i++) {
      pair.send('a', `a${i}`);
      pair.send('b', `b${i}`);
      pair.run(10);
    }
    pair.run(1_000);
    expect(pair.received.b).toHaveLength(100);
    expect(pair.transmitted.data).toBe(200);
    expect(pair.transmitted.ack).toBeLessThanOrEqual(4);
  });

  test('a bulk transfer one way needs few acknowledgements and no retransmission', () => {
    const pair = new Pair(1, fair);
    for (let i = 0; i < 100; i++) {
      pair.send('a', `a${i}`);
      pair.run(2);
    }
    pair.run(1_000);
    expect(pair.received.b).toHaveLength(100);
    expect(pair.transmitted.data).toBe(100);
    expect(pair.transmitted.ack).toBeLessThanOrEqual(20);
  });

  test('a conversation resumed after a long silence starts a session that the peer accepts', () => {
    const pair = new Pair(1, fair);
    pair.send('a', 'before');
    pair.run(options.idleAfterMs + 60_000);
    pair.b.abandon('forgotten for its silence');
    pair.send('a', 'after');
    pair.run(1_000);
    expect(pair.received.b).toEqual(['before', 'after']);
    expect(pair.losses.a).toEqual([]);
  });
});

describe('giving up', () => {
  test('a silent peer is given up after a while, once, and the next payload starts afresh', () => {
    const pair = new Pair(1, { loss: 1, duplication: 0, jitterMs: 0 });
    pair.send('a', 'into the void');
    pair.run(options.giveUpAfterMs / 2);
    expect(pair.losses.a).toEqual([]);
    pair.run(options.giveUpAfterMs * 2);
    expect(pair.losses.a).toEqual(['the peer is silent']);
    pair.weather = { loss: 0, duplication: 0, jitterMs: 0 };
    pair.send('a', 'hello again');
    pair.run(1_000);
    expect(pair.received.b).toEqual(['hello again']);
  });

  test('a session that the receiver abandoned is reset, and stays dead', () => {
    const pair = new Pair(1, { loss: 0, duplication: 0, jitterMs: 0 });
    pair.send('a', 'one');
    pair.run(100);
    pair.b.abandon('b believes that a died');
    pair.send('a', 'two');
    pair.run(100);
    expect(pair.losses.a).toEqual(['the peer has forgotten the conversation']);
    pair.send('a', 'three');
    pair.run(100);
    expect(pair.received.b).toEqual(['one', 'three']);
  });
});

test('nonsense is a violation', () => {
  const channel = new Channel(options, { transmit: () => {}, deliver: () => {}, lost: () => {} });
  channel.send(1, new Uint8Array(3), 0);
  expect(() => channel.onAcknowledgement({ session: 1, next: 9, sack: 0 }, 1)).toThrow(ChannelViolation);
  expect(() => channel.send(1, new Uint8Array(1_001), 0)).toThrow(RangeError);
  const fragment = (sequence: number): DataMessage => ({
    type: 'data',
    incarnation: 0,
    session: 1,
    sequence,
    acknowledges: { session: 0, next: 0, sack: 0 },
    app: 1,
    isOpening: true,
    isLast: false,
    payload: new Uint8Array(600),
  });
  channel.onData(fragment(0), 1);
  expect(() => channel.onData(fragment(1), 1)).toThrow(ChannelViolation);
});
