import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { batchToRows } from '../columnar/index.ts';
import { connect } from '../gateway/index.ts';
import { LocalFleet, type LocalFleetOptions, type WorkerLost } from './fleet.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wharf-fleet-'));
  const lines = Array.from({ length: 100 }, (_, i) => `${i}\n`);
  await writeFile(join(folder, 'numbers.csv'), `n\n${lines.join('')}`);
  for (const node of [0, 1, 2]) await writeFile(join(folder, `own-${node}.csv`), `node\n${node}\n`);
});
afterAll(() => rm(folder, { recursive: true }));

const running: LocalFleet[] = [];
afterEach(async () => {
  for (const fleet of running.splice(0)) await fleet.stop();
});

async function start(options: Omit<LocalFleetOptions, 'hostMetrics'>): Promise<LocalFleet> {
  const fleet = await LocalFleet.start({ hostMetrics: false, ...options });
  running.push(fleet);
  return fleet;
}

async function ask(address: string, sql: string, secret: string | null = null): Promise<unknown[][]> {
  const node = await connect(address, { secret });
  const rows: unknown[][] = [];
  for await (const result of node.openSession().execute(sql)) {
    if (result.kind === 'rows') for await (const batch of result.batches) rows.push(...batchToRows(batch));
  }
  node.close();
  return rows;
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('a local fleet', () => {
  test('spreads nodes over processes, and tables over nodes', async () => {
    const tables = [`numbers=${join(folder, 'numbers.csv')}`, `own=${join(folder, 'own-{node}.csv')}`];
    const fleet = await start({ nodes: 3, workers: 2, tables, pg: 0, secret: 'squirrel' });
    expect(fleet.nodes.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(new Set(fleet.nodes.map(({ address }) => address)).size).toBe(3);
    expect(new Set(fleet.nodes.map(({ pid }) => pid)).size).toBe(2);
    expect(fleet.nodes.every(({ pgPort }) => (pgPort ?? 0) > 0)).toBe(true);

    const address = fleet.nodes[2]?.address ?? '';
    expect(await ask(address, 'SELECT count(*), sum(n) FROM numbers', 'squirrel')).toEqual([[100n, 4950n]]);
    expect(await ask(address, 'SELECT node FROM own ORDER BY node', 'squirrel')).toEqual([[0], [1], [2]]);
    await expect(ask(address, 'SELECT 1')).rejects.toMatchObject({ code: 'unauthorized' });

    const pids = fleet.nodes.map(({ pid }) => pid);
    await fleet.stop();
    expect(pids.some(isAlive)).toBe(false);
  });

  test('loses a killed node, whether it was alone in its process or not', async () => {
    const lost: WorkerLost[] = [];
    const fleet = await start({ nodes: 3, workers: 2, onWorkerLost: (worker) => lost.push(worker) });
    const [first, second, third] = fleet.nodes;
    if (first === undefined || second === undefined || third === undefined) throw new Error('3 nodes were asked for');
    await fleet.killNode(2);
    expect(isAlive(third.pid)).toBe(true);
    await fleet.killNode(1);
    expect(isAlive(second.pid)).toBe(false);
    expect(fleet.nodes).toEqual([first]);
    await expect(connect(third.address, { secret: null })).rejects.toMatchObject({ code: 'unreachable' });
    await expect(connect(second.address, { secret: null })).rejects.toMatchObject({ code: 'unreachable' });
    await ask(first.address, 'SELECT 1');
    expect(lost).toEqual([]);
  });

  test('tells of a process that ended by itself', async () => {
    const lost: WorkerLost[] = [];
    const fleet = await start({ nodes: 2, workers: 2, onWorkerLost: (worker) => lost.push(worker) });
    const [, second] = fleet.nodes;
    if (second === undefined) throw new Error('2 nodes were asked for');
    process.kill(second.pid, 'SIGKILL');
    await expect.poll(() => lost).toEqual([{ pid: second.pid, nodes: [second], reason: 'it was ended by SIGKILL' }]);
    expect(fleet.nodes).toHaveLength(1);
  });

  test('leaves nothing behind when a node cannot start', async () => {
    const taken: Server = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as { port: number };
    await expect(LocalFleet.start({ nodes: 2, workers: 1, port, hostMetrics: false })).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringContaining(`${port}`),
    });
    taken.close();
    await expect(start({ nodes: 1, tables: ['missing=/nowhere/missing.csv'] })).rejects.toMatchObject({
      code: 'file',
      message: expect.stringContaining('/nowhere/missing.csv'),
    });
  });
});

test('a process that cannot be started fails the fleet, and not the program', async () => {
  const { execPath } = process;
  process.execPath = join(folder, 'no-such-node');
  try {
    const failed = LocalFleet.start({ nodes: 2, workers: 2, hostMetrics: false });
    await expect(failed).rejects.toMatchObject({
      code: 'internal',
      message: expect.stringContaining('ENOENT'),
    });
  } finally {
    process.execPath = execPath;
  }
});
