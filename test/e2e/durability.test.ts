import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { ask, eventually, expectOneMessage, type Running, scratch, scratchFile, startWharf, wharf } from './command.ts';

/** Ports that were free a moment ago: a restarted node keeps its address. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  await Promise.all(servers.map((server) => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Nodes in processes of their own, each with a data directory. */
class DurableFleet {
  readonly addresses: readonly string[];
  readonly #running: (Running | null)[] = [];

  constructor(ports: readonly number[]) {
    this.addresses = ports.map((port) => `127.0.0.1:${port}`);
  }

  /** How the node is started; it joins through the first one. */
  async command(index: number): Promise<string[]> {
    const [first = ''] = this.addresses;
    const address = this.addresses[index] ?? '';
    const args = ['start', '--listen', address, '--no-host-metrics', '--data', await this.data(index)];
    return index === 0 ? args : [...args, '--join', first];
  }

  async data(index: number): Promise<string> {
    return join(await scratch(), `node-${this.addresses[index]?.replace(':', '-')}`);
  }

  async start(index: number): Promise<void> {
    const running = startWharf(await this.command(index));
    this.#running[index] = running;
    await running.printed(/the node is ready/, 'err');
  }

  async kill(index: number): Promise<void> {
    const running = this.#running[index];
    this.#running[index] = null;
    running?.signal('SIGKILL');
    await running?.finished();
  }

