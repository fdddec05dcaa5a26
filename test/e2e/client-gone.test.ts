import { beforeAll, expect, test } from 'vitest';
import {
  ask,
  eventually,
  type Fleet,
  type FleetNode,
  nodeAt,
  type Running,
  scratchFile,
  startFleet,
  startWharf,
} from './command.ts';

/** Nothing of a query may be left anywhere after this long, when its client or its proxy is gone. */
const forgottenAfterMs = 5_000;

let fleet: Fleet;
/** Those that live. */
let nodes: readonly FleetNode[];
beforeAll(async () => {
  const row = (i: number): string => `${i},${'x'.repeat(1_000)}\n`;
  const file = await scratchFile('big.csv', `id,filler\n${Array.from({ length: 30_000 }, (_, i) => row(i)).join('')}`);
  const small = await scratchFile('small.csv', 'id\n1\n2\n');
  const tables = ['--table', `big=${file}`, '--table', `small=${small}`];
  fleet = await startFleet(['--nodes', '5', '--workers', '5', ...tables]);
  nodes = fleet.nodes;
});

const asking = 'SELECT node, sql FROM sys.queries ORDER BY node';

/** What nodes say about queries other than the one that asks. */
async function queriesSeenBy({ address }: FleetNode): Promise<string[]> {
  const rows = await ask(address, asking);
  return rows.filter(([, sql]) => sql !== asking).map((row) => row.join(' '));
}

/** Starts a query that goes on for as long as nobody ends it, and waits until every node has a part in it. */
async function startQuery(sql: string, proxy: FleetNode, isRead: boolean): Promise<Running> {
  const client = startWharf(['sql', sql, '--node', proxy.address], { isRead });
  // Between its epochs a subscription is known to its proxy only.
  if (isRead) await client.printed(new RegExp(`(.*,${nodes.length},.*\n){3}`));
  else await eventually(async () => expect(await queriesSeenBy(nodeAt(fleet, 0))).toHaveLength(nodes.length));
  return client;
}

async function expectForgotten(): Promise<void> {
  const deadlineMs = performance.now() + forgottenAfterMs;
  for (const node of nodes) {
    await eventually(async () => expect(await queriesSeenBy(node)).toEqual([]), deadlineMs - performance.now());
  }
}

const queries = [
  { title: 'a subscription', sql: "SUBSCRIBE (SELECT count(*) FROM small) EVERY '100 ms'", isRead: true },
  { title: 'an answer that nobody takes', sql: 'SELECT * FROM big', isRead: false },
  { title: 'a join that nobody takes', sql: 'SELECT a.id, b.filler FROM big a JOIN big b USING (id)', isRead: false },
] as const;

test.each(queries)('every node forgets $title when its client is killed', async ({ sql, isRead }) => {
  const client = await startQuery(sql, nodeAt(fleet, 1), isRead);
  client.signal('SIGKILL');
  await expectForgotten();
});

test('every node forgets a subscription that its client leaves with Ctrl-C', async () => {
  const client = await startQuery(queries[0].sql, nodeAt(fleet, 1), true);
  client.signal('SIGINT');
  expect((await client.finished()).code).toBe(130);
  await expectForgotten();
});

test.each([
  { proxyIndex: 4, ...queries[0] },
  { proxyIndex: 3, ...queries[2] },
])('every node forgets $title when its proxy is killed', async ({ proxyIndex, sql, isRead }) => {
  const proxy = nodeAt(fleet, proxyIndex);
  const client = await startQuery(sql, proxy, isRead);
  process.kill(proxy.pid, 'SIGKILL');
  nodes = nodes.filter((node) => node !== proxy);
  await expectForgotten();
  if (!isRead) return;
  const { code, err } = await client.finished();
  expect(err).toContain(`wharf: lost the connection to the Wharf node at ${proxy.address}`);
  expect(code).toBe(1);
});
