import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import type { Log } from '../defaults.ts';
import { protocolVersion } from '../messages.ts';
import { OverlayError } from '../overlay.ts';
import { frameBytesMax } from '../runtime.ts';
import { Handshake } from './handshake.ts';
import { type WsOptions, WsTransport } from './transport.ts';

const opened: WsTransport[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((transport) => transport.close()));
});

/** A transport on a free loopback port, and what happened to it. */
async function listen(options: Partial<WsOptions> = {}) {
  const warnings: string[] = [];
  const log: Log = (level, message, fields) => {
    if (level === 'warn') warnings.push(`${message} ${JSON.stringify(fields)}`);
  };
  const transport = await WsTransport.listen({
    host: '127.0.0.1',
    port: 0,
    cluster: 'fleet',
    replicas: 3,
    geometry: 'bamboo',
    secret: 's3cret',
    log,
    ...options,
  });
  opened.push(transport);
  const received: { from: string; frame: Uint8Array }[] = [];
  const down: string[] = [];
  transport.onFrame((from, frame) => received.push({ from, frame }));
  transport.onLinkDown((peer, reason) => down.push(`${peer} ${reason}`));
  const texts = () => received.map(({ frame }) => Buffer.from(frame).toString());
  return { transport, address: transport.address, received, texts, down, warnings };
}

type Listener = Awaited<ReturnType<typeof listen>>;

const text = (value: string) => Buffer.from(value);
const until = (assertion: () => void) => vi.waitFor(assertion, { timeout: 10_000, interval: 5 });

/** Two transports of which the first has the smaller address. */
async function listenPair(options: Partial<WsOptions> = {}) {
  const [one, other] = [await listen(options), await listen(options)];
  return one.address < other.address ? ([one, other] as const) : ([other, one] as const);
}

/** Sends one frame each way, so that a link is up. */
async function greet(a: Listener, b: Listener) {
  a.transport.send(b.address, text('hello'));
  await until(() => expect(b.texts()).toContain('hello'));
}

/** A member of the cluster that is not bound by our manners: a socket that has passed the handshake. */
async function roguePeer({ address }: Listener, instance = '5'.repeat(32), ownAddress = '127.0.0.1:1') {
  const socket = new WebSocket(`ws://${address}/peer`);
  const identity = { cluster: 'fleet', replicas: 3, geometry: 'bamboo' as const, address: ownAddress, instance };
  const handshake = new Handshake({ role: 'dialler', dialled: address }, identity, 's3cret');
  await once(socket, 'open');
  socket.send(handshake.hello());
  await new Promise<void>((resolve) => {
    socket.on('message', (data) => {
      const step = handshake.receive(data as Buffer);
      if (step.kind === 'send') socket.send(step.message);
      if (step.kind === 'proved' || step.kind === 'yield') resolve();
    });
  });
  return socket;
}

/** One frame as it travels. */
function message(frame: Uint8Array) {
  const header = Buffer.alloc(4);
  header.writeUInt32LE(frame.length);
  return Buffer.concat([header, frame]);
}

/** The TCP socket below a WebSocket, for breaking the protocol. */
const rawSocket = (socket: WebSocket) => (socket as unknown as { readonly _socket: Socket })._socket;

