import { expect, test } from 'vitest';
import { keyOf } from './keys.ts';
import type { Message } from './messages.ts';
import type { Key } from './overlay.ts';
import type { Address, Runtime, Transport } from './runtime.ts';
import { Wire } from './wire.ts';

type Deliver = (from: Address, frame: Uint8Array) => void;

const runtime = { now: () => 0 } as unknown as Runtime;
const ping: Message = {
  type: 'ping',
  stamp: 0,
  seen: 0,
  asks: false,
  advert: null,
  view: null,
  entry: null,
  census: null,
  contacts: [],
};
const data: Message = {
  type: 'data',
  incarnation: 0,
  session: 1,
  sequence: 0,
  acknowledges: { session: 0, next: 0, sack: 0 },
  app: 9,
  isOpening: true,
  isLast: true,
  payload: new Uint8Array([1, 2, 3]),
};

/** What arrives where is delivered at once; whoever moves to an address has it from then on. */
class Net {
  readonly #inhabitants = new Map<Address, Deliver>();

  move(name: string, address: Address) {
    const self = { id: keyOf(name), address };
    const transport = {
      send: (to: Address, frame: Uint8Array) => this.#inhabitants.get(to)?.(address, frame),
      onFrame: (deliver: Deliver) => this.#inhabitants.set(address, deliver),
      reject: (from: Address, reason: string) => expect.fail(`${from}: ${reason}`),
    } as unknown as Transport;
    const wire = new Wire({ runtime, transport, self, incarnation: 1, forgetAfterMs: 1_000, log: () => {} });
    const heard: string[] = [];
    const strangers: Key[] = [];
    const others = new Proxy({} as never, {
      get: (_target, type: string) => {
        if (type === 'stranger') return (_from: unknown, meant: Key) => strangers.push(meant);
        return () => heard.push(type);
      },
    });
    wire.start(({ sender }, from) => ({ id: sender, address: from }), others);
    return { self, wire, heard, strangers };
  }
}

test.each([
  ['a ping whose header goes in full', ping, false],
  ['a ping whose header is brief', ping, true],
  ['data', data, false],
] as const)(
  '%s, for one who does not live there any more, is not heard, and the sender is told',
  (_title, message, isMet) => {
    const net = new Net();
    const a = net.move('a', 'a:1');
    const b = net.move('b', 'b:1');
    if (isMet) {
      a.wire.send(b.self, ping);
      b.wire.send(a.self, ping);
    }
    const c = net.move('c', 'b:1');
    if (isMet) c.wire.send(a.self, ping);
    a.wire.send(b.self, message);
    expect(c.heard).toEqual([]);
    expect(a.strangers).toEqual([b.self.id]);
    a.wire.send(c.self, message);
    expect(c.heard).toEqual([message.type]);
    expect(a.strangers).toEqual([b.self.id]);
  },
);

test('a complaint about an earlier frame says nothing of the one who is meant now', () => {
  const net = new Net();
  const a = net.move('a', 'a:1');
  const b = net.move('b', 'b:1');
  a.wire.send(b.self, ping);
  b.wire.send(a.self, { type: 'stranger', meant: '0123456789abcdef' });
  expect(a.strangers).toEqual([]);
});
