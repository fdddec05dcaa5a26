import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Encoder } from 'cbor-x';
import { beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { clientPath } from '../../gateway/index.ts';
import { encodeFrame, type Message, protocolVersion } from '../../overlay/messages.ts';
import { frameBytesMax } from '../../overlay/runtime.ts';
import { Handshake, type Identity } from '../../overlay/ws/handshake.ts';
import { ask, eventually, type Running, scratchFile, startWharf } from './command.ts';

// What strangers, and members gone mad, may do to a running node: each costs them their connection, leaves a line in
// the log, and changes nothing for anybody else.

const secret = 's3cret';
let attacked: Running;
let address = '';
let pgPort = 0;

beforeAll(async () => {
  const rows = await scratchFile('rows.csv', 'n\n1\n2\n3\n');
  const secretFile = await scratchFile('secret', secret);
  const flags = [
    'start',
    '--no-host-metrics',
    '--secret-file',
    secretFile,
    '--table',
    `rows=${rows}`,
    '--listen',
    '127.0.0.1:0',
  ];
  attacked = startWharf([...flags, '--pg', '0']);
  const [, found, port] = await attacked.printed(/"address":"([^"]+)".*"postgres":"127\.0\.0\.1:(\d+)"/, 'err');
  address = found ?? '';
  pgPort = Number(port);
  await startWharf([...flags, '--join', address]).printed(/the node is ready/, 'err');
});

const bytes = (length: number): Buffer => randomBytes(length);

/** The fleet's answer is what it always was. */
async function expectAnswers(): Promise<void> {
  expect(await ask(address, 'SELECT count(*), sum(n) FROM rows', secret)).toEqual([['6', '12']]);
}

/** What the node does meanwhile must show in its log, behind what was there before. */
async function logged(attack: () => Promise<void>, message: RegExp): Promise<void> {
  await expectAnswers();
  const before = attacked.err.length;
  await attack();
  await eventually(() => expect(attacked.err.slice(before)).toMatch(message));
  expect(attacked.err).not.toMatch(/"level":50|uncaught/i);
  await expectAnswers();
}

async function closed(socket: Socket | WebSocket): Promise<void> {
  socket.on('error', () => undefined);
  if (socket instanceof WebSocket ? socket.readyState !== socket.CLOSED : !socket.destroyed)
    await once(socket, 'close');
}

async function tcp(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined).resume();
  await once(socket, 'connect');
  return socket;
}

async function webSocket(path: string): Promise<WebSocket> {
  const socket = new WebSocket(`ws://${address}${path}`);
  socket.on('error', () => undefined);
  await once(socket, 'open');
  return socket;
}

/** The TCP socket below a WebSocket, for breaking its framing. */
const below = (socket: WebSocket): Socket => (socket as unknown as { readonly _socket: Socket })._socket;

describe('strangers', () => {
  test('random bytes on the TCP port', async () => {
    await logged(async () => {
      const socket = await tcp(Number(address.split(':')[1]));
      socket.write(bytes(10_000));
      await closed(socket);
    }, /closed a connection that does not speak HTTP/);
  });

  test('random bytes at the Postgres door', async () => {
    await logged(async () => {
      const socket = await tcp(pgPort);
      socket.write(Buffer.concat([Buffer.from([0, 0, 0, 200, 0, 3, 0, 0]), bytes(192)]));
      await closed(socket);
    }, /a Postgres client sent a malformed message/);
  });

  test.each([
    ['bytes that are no handshake', bytes(500), /refused a peer/],
    ['a message longer than any', bytes(frameBytesMax + 1_000), /refused a peer/],
    [
      'nonsense in the handshake',
      Buffer.from(JSON.stringify({ type: 'hello', version: protocolVersion, cluster: 7 })),
      /malformed handshake/,
    ],
    ['another version', Buffer.from('{"type":"hello","version":99}'), /wrong protocol version/],
  ])('%s from one who would be a peer', async (_, message, reason) => {
    await logged(async () => {
      const socket = await webSocket('/peer');
      socket.send(message);
      await closed(socket);
    }, reason);
  });

  test('a wrong secret', async () => {
    await logged(async () => closed((await rogue('guess')).socket), /refused: wrong cluster secret/);
  });

  test.each([
    ['bytes', bytes(500)],
    ['a text', 'SELECT 1'],
  ])('%s from one who would be a client', async (_, message) => {
    await logged(async () => {
      const socket = await webSocket(clientPath);
      socket.send(message);
      await closed(socket);
    }, /a client sent a malformed message/);
  });
});