  /** Some node that is up. */
  any(): string {
    const up = this.addresses.filter((_, index) => this.#running[index]);
    return up[Math.floor(Math.random() * up.length)] ?? '';
  }
}

test('kill -9, again and again, then everywhere at once: every acknowledged row is there', async () => {
  const fleet = new DurableFleet(await freePorts(3));
  await fleet.start(0);
  await Promise.all([fleet.start(1), fleet.start(2)]);
  await ask(fleet.any(), 'CREATE TABLE notes (id int PRIMARY KEY, body text)');
  const acknowledged: number[] = [];
  let isOver = false;
  const write = async (): Promise<void> => {
    for (let id = 0; !isOver; id++) {
      try {
        await ask(fleet.any(), `INSERT INTO notes VALUES (${id}, 'note ${id}')`);
        acknowledged.push(id);
      } catch {
        await sleep(20);
      }
    }
  };
  const writing = write();
  for (const victim of [1, 0, 2]) {
    await sleep(500);
    await fleet.kill(victim);
    await sleep(200);
    await fleet.start(victim);
  }
  await sleep(300);
  await Promise.all([0, 1, 2].map((index) => fleet.kill(index)));
  isOver = true;
  await writing;
  await Promise.all([0, 1, 2].map((index) => fleet.start(index)));
  expect(acknowledged.length).toBeGreaterThan(10);
  await eventually(async () => {
    const rows = await ask(fleet.any(), "SET coverage = strict; SELECT id FROM notes WHERE body = 'note ' || id");
    const found = new Set(rows.map(([id]) => Number(id)));
    expect(acknowledged.filter((id) => !found.has(id))).toEqual([]);
  });
  expect(await ask(fleet.any(), 'SELECT DISTINCT disk FROM sys.nodes')).toEqual([['ok']]);
});

test('a node that its fleet refuses does not found another one', async () => {
  const fleet = new DurableFleet(await freePorts(2));
  await fleet.start(0);
  await fleet.start(1);
  await ask(fleet.any(), 'CREATE TABLE notes (id int PRIMARY KEY)');
  await fleet.kill(0);
  expectOneMessage(await wharf([...(await fleet.command(0)), '--geometry', 'chord']), {
    code: 1,
    message: /cannot join through \S+: wrong geometry: \S+ is of chord, \S+ of bamboo\n/,
  });
  await fleet.start(0);
  await ask(fleet.any(), 'INSERT INTO notes VALUES (1)');
  await eventually(async () => {
    const [[rows] = [], [nodes] = []] = [
      ...(await ask(fleet.any(), 'SET coverage = strict; SELECT count(*) FROM notes')),
      ...(await ask(fleet.any(), 'SELECT count(*) FROM sys.nodes')),
    ];
    expect([Number(rows), Number(nodes)]).toEqual([1, 2]);
  });
  await Promise.all([fleet.kill(0), fleet.kill(1)]);
});

test('a disk that has changed under a node is found out: it goes on, says so, and takes no writes', async () => {
  const fleet = new DurableFleet(await freePorts(1));
  await fleet.start(0);
  const node = fleet.any();
  await ask(node, 'CREATE TABLE notes (id int PRIMARY KEY, body text)');
  for (let i = 0; i < 20; i++) await ask(node, `INSERT INTO notes VALUES (${i}, '${'x'.repeat(3_000)}')`);
  await fleet.kill(0);
  const store = join(await fleet.data(0), 'store');
  await flip(store, /\.log$/);
  await fleet.start(0);
  await eventually(async () => {
    const [[rows] = []] = await ask(node, 'SELECT count(*) FROM notes');
    expect(Number(rows)).toBeGreaterThan(0);
    expect(Number(rows)).toBeLessThan(20);
  });
  expect(await ask(node, 'SELECT disk FROM sys.nodes')).toEqual([
    [expect.stringMatching(/the data on disk is damaged/)],
  ]);
  await expect(ask(node, 'SET coverage = strict; SELECT count(*) FROM notes')).rejects.toThrow(
    /the answer is not complete/,
  );
  await expect(ask(node, "INSERT INTO notes VALUES (99, 'y')")).rejects.toThrow(
    /its disk has failed: the data on disk/,
  );
  await fleet.kill(0);
  // Now nothing of it can be read.
  await flip(store, /\.ldb$/);
  const files = await readdir(store);
  await fleet.start(0);
  expect(await ask(node, 'SELECT disk FROM sys.nodes')).toEqual([
    [expect.stringMatching(/^the data on disk is damaged: \d+\.ldb is damaged$/)],
  ]);
  await expect(ask(node, 'SELECT count(*) FROM notes')).rejects.toMatchObject({
    code: 'unknownTable',
    hint: 'Perhaps it exists: some of what was stored has been lost.',
  });
  await expect(ask(node, 'CREATE TABLE notes (id int)')).rejects.toThrow(/its disk has failed: the data on disk/);
  await fleet.kill(0);
  expect(await readdir(store)).toEqual(files);
});

/** Changes a byte in the middle of the largest of these files. */
async function flip(directory: string, kind: RegExp): Promise<void> {
  const names = (await readdir(directory)).filter((name) => kind.test(name));
  const files = await Promise.all(names.map(async (name) => ({ name, bytes: await readFile(join(directory, name)) })));
  const [largest] = files.sort((a, b) => b.bytes.length - a.bytes.length);
  if (!largest?.bytes.length) throw new Error(`nothing in ${directory} to change`);
  const middle = largest.bytes.length >> 1;
  largest.bytes[middle] = (largest.bytes[middle] as number) ^ 1;
  await writeFile(join(directory, largest.name), largest.bytes);
}

describe('a data directory', () => {
  test('serves one process', async () => {
    const [first = 0, second = 0] = await freePorts(2);
    const data = join(await scratch(), 'shared');
    const running = startWharf(['start', '--listen', `127.0.0.1:${first}`, '--no-host-metrics', '--data', data]);
    await running.printed(/the node is ready/, 'err');
    expectOneMessage(await wharf(['start', '--listen', `127.0.0.1:${second}`, '--data', data]), {
      code: 1,
      message: /the data directory .*shared is in use by another process/,
    });
    running.signal('SIGINT');
    await running.finished();
    expectOneMessage(await wharf(['start', '--listen', `127.0.0.1:${second}`, '--data', data, '--cluster', 'other']), {
      code: 1,
      message: /belongs to a node of cluster "wharf", not of "other"\nhint: Give --cluster wharf/,
    });
    await writeFile(join(data, 'wharf-node'), '{"format": 99}');
    expectOneMessage(await wharf(['start', '--listen', `127.0.0.1:${second}`, '--data', data]), {
      code: 1,
      message: /has format 99; this version of wharf knows format 2\n/,
    });
  });

  test('is not a directory of tables', async () => {
    await mkdir(join(await scratch(), 'files'), { recursive: true });
    const file = await scratchFile(join('files', 'a.csv'), 'x\n1\n');
    const directory = join(file, '..');
    expectOneMessage(await wharf(['start', '--listen', '127.0.0.1:0', '--data', directory]), {
      code: 1,
      message: /is neither empty nor the data directory of a node\nhint: Did you mean --tables /,
    });
    expectOneMessage(await wharf(['start', '--listen', '127.0.0.1:0', '--data', join(file, 'below')]), {
      code: 1,
      message: /cannot use the data directory/,
    });
  });

  test.runIf(process.platform === 'linux')('is not where no directory can be made', async () => {
    expectOneMessage(await wharf(['start', '--listen', '127.0.0.1:0', '--data', '/proc/wharf/data']), {
      code: 1,
      message: /cannot use the data directory \/proc\/wharf\/data: ENOENT/,
    });
  });
});
