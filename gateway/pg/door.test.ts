import { connect } from 'node:net';
import { Client, type QueryArrayResult, type QueryResult } from 'pg';
import { afterEach, describe, expect, test } from 'vitest';
import { batchFromRows, QueryError, type Schema, types } from '../../columnar/index.ts';
import { silentLog } from '../../engine/index.ts';
import { fieldsOf, RawClient, textOf, typesOf } from '../testing/raw-client.ts';
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
import type { PgAuth } from './auth.ts';
import { PgDoor } from './door.ts';

const open: { close(): Promise<void> | void }[] = [];
afterEach(async () => {
  for (const closable of open.splice(0).reverse()) await closable.close();
});

async function door(sessions: ScriptedSessions, auth: PgAuth = { kind: 'trust' }): Promise<PgDoor> {
  const listening = await PgDoor.listen({ host: '127.0.0.1', port: 0, sessions, auth, log: silentLog });
  open.push(listening);
  return listening;
}

async function client({ port }: PgDoor, login: { user?: string; password?: string } = {}): Promise<Client> {
  const connected = new Client({ host: '127.0.0.1', port, user: 'ann', database: 'wharf', ...login });
  connected.on('error', () => undefined);
  await connected.connect();
  open.push({ close: () => connected.end() });
  return connected;
}

const everyType: Schema = {
  fields: [
    { name: 'b', type: types.boolean },
    { name: 'i2', type: types.int2 },
    { name: 'i4', type: types.int4 },
    { name: 'i8', type: types.int8 },
    { name: 'f8', type: types.float8 },
    { name: 'num', type: types.numeric(10, 2) },
    { name: 't', type: types.text },
    { name: 'd', type: types.date },
    { name: 'raw', type: types.bytea },
  ],
};
const everyValue = [true, -2, 4, 8n, 0.5, -1234n, 'naïve ✓', 1, Uint8Array.of(1, 255)];

const scripts: Record<string, Script> = {
  one: () => rows(numbersSchema, [numbers(1, 2)]),
  two: () => rows(numbersSchema, [numbers(2, 3)]),
  fleet: () => rows(numbersSchema, [numbers(0, 3)], wholeCoverage(8)),
  partial: () => rows(numbersSchema, [numbers(0, 3)], partialCoverage),
  types: () => rows(everyType, [batchFromRows(everyType, [everyValue, everyValue.map(() => null)])]),
  insert: () => ({ kind: 'command', tag: 'INSERT 0 3', rowsAffected: 3, coverage: null }),
  copy: () => ({ kind: 'command', tag: 'INSERT 0 2', rowsAffected: 2, coverage: partialCoverage }),
  begin: () => ({ kind: 'command', tag: 'BEGIN', rowsAffected: null, coverage: null }),
  commit: () => ({ kind: 'command', tag: 'COMMIT', rowsAffected: null, coverage: null }),
  many: () => rows(numbersSchema, [numbers(0, 60_000), numbers(60_000, 100_000)]),
  wait: (cancelled) =>
    rows(
      numbersSchema,
      (async function* () {
        yield numbers(0, 1);
        await untilCancelled(cancelled);
      })(),
    ),
  bug: () => {
    throw new TypeError('undefined is not a function');
  },
  late: () =>
    rows(
      numbersSchema,
      (async function* () {
        yield numbers(0, 2);
        throw new QueryError('divisionByZero', 'division by zero');
      })(),
    ),
  subscribe: (cancelled) =>
    epochs(
      numbersSchema,
      (async function* () {
        yield { epoch: 1, atMs: 0, batch: numbers(10, 12), coverage: wholeCoverage(8) };
        yield { epoch: 2, atMs: 0, batch: numbers(20, 21), coverage: partialCoverage };
        await untilCancelled(cancelled);
      })(),
    ),
};

