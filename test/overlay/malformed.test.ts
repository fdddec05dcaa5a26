import { expect, test } from 'vitest';
import { broadcastRequest } from '../../overlay/broadcast-messages.ts';
import { encode } from '../../overlay/codec.ts';
import { broadcastApp, controlApp, controlRequest } from '../../overlay/control.ts';
import { CodecError, type Contact, type OverlayNode, RegionSet } from '../../overlay/index.ts';
import { encodeFrame, type Message, nameOf } from '../../overlay/messages.ts';
import { Fleet } from './fleet.ts';

const app = 7;
const garbage = Uint8Array.of(250, 2, 3);
const unreadable = (): never => {
  throw new CodecError('not what this app says');
};

/** A fleet whose app can read nothing, and somebody with a link to its first node who is no member. */
async function attackedFleet() {
  const prepare = (node: OverlayNode): void =>
    node.register(app, {
      receive: unreadable,
      broadcast: unreadable,
      deliver: unreadable,
      answer: () => Promise.reject(new CodecError('not what this app says')),
    });
  const fleet = await Fleet.start(4, { seed: 1, prepare });
  const rogue: Contact = { id: '7'.repeat(40), address: 'rogue:1' };
  const { transport } = fleet.sim.host(rogue.address);
  let linksDown = 0;
  transport.onFrame(() => {});
  transport.onLinkDown(() => {
    linksDown += 1;
  });
  const target = fleet.node(0);
  const send = async (message: Message): Promise<void> => {
    const envelope = { sender: rogue.id, incarnation: 1, isMember: false, target: nameOf(target.self.id), message };
    transport.send(target.self.address, encodeFrame(envelope));
    await fleet.sim.runFor(2_000);
  };
  const malformed = (): number[] => fleet.all().map((node) => node.counters().payloadsMalformed);
  return { fleet, target, rogue, send, malformed, linksDown: () => linksDown };
}

const data = (to: number, payload: Uint8Array): Message => ({
  type: 'data',
  incarnation: 0,
  session: 1,
  sequence: 0,
  acknowledges: { session: 0, next: 0, sack: 0 },
  app: to,
  isOpening: true,
  isLast: true,
  payload,
});
let requests = 0;
const request = (to: number, payload: Uint8Array): Message => {
  requests += 1;
  return { type: 'request', request: requests, app: to, payload };
};
const hopOf = (source: Contact, key: string): Uint8Array =>
  encode(controlRequest, { type: 'hop', source, number: 1, key, app, hops: 1, payload: garbage });
const broadcastOf = (origin: Contact): Uint8Array =>
  encode(broadcastRequest, {
    type: 'pass',
    origin,
    number: 1,
    app,
    depth: 0,
    ageMs: 0,
    region: RegionSet.whole(),
    payload: garbage,
  });

type Attacked = Awaited<ReturnType<typeof attackedFleet>>;

test.each<[string, (attacked: Attacked) => Message]>([
  ['a message', () => data(app, garbage)],
  ['a request', () => request(app, garbage)],
  ['a request to the overlay itself', () => request(controlApp, garbage)],
  ['a frame of a broadcast', () => request(broadcastApp, garbage)],
  ['a broadcast of its own', ({ rogue }) => request(broadcastApp, broadcastOf(rogue))],
  ['a routed message of its own', ({ rogue, target }) => request(controlApp, hopOf(rogue, target.self.id))],
])('%s that cannot be read costs its maker the link, and is counted once', async (_, message) => {
  const attacked = await attackedFleet();
  await attacked.send(message(attacked));
  expect(attacked.linksDown()).toBe(1);
  expect(attacked.malformed()).toEqual([1, 0, 0, 0]);
});

test('who passes on what it has not read keeps its links', async () => {
  const { fleet, target, rogue, send, malformed, linksDown } = await attackedFleet();
  const honest = fleet.node(1);
  await send(request(controlApp, hopOf(rogue, honest.self.id)));
  expect(malformed()).toEqual([0, 1, 0, 0]);
  // Whoever is named as the source without having sent it is left in peace, too, and the garbage goes no further.
  await send(request(broadcastApp, broadcastOf(honest.self)));
  expect(malformed()).toEqual([1, 1, 0, 0]);
  expect(linksDown()).toBe(0);
  expect(fleet.sim.stats().rejections).toBe(0);
  expect(target.missing()).toEqual([]);
});
