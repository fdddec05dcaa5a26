import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startNode } from './index.ts';

const anyPort = '127.0.0.1:0';

test.each<[object, RegExp]>([
  [{ lisen: anyPort }, /a node has no option "lisen"/],
  [{ join: anyPort }, /the option "join" of a node: .*expected array/],
  [{ replicas: 9 }, /the option "replicas" of a node: .*<=8/],
  [{ replicas: 1.5 }, /the option "replicas" of a node: .*expected int/],
  [{ geometry: 'ring' }, /the option "geometry" of a node: .*"bamboo"/],
  [{ storageBytesMax: 1_000 }, /the option "storageBytesMax" of a node: .*>=16777216/],
  [{ tables: [7] }, /the option "tables.0" of a node: .*expected object/],
  [{ log: {} }, /the option "log" of a node: expected functions info, warn and error/],
  [{ data: '' }, /the option "data" of a node: /],
  [{ secret: '' }, /the option "secret" of a node: /],
  [{ advertise: 'here' }, /cannot advertise 'here': it is not host:port/],
])('what a program gives a node is checked: %j', async (options, message) => {
  const started = startNode({ listen: anyPort, ...options });
  await expect(started).rejects.toMatchObject({ code: 'configuration', message: expect.stringMatching(message) });
});

test('a node goes by the address that it advertises, and is found by another', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const advertise = `localhost:${port}`;
  const named = await startNode({ listen: `127.0.0.1:${port}`, advertise });
  try {
    expect(named.address).toBe(advertise);
    const other = await startNode({ listen: anyPort, join: [`127.0.0.1:${port}`] });
    try {
      await other.ready(2);
    } finally {
      await other.stop();
    }
  } finally {
    await named.stop();
  }
}, 60_000);

test('the directory of a node that was not let in is open to one of another cluster', async () => {
  const data = await mkdtemp(join(tmpdir(), 'wharf-'));
  const member = await startNode({ listen: anyPort });
  try {
    const joining = { listen: anyPort, join: [member.address], data };
    await expect(startNode({ ...joining, cluster: 'other' })).rejects.toThrow(/wrong cluster/);
    const node = await startNode(joining);
    await node.stop();
    await expect(startNode({ ...joining, cluster: 'other' })).rejects.toThrow(/belongs to a node of cluster "wharf"/);
  } finally {
    await member.stop();
    await rm(data, { recursive: true });
  }
}, 60_000);

test('a node with little room shares it: what does not fit is refused, tables too, and what is small is taken', async () => {
  const room = 16 * 1024 * 1024;
  const node = await startNode({ listen: anyPort, storageBytesMax: room });
  try {
    const hourMs = 3_600_000;
    const value = new Uint8Array(1024 * 1024);
    // Whoever stores for as long as may be leaves room for one such value, beside what others store meanwhile.
    await node.store.put('bulk', 'week', 'only', value, 7 * 24 * hourMs);
    let stored = 1;
    const fill = async (): Promise<void> => {
      for (; stored < 32; stored++) await node.store.put('bulk', `b${stored}`, 'only', value, hourMs);
    };
    await expect(fill()).rejects.toMatchObject({ code: 'full', message: expect.stringMatching(/no room/) });
    expect(stored).toBeGreaterThan(4);
    expect(stored * value.length).toBeLessThan(room);
    const create = async (): Promise<void> => {
      const columns = Array.from({ length: 100 }, (_, i) => `c${i} int`).join(', ');
      for await (const _ of node.openSession().execute(`CREATE TABLE wide (${columns})`));
    };
    const message = expect.stringMatching(/^creating table "wide" failed: no room/);
    await expect(create()).rejects.toMatchObject({ code: 'storageFull', sqlState: '53100', message });
    await node.store.put('small', 's', 'only', new Uint8Array(100), 60_000);
  } finally {
    await node.stop();
  }
}, 60_000);
