import { Client } from 'pg';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  ask,
  eventually,
  type Finished,
  type Fleet,
  isInstalled,
  nodeAt,
  type Running,
  scratchFile,
  start,
  startFleet,
} from './command.ts';

const trips = `id,city,km\n${Array.from({ length: 30 }, (_, i) => `${i},${i % 3 === 0 ? 'Oslo' : 'Rome'},${i}.5\n`).join('')}`;
const cities = 'SELECT city, count(*) AS n FROM trips GROUP BY city ORDER BY city';
const endless = "SUBSCRIBE (SELECT count(*) AS n FROM trips) EVERY '200 ms'";

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet(['--nodes', '3', '--pg', '0', '--table', `trips=${await scratchFile('trips.csv', trips)}`]);
});

const portOf = (index: number): number => nodeAt(fleet, index).pgPort ?? 0;

test.each([0, 1, 2])('a driver asks node %i and hears of the coverage', async (index) => {
  const client = new Client({ host: '127.0.0.1', port: portOf(index), user: 'ann' });
  const notices: unknown[] = [];
  client.on('notice', ({ message }) => notices.push(message));
  await client.connect();
  expect((await client.query(cities)).rows).toEqual([
    { city: 'Oslo', n: '10' },
    { city: 'Rome', n: '20' },
  ]);
  expect(notices).toEqual(['coverage: complete, 3 of 3 nodes']);
  await client.end();
});

const installed = isInstalled('psql');
if (!installed) console.warn('psql is not installed: its tests are skipped');

describe.skipIf(!installed)('psql', () => {
  function startPsql(index: number, args: readonly string[]): Running {
    const where = ['-X', '-w', '-h', '127.0.0.1', '-p', String(portOf(index)), '-U', 'anyone'];
    return start('psql', [...where, ...args], { env: { LC_ALL: 'C.UTF-8' } });
  }

  function psql(index: number, sql: string, ...args: string[]): Promise<Finished> {
    return startPsql(index, [...args, '-c', sql]).finished();
  }

  test.each([0, 1, 2])('counts at node %i', async (index) => {
    expect(await psql(index, 'SELECT count(*), sum(km) FROM trips', '-At')).toEqual({
      code: 0,
      out: '30|450\n',
      err: 'NOTICE:  coverage: complete, 3 of 3 nodes\n',
    });
  });

  test('prints a table', async () => {
    const { out } = await psql(0, cities);
    expect(out).toBe(' city | n  \n------+----\n Oslo | 10\n Rome | 20\n(2 rows)\n\n');
  });

  test('points at errors', async () => {
    const { code, err } = await psql(0, 'SELECT km,\n  cty FROM trips');
    expect(err).toMatch(/^ERROR: {2}column "cty" does not exist\nLINE 2: {3}cty FROM trips\n {10}\^\nHINT: .*city/);
    expect(code).toBe(1);
  });

  test('runs several statements of one message, up to one that fails', async () => {
    const statements = `CREATE TABLE IF NOT EXISTS marks (id int PRIMARY KEY, mark text);
      INSERT INTO marks VALUES (1, 'a'), (2, NULL); SELECT id, mark FROM marks ORDER BY id; SELECT nothing; SELECT 4`;
    const { code, out, err } = await psql(1, statements, '-At');
    expect(out).toBe('CREATE TABLE\nINSERT 0 2\n1|a\n2|\n');
    expect(err).toMatch(/ERROR: {2}column "nothing" does not exist/);
    expect(code).toBe(1);
  });

  test('shows epochs as they come, and Ctrl-C cancels them at every node', async () => {
    const running = startPsql(2, ['-At', '-c', endless]);
    await running.printed(/(.*\|3\|t\|30\n){3}/);
    running.signal('SIGINT');
    expect((await running.finished()).err).toContain('Cancel request sent');
    await eventually(async () => {
      const running = `SELECT count(*) FROM sys.queries WHERE sql LIKE 'SUBSCRIBE%'`;
      expect(await ask(nodeAt(fleet, 0).address, running)).toEqual([['0']]);
    });
  });
});
