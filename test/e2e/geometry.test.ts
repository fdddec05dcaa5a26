import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectOneMessage, type Fleet, nodeAt, patienceMs, scratchFile, startFleet, wharf } from './command.ts';

const geometries = ['chord', 'kademlia'] as const;
const fleets = new Map<string, Fleet>();

beforeAll(async () => {
  const owners = await scratchFile('owners.csv', 'page,owner\n/home,ann\n/about,bob\n');
  const start = (name: string) =>
    startFleet(['--nodes', '3', '--workers', '1', '--geometry', name, '--table', `owners=${owners}`]);
  const started = await Promise.all(geometries.map(start));
  for (const [i, fleet] of started.entries()) fleets.set(geometries[i] ?? '', fleet);
}, patienceMs);
afterAll(() => {
  for (const { running } of fleets.values()) running.signal('SIGKILL');
});

function addressIn(geometry: string): string {
  return nodeAt(fleets.get(geometry) as Fleet, 1).address;
}

describe.each(geometries)('a fleet laid out as %s', (geometry) => {
  const sql = (text: string) => wharf(['sql', text, '--node', addressIn(geometry)]);

  test('answers a count over all nodes and a join whose rows meet at their owners', async () => {
    const [count, join] = await Promise.all([
      sql('SELECT count(*) AS nodes FROM sys.nodes'),
      sql(
        'CREATE TABLE notes (id int PRIMARY KEY, path text); ' +
          "INSERT INTO notes VALUES (1, '/home'), (2, '/about'), (3, '/home'); " +
          'SELECT n.id, o.owner FROM notes n JOIN owners o ON n.path = o.page ORDER BY n.id',
      ),
    ]);
    expect(count).toMatchObject({ code: 0, out: 'nodes\n3\n' });
    expect(count.err).toMatch(/^complete, 3 of 3 nodes/);
    expect(join).toMatchObject({
      code: 0,
      out: expect.stringContaining('id,owner\n1,ann\n2,bob\n3,ann\n'),
    });
    expect(join.err).toMatch(/complete, 3 of 3 nodes/);
  });
});

test('a node of another geometry is refused at once, with the reason', async () => {
  const joining = ['start', '--no-host-metrics', '--listen', '127.0.0.1:0', '--join', addressIn('chord')];
  const [kademlia, unsaid] = await Promise.all([wharf([...joining, '--geometry', 'kademlia']), wharf(joining)]);
  const message = (geometry: string) =>
    new RegExp(`cannot join through .*: wrong geometry: \\S+ is of ${geometry}, \\S+ of chord\n`);
  expectOneMessage(kademlia, { code: 1, message: message('kademlia') });
  expectOneMessage(unsaid, { code: 1, message: message('bamboo') });
});