describe('frames', () => {
  test('pass both ways over one link, opened by the first frame', async () => {
    const [a, b] = await listenPair();
    await greet(a, b);
    b.transport.send(a.address, text('world'));
    await until(() => expect(a.texts()).toEqual(['world']));
    expect(a.received[0]?.from).toBe(b.address);
    expect(b.received[0]?.from).toBe(a.address);
    expect(a.transport.counters()).toMatchObject({ linksOpened: 1, framesSent: 1, framesReceived: 1 });
    expect(b.transport.counters().linksOpened).toBe(1);
  });

  test('arrive in order, and small ones travel together', async () => {
    const [a, b] = await listenPair();
    for (let i = 0; i < 5_000; i++) a.transport.send(b.address, text(`frame ${i}`));
    await until(() => expect(b.received).toHaveLength(5_000));
    expect(b.texts()).toEqual(Array.from({ length: 5_000 }, (_, i) => `frame ${i}`));
    expect(a.transport.counters().messagesSent).toBeLessThan(5);
  });

  test('may be empty, and as long as the limit', async () => {
    const [a, b] = await listenPair();
    const long = Buffer.alloc(frameBytesMax, 'wharf');
    a.transport.send(b.address, new Uint8Array(0));
    a.transport.send(b.address, long);
    expect(a.transport.queuedBytes(b.address)).toBeGreaterThan(frameBytesMax);
    await until(() => expect(b.received).toHaveLength(2));
    expect(b.received[0]?.frame.length).toBe(0);
    expect(Buffer.compare(b.received[1]?.frame as Uint8Array, long)).toBe(0);
    expect(a.transport.queuedBytes(b.address)).toBe(0);
    expect(() => a.transport.send(b.address, new Uint8Array(frameBytesMax + 1))).toThrow(/longer than/);
  });

  test('are copied when sent, and are plain arrays when received', async () => {
    const [a, b] = await listenPair();
    const frame = text('before');
    a.transport.send(b.address, frame);
    frame.write('after!');
    await until(() => expect(b.texts()).toEqual(['before']));
    expect(Buffer.isBuffer(b.received[0]?.frame)).toBe(false);
  });

  test('pass among three without mixing', async () => {
    const nodes = [await listen(), await listen(), await listen()];
    for (const from of nodes) {
      for (const to of nodes) if (to !== from) from.transport.send(to.address, text(`${from.address}>${to.address}`));
    }
    await until(() => expect(nodes.map(({ received }) => received.length)).toEqual([2, 2, 2]));
    for (const node of nodes) {
      for (const { from, frame } of node.received) {
        expect(Buffer.from(frame).toString()).toBe(`${from}>${node.address}`);
      }
    }
  });

  test('too many for a peer that does not take them break the link, not the memory', async () => {
    const a = await listen({ queuedBytesMax: 100_000 });
    for (let i = 0; i < 11; i++) a.transport.send('127.0.0.1:1', new Uint8Array(10_000));
    expect(a.transport.queuedBytes('127.0.0.1:1')).toBeLessThan(20_000);
    await until(() => expect(a.down[0]).toMatch(/^127.0.0.1:1 overloaded: 1\d{5} bytes queued$/));
    expect(a.transport.counters().overloads).toBe(1);
  });
});