describe('members gone mad', () => {
  let malformedBefore = 0;
  const malformed = async (): Promise<number> => {
    const rows = await ask(address, `SELECT frames_malformed FROM sys.nodes WHERE address = '${address}'`, secret);
    return Number(rows[0]?.[0]);
  };

  test.each([
    ['random bytes for frames', () => bytes(500)],
    ['a frame cut short', () => framed(bytes(500)).subarray(0, 300)],
    ['a frame longer than any', () => bytes(frameBytesMax + 1_000)],
    ['text', () => 'hello'],
  ])('%s', async (_, message) => {
    await logged(async () => {
      const { socket } = await rogue(secret);
      socket.send(message());
      await closed(socket);
    }, /"malformed: [^"]+","msg":"link down"/);
  });

  test('broken WebSocket framing', async () => {
    await logged(async () => {
      const { socket } = await rogue(secret);
      below(socket).write(bytes(1_000));
      await closed(socket);
    }, /link down/);
  });

  test('frames that are no messages are counted', async () => {
    malformedBefore = await malformed();
    await logged(async () => {
      const { socket } = await rogue(secret);
      socket.send(framed(bytes(200)));
      await closed(socket);
    }, /malformed frame/);
    expect(await malformed()).toBe(malformedBefore + 1);
  });

  /** Every application there is or might be. */
  const apps = [0, 1, 2, 3, 4, 5, 100, 240, 241, 242, 243, 244, 255];
  const acknowledges = { session: 0, next: 0, sack: 0 };
  const data = (sequence: number, app: number, payload: Uint8Array): Message => ({
    type: 'data',
    incarnation: 0,
    session: 1,
    sequence,
    acknowledges,
    app,
    isOpening: true,
    isLast: true,
    payload,
  });

  test('valid frames with nonsense in them', async () => {
    await expectAnswers();
    for (const app of apps) {
      for (const length of [0, 1, 22, 23, 24, 100, 3_000]) {
        // Each on a link of its own: what the first does must not keep the others from being read.
        for (const message of [
          data(0, app, bytes(length)),
          { type: 'request', request: 1, app, payload: bytes(length) } as const,
          { type: 'reply', request: 1, outcome: 'ok', payload: bytes(length) } as const,
        ])
          (await rogue(secret)).send(message);
      }
    }
    await eventually(() => expect(attacked.err).toMatch(/malformed query message/));
    await eventually(() => expect(attacked.err).toMatch(/malformed catalog news|malformed frame/));
    expect(attacked.err).not.toMatch(/"level":50|uncaught/i);
    await expectAnswers();
  });

  test('messages of queries that never were, with bytes changed here and there', async () => {
    const query = '0123456789abcdef';
    const key = '7'.repeat(40);
    const head = { query, epoch: 0, delegation: 0, wave: 0 };
    const nobody = { id: key, address: '127.0.0.1:1' };
    const region = { from: key, to: key };
    const report = {
      served: [region],
      lost: [],
      nodesReached: 1,
      nodesAnswered: 1,
      missing: [],
      batchesLost: 0,
      overlap: false,
      reasons: [],
    };
    const task = {
      sql: 'SELECT 1',
      plan: bytes(300),
      proxy: nobody,
      rendezvous: [nobody],
      region,
      asHolder: false,
      depth: 1,
    };
    const messages = [
      { type: 'engage', ...head, ...task, remainingMs: 1_000, memoryBytesMax: 1_000 },
      { type: 'echo', ...head, report, partials: [{ exchange: 0, batch: bytes(50) }] },
      { type: 'advance', ...head },
      { type: 'release', ...head },
      { type: 'failed', query, code: 'internal', message: 'it is not so', hint: null },
    ].map((message) =>
      Buffer.concat([Buffer.from([0]), new Encoder({ useRecords: false, tagUint8Array: false }).encode(message)]),
    );
    await expectAnswers();
    for (let link = 0; link < 200; link++) {
      // What cannot be read ends the link: the others are sent as they are, before it.
      const { send } = await rogue(secret);
      for (const [sequence, message] of messages.entries()) send(data(sequence, 2, message));
      const broken = Buffer.from(messages[link % messages.length] ?? []);
      broken.writeUInt8(randomInt(256), randomInt(broken.length));
      send(data(messages.length, 2, broken));
    }
    await expectAnswers();
    expect(attacked.err).not.toMatch(/"level":50|uncaught/i);
  });

  test('acknowledgements of what was never sent, and news of nobody', async () => {
    const key = '7'.repeat(40);
    const contact = { id: key, address: '127.0.0.1:1' };
    const hearsay = {
      stamp: 1,
      seen: 9,
      asks: true,
      advert: null,
      view: 1,
      entry: 7,
      census: null,
      contacts: [contact],
    };
    const messages: Message[] = [
      { type: 'ack', acknowledges: { session: 1, next: 2 ** 32 - 1, sack: 2 ** 32 - 1 } },
      { type: 'reset', session: 1 },
      { type: 'stranger', meant: key },
      { type: 'pong', ...hearsay },
      { type: 'ping', ...hearsay },
      { type: 'gossip', number: 1, news: [{ kind: 'failed', name: key.slice(0, 16), agoMs: 0 }] },
      { type: 'gossipAck', number: 7, known: 2 ** 32 - 1 },
      { type: 'unknown' },
      data(2 ** 32 - 1, 2, bytes(10)),
    ];
    await expectAnswers();
    for (const message of messages) (await rogue(secret)).send(message);
    await expectAnswers();
  });
});

/** One frame as it travels in a message. */
function framed(frame: Uint8Array): Buffer {
  const header = Buffer.alloc(4);
  header.writeUInt32LE(frame.length);
  return Buffer.concat([header, frame]);
}

let rogues = 0;

/** A peer that speaks the handshake, and then whatever it likes. It is no member of the ring. */
async function rogue(guess: string) {
  rogues++;
  const instance = bytes(16).toString('hex');
  const own: Identity = { cluster: 'wharf', replicas: 3, geometry: 'bamboo', address: `127.0.0.1:${rogues}`, instance };
  const socket = await webSocket('/peer');
  const handshake = new Handshake({ role: 'dialler', dialled: address }, own, guess);
  const over = new Promise<void>((resolve) => {
    socket.on('close', () => resolve());
    socket.on('message', (message: Buffer) => {
      const step = handshake.receive(message);
      if (step.kind === 'send') socket.send(step.message);
      else resolve();
    });
  });
  socket.send(handshake.hello());
  await over;
  const sender = bytes(20).toString('hex');
  const send = (message: Message): void =>
    socket.send(framed(encodeFrame({ sender, incarnation: 1, isMember: false, target: null, message })));
  return { socket, send };
}
