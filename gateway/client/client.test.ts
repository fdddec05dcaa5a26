import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { type Batch, batchToRows, QueryError } from '../../columnar/index.ts';
import type { Session, StatementResult } from '../../engine/index.ts';
import { silentLog } from '../../engine/index.ts';
import {
  epochs,
  numbers,
  numbersSchema,
  partialCoverage,
  rows,
  type Script,
  ScriptedSessions,
  untilCancelled,
  wholeCoverage,
} from '../testing/scripted-sessions.ts';
import { connect } from './connect.ts';
import { ClientDoor } from './door.ts';
import { clientPath, encodeMessage } from './protocol.ts';
import type { RemoteNode } from './remote-node.ts';

const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0).reverse()) close();
});

let endlessBatches = 0;
const scripts: Record<string, Script> = {
  one: () => rows(numbersSchema, [numbers(1, 2)], wholeCoverage(8)),
  partial: () => rows(numbersSchema, [numbers(0, 3)], partialCoverage),
  none: () => rows(numbersSchema, []),
  insert: () => ({ kind: 'command', tag: 'INSERT 0 3', rowsAffected: 3, coverage: null }),
  copy: () => ({ kind: 'command', tag: 'INSERT 0 2', rowsAffected: 2, coverage: partialCoverage }),
  many: () => rows(numbersSchema, [numbers(0, 300_000), numbers(300_000, 300_001)]),
  wait: (cancelled) =>
    rows(
      numbersSchema,
      (async function* () {
        yield numbers(0, 1);
        await untilCancelled(cancelled);
      })(),
    ),
  endless: () =>
    rows(
      numbersSchema,
      (async function* () {
        for (;;) {
          endlessBatches++;
          yield numbers(0, 10_000);
          await new Promise(setImmediate);
        }
      })(),
    ),
  bug: () => {
    throw new TypeError('undefined is not a function');
  },
  subscribe: (cancelled) =>
    epochs(
      numbersSchema,
      (async function* () {
        yield { epoch: 1, atMs: 1000.5, batch: numbers(0, 300_000), coverage: wholeCoverage(8) };
        yield { epoch: 2, atMs: 2000.5, batch: numbers(0, 0), coverage: partialCoverage };
        await untilCancelled(cancelled);
      })(),
    ),
};

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function serve(
  sessions: ScriptedSessions,
  secret: string | null = null,
): Promise<{ address: string; door: ClientDoor }> {
  const door = new ClientDoor({ sessions, node: 'node-1', secret, log: silentLog });
  const server = createServer();
  server.on('upgrade', (request, socket, head) => door.handleUpgrade(request, socket, head));
  const address = await listen(server);
  open.push(() => door.close());
  return { address, door };
}

async function connected(sessions: ScriptedSessions): Promise<RemoteNode> {
  const { address } = await serve(sessions);
  const node = await connect(address, { secret: null });
  open.push(() => node.close());
  return node;
}

async function session(): Promise<Session> {
  return (await connected(new ScriptedSessions(scripts))).openSession();
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const seen: T[] = [];
  for await (const item of items) seen.push(item);
  return seen;
}

const values = (batches: readonly Batch[]): unknown[] => batches.flatMap(batchToRows).flat();

/** What a statement gave, in short. */
async function digest(result: StatementResult): Promise<unknown> {
  if (result.kind === 'command') return result.tag;
  if (result.kind === 'epochs') return 'epochs';
  const batches = await all(result.batches);
  return [values(batches), result.coverage()?.nodesAnswered ?? null];
}