describe('opening', () => {
  test('when both dial at once, one link remains and no frame is lost', async () => {
    for (let round = 0; round < 10; round++) {
      const [a, b] = await listenPair();
      for (let i = 0; i < 20; i++) {
        a.transport.send(b.address, text(`${i}`));
        b.transport.send(a.address, text(`${i}`));
        if (i % 5 === round % 5) await new Promise(setImmediate);
      }
      const expected = Array.from({ length: 20 }, (_, i) => `${i}`);
      await until(() => expect([a.texts(), b.texts()]).toEqual([expected, expected]));
      for (const { transport, down } of [a, b]) {
        expect(down).toEqual([]);
        expect(transport.counters()).toMatchObject({ linksOpened: 1, refusals: 0 });
      }
    }
  });

  test('an alias of a peer leads to the one link it has', async () => {
    const [a, b] = await listenPair();
    const alias = b.address.replace('127.0.0.1', 'localhost');
    a.transport.send(alias, text('1'));
    await until(() => expect(b.texts()).toEqual(['1']));
    a.transport.send(b.address, text('2'));
    a.transport.send(alias, text('3'));
    b.transport.send(a.address, text('4'));
    await until(() => expect([a.texts(), b.texts()]).toEqual([['4'], ['1', '2', '3']]));
    expect(a.received[0]?.from).toBe(b.address);
    expect(b.transport.counters()).toMatchObject({ linksOpened: 1, refusals: 0 });
    await b.transport.close();
    const reason = 'closed by the peer: shutting down';
    await until(() => expect(a.down).toEqual([`${b.address} ${reason}`, `${alias} ${reason}`]));
  });

  test('nobody there, no address, and its own address are told as links down', async () => {
    const a = await listen();
    const gone = await listen();
    await gone.transport.close();
    for (const to of [gone.address, 'nonsense', a.address]) a.transport.send(to, text('x'));
    const expected = [
      `${gone.address} refused: nobody listens`,
      'nonsense refused: not host:port',
      `${a.address} refused: own address`,
    ];
    await until(() => expect(a.down.toSorted()).toEqual(expected.toSorted()));
    expect(a.transport.queuedBytes(gone.address)).toBe(0);
  });

  const refusals = [
    ['another secret', { secret: 'x' }, 'wrong cluster secret'],
    ['no secret', { secret: null }, 'cluster secret set at ACCEPTOR but not at DIALLER'],
    ['another cluster', { cluster: 'zoo' }, "wrong cluster: 'zoo' is not 'fleet'"],
    ['another number of copies', { replicas: 5 }, 'wrong number of replicas: DIALLER keeps 5 copies, ACCEPTOR keeps 3'],
  ] as const;
  test.each(refusals)('with %s is refused, and both sides are told why', async (_name, options, template) => {
    const acceptor = await listen();
    const dialler = await listen(options);
    const reason = template.replace('ACCEPTOR', acceptor.address).replace('DIALLER', dialler.address);
    dialler.transport.send(acceptor.address, text('x'));
    await until(() => expect(dialler.down).toEqual([`${acceptor.address} refused: ${reason}`]));
    expect(acceptor.warnings[0]).toContain(`refused: ${reason}`);
    expect(acceptor.received).toEqual([]);
    expect(acceptor.down).toEqual([]);
    expect(acceptor.transport.counters()).toMatchObject({ refusals: 1, linksOpened: 0 });
  });

  test('of another version is refused, and told why', async () => {
    const a = await listen();
    const socket = new WebSocket(`ws://${a.address}/peer`);
    await once(socket, 'open');
    socket.send(Buffer.from(JSON.stringify({ type: 'hello', version: 99 })));
    const [answer] = await once(socket, 'message');
    const reason = `wrong protocol version: 99 is not ${protocolVersion}`;
    expect(JSON.parse(answer)).toEqual({ type: 'refused', reason });
    expect(a.warnings[0]).toContain(reason);
  });

  test('works without a secret when neither side has one', async () => {
    const [a, b] = await listenPair({ secret: null });
    await greet(a, b);
  });

  test('ends in time when the other side says nothing', async () => {
    const a = await listen({ handshakeTimeoutMs: 50 });
    const mute = createServer(() => {}).listen(0, '127.0.0.1');
    await once(mute, 'listening');
    const address = `127.0.0.1:${(mute.address() as AddressInfo).port}`;
    a.transport.send(address, text('x'));
    const silent = new WebSocket(`ws://${a.address}/peer`);
    await until(() => expect(a.down).toEqual([`${address} timed out: no handshake within 50 ms`]));
    await until(() => expect(silent.readyState).toBe(WebSocket.CLOSED));
    expect(a.warnings.some((warning) => warning.includes('refused a peer') && warning.includes('timed out'))).toBe(
      true,
    );
    mute.close();
  });

  test('ends in time when the other side wants to dial and does not', async () => {
    const a = await listen({ handshakeTimeoutMs: 50 });
    const rogue = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    await once(rogue, 'listening');
    const address = `127.0.0.1:${(rogue.address() as AddressInfo).port}`;
    const identity = { cluster: 'fleet', replicas: 3, geometry: 'bamboo' as const, address, instance: '5'.repeat(32) };
    rogue.on('connection', (socket) => {
      const handshake = new Handshake({ role: 'acceptor' }, identity, 's3cret');
      socket.on('message', (data) => {
        const step = handshake.receive(data as Buffer);
        socket.send(step.kind === 'send' ? step.message : handshake.yieldTo());
      });
    });
    a.transport.send(address, text('x'));
    await until(() => expect(a.down).toEqual([`${address} timed out: not dialled back within 50 ms`]));
    rogue.close();
  });

  test('is refused beyond so many handshakes at once, and to browsers', async () => {
    const a = await listen({ unauthenticatedMax: 2 });
    const silent = [new WebSocket(`ws://${a.address}/peer`), new WebSocket(`ws://${a.address}/peer`)];
    await Promise.all(silent.map((socket) => once(socket, 'open')));
    const [third] = await once(new WebSocket(`ws://${a.address}/peer`), 'error');
    expect(third.message).toContain('503');
    for (const socket of silent) socket.terminate();
    const b = await listen();
    await until(() => {
      b.transport.send(a.address, text('x'));
      expect(a.texts()).toContain('x');
    });
    const [browser] = await once(new WebSocket(`ws://${a.address}/peer`, { origin: 'http://evil.example' }), 'error');
    expect(browser.message).toContain('403');
  });

  test('a peer that was restarted replaces the link it had', async () => {
    const a = await listen();
    const first = await roguePeer(a, '1'.repeat(32));
    await until(() => expect(a.transport.counters().linksOpened).toBe(1));
    const second = await roguePeer(a, '2'.repeat(32));
    second.send(message(text('again')));
    await until(() => expect(a.texts()).toEqual(['again']));
    expect(a.down).toEqual(['127.0.0.1:1 replaced by a new link']);
    await until(() => expect(first.readyState).toBe(WebSocket.CLOSED));
  });
});