describe('with the pg client', () => {
  test('values of every type arrive as PostgreSQL would write them', async () => {
    const pg = await client(await door(new ScriptedSessions(scripts)));
    const result = await pg.query('types');
    expect(result.rows).toHaveLength(2);
    expect(result.rows[0]).toMatchObject({ b: true, i2: -2, i4: 4, i8: '8', f8: 0.5, num: '-12.34', t: 'naïve ✓' });
    expect(result.rows[0].raw).toEqual(Buffer.from([1, 255]));
    expect(Object.values(result.rows[1])).toEqual(everyValue.map(() => null));
    expect(result).toMatchObject({ command: 'SELECT', rowCount: 2 });
  });

  test('every statement of one message has its own result', async () => {
    const pg = await client(await door(new ScriptedSessions(scripts)));
    const results = (await pg.query('one; insert; two;')) as unknown as QueryResult[];
    expect(results.map(({ command, rowCount }) => `${command} ${rowCount}`)).toEqual([
      'SELECT 1',
      'INSERT 3',
      'SELECT 1',
    ]);
  });

  test('an error ends the message, and the connection goes on', async () => {
    const sessions = new ScriptedSessions(scripts);
    const pg = await client(await door(sessions));
    await expect(pg.query('one; nonsense; two')).rejects.toMatchObject({
      severity: 'ERROR',
      code: '42P01',
      message: 'there is no script "nonsense"',
      position: '8',
      hint: 'write another',
    });
    expect(sessions.asked).toEqual(['one', 'nonsense']);
    expect((await pg.query('one')).rowCount).toBe(1);
  });

  test('an error after the first rows, and a bug, are errors too', async () => {
    const pg = await client(await door(new ScriptedSessions(scripts)));
    await expect(pg.query('late')).rejects.toMatchObject({ code: '22012' });
    await expect(pg.query('bug')).rejects.toMatchObject({
      code: 'XX000',
      message: expect.stringContaining('internal error'),
    });
    expect((await pg.query('one')).rowCount).toBe(1);
  });

  test('coverage is a notice when complete and a warning when not', async () => {
    const pg = await client(await door(new ScriptedSessions(scripts)));
    const notices: unknown[] = [];
    pg.on('notice', ({ severity, message }) => notices.push([severity, message]));
    await pg.query('fleet');
    await pg.query('partial');
    await pg.query('one');
    await pg.query('insert; copy');
    expect(notices).toEqual([
      ['NOTICE', 'coverage: complete, 8 of 8 nodes'],
      ['WARNING', 'coverage: partial, 7 of 8 nodes: node 127.0.0.1:7403 failed'],
      ['WARNING', 'coverage: partial, 7 of 8 nodes: node 127.0.0.1:7403 failed'],
    ]);
  });

  test('many rows arrive in order and whole', async () => {
    const pg = await client(await door(new ScriptedSessions(scripts)));
    const result: QueryArrayResult<[string]> = await pg.query({ text: 'many', rowMode: 'array' });
    expect(result.rows).toHaveLength(100_000);
    expect(result.rows.every(([n], i) => Number(n) === i)).toBe(true);
  });

  test('an empty query is answered', async () => {
    const pg = await client(await door(new ScriptedSessions(scripts)));
    await expect(pg.query('')).resolves.toBeDefined();
  });

  test('each epoch of a subscription is a result with its number and coverage', async () => {
    const sessions = new ScriptedSessions(scripts);
    const listening = await door(sessions);
    const { client: raw } = await RawClient.ready(listening.port);
    raw.query('subscribe');
    expect(typesOf(await raw.until('C'))).toBe('TDDC');
    const second = await raw.until('C');
    expect(typesOf(second)).toBe('TDNC');
    expect(textOf(second[0])).toMatch(/epoch\|.*nodes_answered\|.*complete\|.*n\|/s);
    expect(second[1]?.body.toString('latin1')).toBe('\0\x04\0\0\0\x012\0\0\0\x017\0\0\0\x01f\0\0\0\x0220');
    raw.socket.destroy();
    await expect.poll(() => sessions.sessionsOpen).toBe(0);
  });
});

describe('the start-up', () => {
  test('encryption is declined, then the connection goes on in the clear', async () => {
    const { port } = await door(new ScriptedSessions(scripts));
    const socket = connect({ port, host: '127.0.0.1' });
    socket.write(Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])); // SSLRequest
    const answer = await new Promise<Buffer>((resolve) => socket.once('data', resolve));
    expect(answer.toString()).toBe('N');
    socket.destroy();
  });

  test('tells the server and the cancel key', async () => {
    const { port } = await door(new ScriptedSessions(scripts));
    const { client: raw, greeting } = await RawClient.ready(port);
    const parameters = greeting.filter(({ type }) => type === 'S').map(textOf);
    expect(parameters).toContain('server_version|15.0 (Wharf)|');
    expect(parameters).toContain('client_encoding|UTF8|');
    expect(greeting.find(({ type }) => type === 'K')?.body).toHaveLength(8);
    expect(textOf(greeting.at(-1))).toBe('I');
    raw.socket.destroy();
  });

  test('a newer minor version and unknown protocol options are negotiated down', async () => {
    const { port } = await door(new ScriptedSessions(scripts));
    const raw = await RawClient.open(port);
    raw.startUp({ user: 'ann', '_pq_.compression': 'on' }, 196_610);
    const [negotiation] = await raw.until('Z');
    expect(negotiation?.type).toBe('v');
    expect(textOf(negotiation)).toContain('_pq_.compression');
    raw.socket.destroy();
  });

  test.each([
    ['another major version', 131_072, { user: 'ann' }, '0A000'],
    ['no user', 196_608, { database: 'x' }, '28000'],
  ])('%s is refused', async (_, version, parameters, code) => {
    const { port } = await door(new ScriptedSessions(scripts));
    const raw = await RawClient.open(port);
    raw.startUp(parameters as unknown as Record<string, string>, version);
    const messages = await raw.until('none');
    expect(messages.map(fieldsOf)).toMatchObject([{ S: 'FATAL', C: code }]);
  });

  test('trust is refused beyond loopback, and a busy port is a clear error', async () => {
    const sessions = new ScriptedSessions(scripts);
    const common = { sessions, auth: { kind: 'trust' }, log: silentLog } as const;
    await expect(PgDoor.listen({ ...common, host: '0.0.0.0', port: 0 })).rejects.toMatchObject({
      code: 'configuration',
    });
    const { port } = await door(sessions);
    await expect(PgDoor.listen({ ...common, host: '127.0.0.1', port })).rejects.toThrow(
      `the Postgres port 127.0.0.1:${port} is already in use`,
    );
  });
});

