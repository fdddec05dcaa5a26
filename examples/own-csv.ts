/**
 * Joins a CSV file of one's own with the metrics of all machines of a fleet: which team's machines have how many
 * cores? Three nodes stand for three machines; only the first has the file.
 *
 *   npx tsx examples/own-csv.ts
 */
import { fileURLToPath } from 'node:url';
import { batchToRows, formatValue, hostTables, openFile, type RunningNode, startNode } from '../index.ts';

const csv = fileURLToPath(new URL('data/owners.csv', import.meta.url));
const names = ['alpha', 'beta', 'gamma'];
const nodes: RunningNode[] = [];
for (const name of names) {
  const metrics = hostTables({ nodeLabel: name });
  const files = name === 'alpha' ? [await openFile(csv, { name: 'owners' })] : [];
  const join = nodes.slice(0, 1).map(({ address }) => address);
  nodes.push(await startNode({ listen: '127.0.0.1:0', join, label: name, tables: [...metrics, ...files] }));
}
await Promise.all(nodes.map((node) => node.ready(nodes.length)));

const sql = `
  SELECT o.team, count(*) AS machines, sum(h.cores) AS cores, sum(h.memory_bytes) / 1048576 AS memory_mib
  FROM host h JOIN owners o ON h.node = o.node
  GROUP BY o.team ORDER BY o.team`;
const session = nodes[1]?.openSession();
if (session === undefined) throw new Error('the fleet has three nodes');
for await (const result of session.execute(sql)) {
  if (result.kind !== 'rows') continue;
  const { fields } = result.schema;
  console.log(fields.map(({ name }) => name).join('  '));
  for await (const batch of result.batches) {
    for (const row of batchToRows(batch)) {
      const cells = fields.map(({ type }, i) => (row[i] == null ? '-' : formatValue(type, row[i])));
      console.log(cells.join('  '));
    }
  }
  console.log(result.coverage()?.complete ? 'complete' : 'partial');
}
for (const node of nodes.toReversed()) await node.stop();