describe('closing', () => {
  test('a dead link that only the peer knows of gives way when the peer dials', async () => {
    const a = await listen();
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    await once(server, 'listening');
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const handshake = new Handshake(
      { role: 'acceptor' },
      { cluster: 'fleet', replicas: 3, geometry: 'bamboo' as const, address, instance: '5'.repeat(32) },
      's3cret',
    );
    server.on('connection', (socket) => {
      socket.on('message', (data) => {
        const step = handshake.receive(data as Buffer);
        socket.send(step.kind === 'send' ? step.message : handshake.accept());
        if (step.kind === 'proved') rawSocket(socket).pause();
      });
    });
    a.transport.send(address, text('x'));
    await until(() => expect(a.transport.counters().linksOpened).toBe(1));
    await roguePeer(a, '5'.repeat(32), address);
    const reason = a.address < address ? 'connection lost' : 'replaced by a new link';
    await until(() => expect(a.down).toEqual([`${address} ${reason}`]));
    server.close();
    for (const socket of server.clients) socket.terminate();
  });

  test('an idle link closes unnoticed and opens again, without losing frames', async () => {
    const [a, b] = await listenPair({ idleMs: 20 });
    let sent = 0;
    const pauseMs = [0, 30, 25, 26, 27, 28, 60, 24, 40, 5];
    for (const pause of pauseMs) {
      await new Promise((resolve) => setTimeout(resolve, pause));
      a.transport.send(b.address, text(`${sent}`));
      b.transport.send(a.address, text(`${sent++}`));
    }
    const expected = pauseMs.map((_, i) => `${i}`);
    await until(() => expect([a.texts(), b.texts()]).toEqual([expected, expected]));
    await until(() => expect(a.transport.counters().linksIdle).toBeGreaterThan(1));
    expect([...a.down, ...b.down]).toEqual([]);
  });

  test('a peer that cannot be reached is warned of once, until it has been up', async () => {
    const a = await listen();
    const b = await listen();
    const port = Number(b.address.split(':')[1]);
    const tellsOfB = () => a.warnings.filter((warning) => warning.includes(b.address)).length;
    await b.transport.close();
    for (let attempt = 1; attempt <= 3; attempt++) {
      a.transport.send(b.address, text('x'));
      await until(() => expect(a.down).toHaveLength(attempt));
      expect(tellsOfB()).toBe(1);
    }
    const again = await listen({ port });
    await greet(a, again);
    await again.transport.close();
    await until(() => expect(a.down).toHaveLength(4));
    a.transport.send(b.address, text('x'));
    await until(() => expect(a.down).toHaveLength(5));
    expect(tellsOfB()).toBe(3);
  });

  test('a peer that is dialled by an alias is warned of again once it has been up by its own name', async () => {
    const a = await listen();
    const b = await listen();
    const alias = b.address.replace('127.0.0.1', 'localhost');
    const tellsOfAlias = () => a.warnings.filter((warning) => warning.includes(alias)).length;
    await b.transport.close();
    for (let attempt = 1; attempt <= 2; attempt++) {
      a.transport.send(alias, text('x'));
      await until(() => expect(a.down).toHaveLength(attempt));
      expect(tellsOfAlias()).toBe(1);
    }
    const again = await listen({ port: Number(b.address.split(':')[1]) });
    a.transport.send(alias, text('hello'));
    await until(() => expect(again.texts()).toEqual(['hello']));
    await again.transport.close();
    await until(() => expect(a.down).toHaveLength(4));
    a.transport.send(alias, text('x'));
    await until(() => expect(a.down).toHaveLength(5));
    expect(tellsOfAlias()).toBe(2);
  });

  test('a link that is down for another reason than before is warned of again, for another number it is not', async () => {
    const a = await listen({ queuedBytesMax: 100_000 });
    for (const bytes of [150_000, 160_000]) a.transport.send('127.0.0.1:1', new Uint8Array(bytes));
    await until(() => expect(a.down).toHaveLength(2));
    expect(a.down[0]).not.toBe(a.down[1]);
    expect(a.warnings).toHaveLength(1);
    a.transport.send('127.0.0.1:1', text('x'));
    await until(() => expect(a.down).toHaveLength(3));
    expect(a.warnings).toHaveLength(2);
  });

  test('a peer that dies takes its link down, and only that', async () => {
    const [a, b] = await listenPair();
    await greet(a, b);
    const rogue = await roguePeer(a);
    rogue.terminate();
    await until(() => expect(a.down).toEqual(['127.0.0.1:1 connection lost']));
    a.transport.send(b.address, text('still here'));
    await until(() => expect(b.texts()).toEqual(['hello', 'still here']));
  });

  test('close delivers what was sent before, tells the peers, and lets the port go', async () => {
    const [a, b] = await listenPair();
    await greet(a, b);
    for (let i = 0; i < 100; i++) a.transport.send(b.address, new Uint8Array(50_000));
    await a.transport.close();
    a.transport.send(b.address, text('too late'));
    await until(() => expect(b.received).toHaveLength(101));
    await until(() => expect(b.down).toEqual([`${a.address} closed by the peer: shutting down`]));
    expect(a.down).toEqual([]);
    const port = Number(a.address.split(':')[1]);
    const heir = await listen({ port });
    b.transport.send(heir.address, text('hello'));
    await until(() => expect(heir.texts()).toEqual(['hello']));
  });

  test('close during handshakes ends them', async () => {
    const [a, b] = await listenPair();
    a.transport.send(b.address, text('x'));
    b.transport.send(a.address, text('x'));
    await Promise.all([a.transport.close(), b.transport.close()]);
    expect([...a.down, ...b.down]).toEqual([]);
  });

  test('reject closes the link at both ends; the next frame opens another', async () => {
    const [a, b] = await listenPair();
    b.transport.onFrame((from) => b.transport.reject(from, 'nonsense'));
    for (let i = 0; i < 3; i++) a.transport.send(b.address, text('x'));
    await until(() => expect(b.down).toEqual([`${a.address} rejected: nonsense`]));
    await until(() => expect(a.down).toEqual([`${b.address} closed by the peer: rejected: nonsense`]));
    expect(b.transport.counters()).toMatchObject({ rejections: 1, framesReceived: 1 });
    b.transport.send(a.address, text('again'));
    await until(() => expect(a.texts()).toEqual(['again']));
  });
});