describe('SCRAM', () => {
  const auth: PgAuth = { kind: 'scram', users: new Map([['ann', 'secret']]) };

  test('lets the right password in', async () => {
    const pg = await client(await door(new ScriptedSessions(scripts), auth), { password: 'secret' });
    expect((await pg.query('one')).rowCount).toBe(1);
  });

  test.each([
    ['a wrong password', { user: 'ann', password: 'Secret' }],
    ['an unknown user', { user: 'bob', password: 'secret' }],
  ])('refuses %s', async (_, login) => {
    const sessions = new ScriptedSessions(scripts);
    const listening = await door(sessions, auth);
    await expect(client(listening, login)).rejects.toMatchObject({
      severity: 'FATAL',
      code: '28P01',
      message: `password authentication failed for user "${login.user}"`,
    });
    expect(sessions.sessionsOpen).toBe(0);
  });

  test('refuses queries before it is done, and other mechanisms', async () => {
    const { port } = await door(new ScriptedSessions(scripts), auth);
    for (const [type, body] of [
      ['Q', 'one\0'],
      ['p', 'PLAIN\0\0\0\0\0'],
    ] as const) {
      const raw = await RawClient.open(port);
      raw.startUp({ user: 'ann' });
      await raw.until('R');
      raw.send(type, body);
      expect((await raw.until('none')).map(fieldsOf)).toMatchObject([{ S: 'FATAL', C: '08P01' }]);
    }
  });
});

describe('cancel', () => {
  test('a cancel request with the right key ends the running statement only', async () => {
    const { port } = await door(new ScriptedSessions(scripts));
    const { client: raw, greeting } = await RawClient.ready(port);
    raw.query('wait');
    await raw.until('D');
    const key = greeting.find(({ type }) => type === 'K')?.body ?? Buffer.alloc(8);
    const wrong = await RawClient.open(port);
    wrong.untyped(80_877_102, Buffer.concat([key.subarray(0, 4), Buffer.from('nope')]));
    expect(await wrong.next()).toBeNull();
    const right = await RawClient.open(port);
    right.untyped(80_877_102, key);
    expect(await right.next()).toBeNull();
    const [error] = (await raw.until('Z')).map(fieldsOf);
    expect(error).toMatchObject({ C: '57014' });
    raw.query('one');
    expect(typesOf(await raw.until('Z'))).toBe('TDCZ');
    raw.socket.destroy();
  });

  test('a client that goes away ends its session and query', async () => {
    const sessions = new ScriptedSessions(scripts);
    const { port } = await door(sessions);
    const { client: raw } = await RawClient.ready(port);
    raw.query('wait');
    await raw.until('D');
    raw.socket.resetAndDestroy();
    await expect.poll(() => sessions.sessionsOpen).toBe(0);
  });

  test('closing the door tells the clients and ends their sessions', async () => {
    const sessions = new ScriptedSessions(scripts);
    const listening = await PgDoor.listen({
      host: '127.0.0.1',
      port: 0,
      sessions,
      auth: { kind: 'trust' },
      log: silentLog,
    });
    const { client: raw } = await RawClient.ready(listening.port);
    await listening.close();
    expect((await raw.until('none')).map(fieldsOf)).toMatchObject([{ S: 'FATAL', C: '57P01' }]);
    expect(sessions.sessionsOpen).toBe(0);
  });
});