describe('a session', () => {
  test('runs statements in order, with their rows and coverage', async () => {
    const remote = await session();
    const seen: unknown[] = [];
    for await (const result of remote.execute('one; insert; none; partial')) seen.push(await digest(result));
    expect(seen).toEqual([[[1n], 8], 'INSERT 0 3', [[], null], [[0n, 1n, 2n], 7]]);
  });

  test('tells what a command covers, if it asked the fleet', async () => {
    const [literal, copied] = await all((await session()).execute('insert; copy'));
    expect(literal).toEqual({ kind: 'command', tag: 'INSERT 0 3', rowsAffected: 3, coverage: null });
    expect(copied).toEqual({ kind: 'command', tag: 'INSERT 0 2', rowsAffected: 2, coverage: partialCoverage });
  });

  test('cuts large batches and keeps their order', async () => {
    const remote = await session();
    for await (const result of remote.execute('many')) {
      if (result.kind !== 'rows') throw new Error(result.kind);
      const batches = await all(result.batches);
      expect(batches.length).toBeGreaterThan(2);
      expect(values(batches).every((n, i) => n === BigInt(i))).toBe(true);
      expect(values(batches)).toHaveLength(300_001);
    }
  });

  test('rebuilds errors, and goes on afterwards', async () => {
    const remote = await session();
    const failing = all(remote.execute('insert; nonsense; one'));
    await expect(failing).rejects.toThrow(QueryError);
    await expect(failing).rejects.toMatchObject({
      code: 'unknownTable',
      message: 'there is no script "nonsense"',
      position: 7,
      hint: 'write another',
    });
    await expect(all(remote.execute('bug'))).rejects.toMatchObject({ code: 'internal' });
    expect(await all(remote.execute('insert'))).toHaveLength(1);
  });

  test('a statement runs only when the one before it is done with', async () => {
    const sessions = new ScriptedSessions(scripts);
    const remote = (await connected(sessions)).openSession();
    for await (const result of remote.execute('insert; one; insert')) {
      if (result.kind === 'rows') break;
    }
    expect(sessions.asked).toEqual(['insert', 'one']);
    expect(await all(remote.execute('insert'))).toHaveLength(1);
  });

  test('cancel makes the running statement fail', async () => {
    const remote = await session();
    const run = async (): Promise<void> => {
      for await (const result of remote.execute('wait')) {
        if (result.kind !== 'rows') continue;
        for await (const _ of result.batches) remote.cancel();
      }
    };
    await expect(run()).rejects.toMatchObject({ code: 'cancelled' });
    expect(await all(remote.execute('insert'))).toHaveLength(1);
  });

  test('leaving a result early cancels it and goes on with the next statement', async () => {
    const remote = await session();
    const seen: string[] = [];
    for await (const result of remote.execute('wait; endless; insert')) {
      seen.push(result.kind);
      if (result.kind !== 'rows') continue;
      for await (const _ of result.batches) break;
    }
    expect(seen).toEqual(['rows', 'rows', 'command']);
  });

  test('a result that nobody reads is left, too', async () => {
    const remote = await session();
    const seen: string[] = [];
    for await (const result of remote.execute('endless; insert')) seen.push(result.kind);
    expect(seen).toEqual(['rows', 'command']);
  });

  test('a slow reader holds the query back', async () => {
    endlessBatches = 0;
    const remote = await session();
    for await (const result of remote.execute('endless')) {
      if (result.kind !== 'rows') continue;
      for await (const _ of result.batches) {
        let before = -1;
        await expect
          .poll(
            () => {
              const still = endlessBatches === before;
              before = endlessBatches;
              return still;
            },
            { interval: 100 },
          )
          .toBe(true);
        // 80 kB a batch: what fits the window, and a little that is on its way.
        expect(endlessBatches).toBeLessThan(80);
        break;
      }
    }
  });

  test('epochs arrive whole, each with its coverage', async () => {
    const remote = await session();
    const seen: unknown[] = [];
    for await (const result of remote.execute('subscribe')) {
      if (result.kind !== 'epochs') throw new Error(result.kind);
      for await (const { epoch, atMs, batch, coverage } of result.epochs) {
        seen.push([epoch, atMs, batch.numRows, coverage.complete]);
        if (epoch === 2) break;
      }
    }
    expect(seen).toEqual([
      [1, 1000.5, 300_000, true],
      [2, 2000.5, 0, false],
    ]);
  });

  test('many share one connection', async () => {
    const node = await connected(new ScriptedSessions(scripts));
    const counts = await Promise.all([1, 2, 3].map(() => all(node.openSession().execute('insert; insert'))));
    expect(counts.map(({ length }) => length)).toEqual([2, 2, 2]);
  });

  test('ends with its connection, at both ends', async () => {
    const sessions = new ScriptedSessions(scripts);
    const { address, door } = await serve(sessions);
    const node = await connect(address, { secret: null });
    const first = node.openSession();
    await all(first.execute('insert'));
    expect(sessions.sessionsOpen).toBe(1);
    node.close();
    await expect.poll(() => sessions.sessionsOpen).toBe(0);

    const other = await connect(address, { secret: null });
    const second = other.openSession();
    const waiting = (async () => {
      for await (const result of second.execute('wait')) if (result.kind === 'rows') await all(result.batches);
    })();
    await expect.poll(() => sessions.asked.at(-1)).toBe('wait');
    door.close();
    await expect(waiting).rejects.toBeInstanceOf(QueryError);
    await expect(all(second.execute('insert'))).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining('lost the connection'),
    });
  });
});

