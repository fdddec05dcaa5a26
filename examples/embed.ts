/**
 * Embeds two nodes in this program, gives each a table of its own, and asks across both.
 *
 *   npx tsx examples/embed.ts
 */
import { batchToRows, iteratorTable, startNode, types } from '../index.ts';

const schema = {
  fields: [
    { name: 'sensor', type: types.text },
    { name: 'celsius', type: types.float8 },
  ],
};

/** Each scan calls it anew: a table can be whatever the program knows at that moment. */
function* readings(place: string) {
  for (const [i, celsius] of [19.5, 20.25, 21].entries()) yield { sensor: `${place}-${i}`, celsius };
}

const kitchen = await startNode({
  listen: '127.0.0.1:0',
  tables: [iteratorTable('readings', schema, () => readings('kitchen'))],
});
const cellar = await startNode({
  listen: '127.0.0.1:0',
  join: [kitchen.address],
  tables: [iteratorTable('readings', schema, () => readings('cellar'))],
});
// A node can be asked at once, and says `partial` while it does not know the others yet.
await Promise.all([kitchen.ready(2), cellar.ready(2)]);

const session = cellar.openSession();
for await (const result of session.execute('SELECT sensor, celsius FROM readings WHERE celsius > 20 ORDER BY sensor')) {
  if (result.kind !== 'rows') continue;
  for await (const batch of result.batches) for (const row of batchToRows(batch)) console.log(row.join('  '));
  const coverage = result.coverage();
  console.log(`${coverage?.complete ? 'complete' : 'partial'}, ${coverage?.nodesAnswered} nodes`);
}

await cellar.stop();
await kitchen.stop();