describe('the protocol', () => {
  test('the order of messages, with one write for a short answer', async () => {
    const { port } = await door(new ScriptedSessions(scripts));
    const { client: raw } = await RawClient.ready(port);
    let reads = 0;
    raw.socket.on('data', () => reads++);
    raw.query('fleet; insert');
    expect(typesOf(await raw.until('Z'))).toBe('TDDDNCCZ');
    expect(reads).toBe(1);
    raw.query(' ; ');
    expect(typesOf(await raw.until('Z'))).toBe('IZ');
    raw.socket.destroy();
  });

  test('queries sent ahead are answered one after the other', async () => {
    const { port } = await door(new ScriptedSessions(scripts));
    const { client: raw } = await RawClient.ready(port);
    for (const sql of ['one', 'insert', 'two']) raw.query(sql);
    const seen = [await raw.until('Z'), await raw.until('Z'), await raw.until('Z')];
    expect(seen.map(typesOf)).toEqual(['TDCZ', 'CZ', 'TDCZ']);
    raw.socket.destroy();
  });

  test('the transaction status follows BEGIN and COMMIT', async () => {
    const { port } = await door(new ScriptedSessions(scripts));
    const { client: raw } = await RawClient.ready(port);
    for (const [sql, status] of [
      ['begin', 'T'],
      ['nonsense', 'T'],
      ['commit', 'I'],
    ] as const) {
      raw.query(sql);
      expect(textOf((await raw.until('Z')).at(-1))).toBe(status);
    }
    raw.socket.destroy();
  });

  test('the extended protocol gets one error, and Sync ends it', async () => {
    const { port } = await door(new ScriptedSessions(scripts));
    const { client: raw } = await RawClient.ready(port);
    raw.send('P', '\0select 1\0\0\0');
    raw.send('B', Buffer.alloc(8));
    raw.send('E', Buffer.alloc(5));
    raw.send('S');
    const messages = await raw.until('Z');
    expect(typesOf(messages)).toBe('EZ');
    expect(messages[0] && fieldsOf(messages[0])).toMatchObject({
      C: '0A000',
      M: expect.stringContaining('simple protocol'),
    });
    raw.query('one');
    expect(typesOf(await raw.until('Z'))).toBe('TDCZ');
    raw.socket.destroy();
  });

  test('text that is not UTF-8 is an error, not the end', async () => {
    const { port } = await door(new ScriptedSessions(scripts));
    const { client: raw } = await RawClient.ready(port);
    raw.send('Q', Buffer.from([0xff, 0xfe, 0]));
    expect((await raw.until('Z')).map(fieldsOf)).toMatchObject([{ C: '22021' }, {}]);
    raw.socket.destroy();
  });

  test.each<[string, (raw: RawClient) => void]>([
    ['an unknown message', (raw) => raw.send('~')],
    ['a length below itself', (raw) => raw.socket.write(Buffer.from([0x51, 0, 0, 0, 1]))],
    ['an oversized message', (raw) => raw.socket.write(Buffer.from([0x51, 0x7f, 0, 0, 0]))],
    ['a query without its end', (raw) => raw.send('Q', 'one')],
    ['a query with a zero byte', (raw) => raw.send('Q', 'o\0ne\0')],
  ])('%s ends that connection and no other', async (_, misbehave) => {
    const { port } = await door(new ScriptedSessions(scripts));
    const { client: good } = await RawClient.ready(port);
    const { client: bad } = await RawClient.ready(port);
    misbehave(bad);
    expect((await bad.until('none')).map(fieldsOf)).toMatchObject([{ S: 'FATAL', C: '08P01' }]);
    good.query('one');
    expect(typesOf(await good.until('Z'))).toBe('TDCZ');
    good.socket.destroy();
  });

  test('random bytes at the start end the connection', async () => {
    const { port } = await door(new ScriptedSessions(scripts));
    const raw = await RawClient.open(port);
    raw.socket.write('GET / HTTP/1.1\r\n\r\n');
    expect((await raw.until('none')).map(fieldsOf)).toMatchObject([{ S: 'FATAL', C: '08P01' }]);
  });

  test('a client that does not read holds the query back', async () => {
    let batches = 0;
    const endless = new ScriptedSessions({
      endless: () =>
        rows(
          numbersSchema,
          (async function* () {
            for (;;) {
              batches++;
              yield numbers(0, 10_000);
            }
          })(),
        ),
    });
    const { port } = await door(endless);
    const { client: raw } = await RawClient.ready(port);
    raw.socket.pause();
    raw.query('endless');
    await expect.poll(() => batches).toBeGreaterThan(1);
    let before = -1;
    await expect
      .poll(
        () => {
          const still = batches === before;
          before = batches;
          return still;
        },
        { interval: 150 },
      )
      .toBe(true);
    raw.socket.destroy();
    await expect.poll(() => endless.sessionsOpen).toBe(0);
  });
});
