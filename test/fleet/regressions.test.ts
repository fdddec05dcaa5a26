import { describe, expect, test } from 'vitest';
import { QueryError, type Schema, types } from '../../columnar/index.ts';
import { iteratorTable, type TableSource } from '../../engine/index.ts';
import { run, SimulatedFleet } from '../support/fleet.ts';

const numbers: Schema = { fields: [{ name: 'n', type: types.int4 }] };
const texts: Schema = { fields: [{ name: 's', type: types.text }] };

async function fleetWith(nodes: number, tables: (index: number) => readonly TableSource[]): Promise<SimulatedFleet> {
  return SimulatedFleet.start({ nodes, tables }, { seed: 1 });
}

function nodeOf(fleet: SimulatedFleet, index: number) {
  const node = fleet.nodes[index];
  if (node === undefined) throw new Error(`no node ${index}`);
  return node;
}

async function failureOf(fleet: SimulatedFleet, sql: string): Promise<QueryError> {
  const outcome = run(nodeOf(fleet, 0), sql).then(
    () => new Error('it succeeded'),
    (error: unknown) => error,
  );
  const error = await fleet.drive(outcome);
  if (error instanceof QueryError) return error;
  throw error;
}

/** What any node still knows of queries, the asking one aside. */
async function leftovers(fleet: SimulatedFleet): Promise<number> {
  const answer = await fleet.drive(
    run(nodeOf(fleet, 0), "SELECT query_id FROM sys.queries WHERE sql NOT LIKE '%sys.queries%'"),
  );
  return answer.rows.length;
}

describe('what once went wrong', () => {
  test('an error in rows that reach the proxy in several batches ends the query, not the node', async () => {
    const fleet = await fleetWith(4, () => [iteratorTable('t', numbers, () => [{ n: 0 }, { n: 0 }])]);
    const error = await failureOf(fleet, 'SELECT 1 / n FROM (SELECT n FROM t LIMIT 100) s');
    expect(error.code).toBe('divisionByZero');
    expect(await leftovers(fleet)).toBe(0);
  });

  test('a text as long as you like in an error message does not keep the error from arriving', async () => {
    const fleet = await fleetWith(3, (i) => [
      iteratorTable('t', texts, () => (i === 2 ? [{ s: 'x'.repeat(20_000) }] : [])),
    ]);
    expect((await failureOf(fleet, 'SELECT sum(CAST(s AS int)) FROM t')).code).toBe('invalidText');
  });

  test('a reason as long as you like for a table that cannot be read makes a partial answer', async () => {
    const broken: TableSource = {
      name: 't',
      schema: numbers,
      // biome-ignore lint/correctness/useYield: it fails before its first row
      scan: async function* () {
        throw new QueryError('file', 'y'.repeat(5_000));
      },
    };
    const fleet = await fleetWith(3, (i) => [i === 2 ? broken : iteratorTable('t', numbers, () => [{ n: 1 }])]);
    const answer = await fleet.drive(run(nodeOf(fleet, 0), 'SELECT count(*) FROM t'));
    expect(answer.rows).toEqual([[2n]]);
    expect(answer.coverage).toMatchObject({ complete: false, nodesAnswered: 2 });
  });

  test('a node that joins with other columns under a known name is an error, never a wrong answer', async () => {
    const swapped: Schema = { fields: [...texts.fields, ...numbers.fields] };
    const plain: Schema = { fields: [...numbers.fields, ...texts.fields] };
    const fleet = await fleetWith(3, (i) => [
      iteratorTable('v', i === 2 ? swapped : plain, () => [{ n: 100 + i, s: 'zz' }]),
    ]);
    expect((await failureOf(fleet, 'SELECT count(*) FROM v WHERE n > 102')).code).toBe('schemaClash');
  });

  test('rows too wide for one message are written in several', async () => {
    const wide = Array.from({ length: 3_000 }, (_, i) => ({ s: `${i} `.padEnd(1_000, 'w') }));
    const fleet = await fleetWith(3, (i) => [iteratorTable('t', texts, () => (i === 0 ? wide : []))]);
    await fleet.drive(run(nodeOf(fleet, 1), 'CREATE TABLE d (s text PRIMARY KEY); INSERT INTO d SELECT s FROM t'));
    const answer = await fleet.drive(run(nodeOf(fleet, 2), 'SELECT count(*), min(length(s)) FROM d'));
    expect(answer.rows).toEqual([[3_000n, 1_000]]);
    expect(answer.coverage).toMatchObject({ complete: true });
  });

  test('a subscription that nobody reads ends with its session', async () => {
    const fleet = await fleetWith(3, () => [iteratorTable('t', numbers, () => [{ n: 1 }])]);
    const session = nodeOf(fleet, 1).openSession();
    const statements = session.execute("SUBSCRIBE (SELECT count(*) FROM t) EVERY '1 second'")[Symbol.asyncIterator]();
    await fleet.drive(statements.next());
    expect(await leftovers(fleet)).toBeGreaterThan(0);
    session.close();
    await fleet.rest(2_000);
    expect(await leftovers(fleet)).toBe(0);
  });

  test('a node that stops before it is ready says so, rather than never', async () => {
    const fleet = await fleetWith(3, () => []);
    const node = nodeOf(fleet, 1);
    const ready = node.ready(99).then(
      () => 'ready',
      (error: unknown) => (error instanceof QueryError ? error.code : 'bug'),
    );
    await fleet.rest(1_000);
    await fleet.drive(node.stop());
    expect(await fleet.drive(ready)).toBe('shutdown');
    await expect(fleet.drive(node.ready(99))).rejects.toMatchObject({ code: 'shutdown' });
  });

  test('strict coverage refuses an INSERT before it writes, and lets a query without tables be', async () => {
    const fleet = await fleetWith(4, () => [iteratorTable('t', numbers, () => [{ n: 1 }])]);
    await fleet.drive(run(nodeOf(fleet, 0), 'CREATE TABLE d (n int PRIMARY KEY)'));
    await fleet.kill(3);
    await fleet.rest(15_000);
    expect((await failureOf(fleet, 'SET coverage = strict; INSERT INTO d SELECT n FROM t')).code).toBe('nodesLost');
    expect((await fleet.drive(run(nodeOf(fleet, 0), 'SELECT count(*) FROM d'))).rows).toEqual([[0n]]);
    expect((await fleet.drive(run(nodeOf(fleet, 0), 'SET coverage = strict; SELECT 1'))).rows).toEqual([[1]]);
  });
});