describe('nonsense', () => {
  const nonsense: [string, (socket: WebSocket) => void][] = [
    ['text', (socket) => socket.send('SELECT 1')],
    ['bytes that are no frames', (socket) => socket.send(Uint8Array.of(9, 0, 0, 0, 1))],
    ['an empty message', (socket) => socket.send(new Uint8Array(0))],
    ['a frame beyond the limit', (socket) => socket.send(message(new Uint8Array(frameBytesMax + 1)))],
    ['no WebSocket at all', (socket) => rawSocket(socket).write(Buffer.alloc(100, 0xff))],
  ];
  test.each(nonsense)('from a member, %s, closes that link, is counted and logged', async (_name, misbehave) => {
    const [a, b] = await listenPair();
    await greet(a, b);
    const rogue = await roguePeer(a);
    rogue.on('error', () => {});
    misbehave(rogue);
    await until(() => expect(a.down[0]).toMatch(/^127.0.0.1:1 malformed: /));
    expect(a.transport.counters().malformed).toBe(1);
    expect(a.warnings.some((warning) => warning.includes('malformed'))).toBe(true);
    await until(() => expect(rogue.readyState).toBe(WebSocket.CLOSED));
    b.transport.send(a.address, text('undisturbed'));
    await until(() => expect(a.texts()).toEqual(['undisturbed']));
    expect(a.down).toHaveLength(1);
  });

  test('from strangers is refused, counted and logged', async () => {
    const a = await listen();
    const stranger = connect(Number(a.address.split(':')[1]), '127.0.0.1');
    stranger.write(Buffer.alloc(5_000, 0x16));
    stranger.resume();
    await once(stranger, 'close');
    expect(a.transport.counters().malformed).toBe(1);
    for (const [i, junk] of ['{"type":"hello"}', '[]', 'junk', Buffer.alloc(10_000)].entries()) {
      const socket = new WebSocket(`ws://${a.address}/peer`);
      await once(socket, 'open');
      socket.send(junk, { binary: i % 2 === 0 });
      await once(socket, 'close');
      expect(a.transport.counters().refusals).toBe(i + 1);
    }
    expect(a.warnings.every((warning) => /refused|does not speak HTTP/.test(warning))).toBe(true);
    expect(a.down).toEqual([]);
  });
});