describe('the cluster secret', () => {
  test('the right one opens the door', async () => {
    const { address } = await serve(new ScriptedSessions(scripts), 'squirrel');
    const node = await connect(address, { secret: 'squirrel' });
    expect(node.id).toBe('node-1');
    expect(await all(node.openSession().execute('insert'))).toHaveLength(1);
    node.close();
  });

  test.each([
    ['a wrong one', 'squirrel', 'Squirrel', 'the cluster secret is wrong'],
    ['a missing one', 'squirrel', null, 'requires the cluster secret'],
    ['one that the node does not know', null, 'squirrel', 'does not know the cluster secret'],
  ])('%s is refused with the reason', async (_, nodeSecret, secret, reason) => {
    const { address } = await serve(new ScriptedSessions(scripts), nodeSecret);
    await expect(connect(address, { secret })).rejects.toMatchObject({
      code: 'unauthorized',
      message: expect.stringContaining(reason),
    });
  });
});

describe('connecting', () => {
  test('to nobody', async () => {
    const address = await listen(createServer());
    open.pop()?.();
    await expect(connect(address, { secret: null })).rejects.toMatchObject({
      code: 'unreachable',
      message: `cannot reach a Wharf node at ${address}: connection refused`,
    });
  });

  test('to a web server', async () => {
    const address = await listen(createServer((_, response) => response.writeHead(404).end()));
    await expect(connect(address, { secret: null })).rejects.toMatchObject({
      message: `cannot reach a Wharf node at ${address}: it answers HTTP 404, so it is no Wharf node, or one that is still starting`,
    });
  });

  test('to something else', async () => {
    const server = createTcpServer((socket) => socket.end('220 mail.example.com ESMTP\r\n'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    open.push(() => server.close());
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    await expect(connect(address, { secret: null })).rejects.toMatchObject({
      message: `cannot reach a Wharf node at ${address}: something other than a Wharf node answers there`,
    });
  });
});

describe('the door', () => {
  async function rawSocket(address: string, headers: Record<string, string> = {}): Promise<WebSocket> {
    const socket = new WebSocket(`ws://${address}${clientPath}`, { headers });
    socket.on('error', () => undefined);
    return socket;
  }
  const closeCode = (socket: WebSocket): Promise<number> =>
    new Promise((resolve) => socket.once('close', (code) => resolve(code)));

  test.each<[string, string | Uint8Array]>([
    ['text', 'hello'],
    ['no CBOR', Uint8Array.of(0xff, 0xff)],
    ['a session before the hello', encodeMessage({ type: 'open', session: 0 })],
    ['a hello that lacks a field', Buffer.from('a1647479706565', 'hex')],
  ])('closes a link that sends %s', async (_, message) => {
    const { address } = await serve(new ScriptedSessions(scripts));
    const socket = await rawSocket(address);
    socket.once('message', () => socket.send(message));
    expect(await closeCode(socket)).toBe(1002);
  });

  test('closes a link that speaks of a session it never opened, and no other', async () => {
    const sessions = new ScriptedSessions(scripts);
    const { address } = await serve(sessions);
    const good = (await connect(address, { secret: null })).openSession();
    const socket = await rawSocket(address);
    socket.once('message', () => {
      socket.send(encodeMessage({ type: 'hello', protocol: 1, nonce: new Uint8Array(16), proof: null }));
      socket.send(encodeMessage({ type: 'execute', session: 7, sql: 'one' }));
    });
    expect(await closeCode(socket)).toBe(1002);
    expect(await all(good.execute('insert'))).toHaveLength(1);
    good.close();
  });

  test('refuses another protocol version with the reason', async () => {
    const { address } = await serve(new ScriptedSessions(scripts));
    const socket = await rawSocket(address);
    socket.once('message', () => {
      socket.send(encodeMessage({ type: 'hello', protocol: 9, nonce: new Uint8Array(16), proof: null }));
    });
    expect(await closeCode(socket)).toBe(4401);
  });

  test('refuses web pages', async () => {
    const { address } = await serve(new ScriptedSessions(scripts));
    const socket = await rawSocket(address, { origin: 'https://example.com' });
    const status = await new Promise((resolve) =>
      socket.once('unexpected-response', (_, { statusCode }) => resolve(statusCode)),
    );
    expect(status).toBe(403);
  });
});