describe('the port', () => {
  test('that is in use is an error that names it', async () => {
    const a = await listen();
    const error = await listen({ port: Number(a.address.split(':')[1]) }).catch((error) => error);
    expect(error).toBeInstanceOf(OverlayError);
    expect(error.code).toBe('refused');
    expect(error.message).toContain(`cannot listen on ${a.address}: the port is in use`);
  });

  test('needs an address that others can reach', async () => {
    await expect(listen({ advertise: 'no port' })).rejects.toThrow(/cannot advertise 'no port'/);
    await expect(listen({ host: '0.0.0.0' })).rejects.toThrow(/no address at which peers reach/);
  });

  test('is shared: requests and upgrades of others have their own handlers', async () => {
    const { transport, address } = await listen();
    expect((await fetch(`http://${address}/health`)).status).toBe(404);
    transport.http.onRequest((_request, response) => void response.end('fine'));
    expect(await (await fetch(`http://${address}/health`)).text()).toBe('fine');
    const [refused] = await once(new WebSocket(`ws://${address}/shell`), 'error');
    expect(refused.message).toContain('404');
    const shell = new WebSocketServer({ noServer: true });
    transport.http.onUpgrade('/shell', (request, socket, head) =>
      shell.handleUpgrade(request, socket, head, (webSocket) => webSocket.send(request.url ?? '')),
    );
    const client = new WebSocket(`ws://${address}/shell?rows=3`);
    const [greeting] = await once(client, 'message');
    expect(greeting.toString()).toBe('/shell?rows=3');
    const closed = once(client, 'close');
    await transport.close();
    await closed;
  });
});
