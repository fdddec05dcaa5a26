import { describe, expect, test } from 'vitest';
import { type Batch, batchFromRows, batchToRows, QueryError, type Schema, types } from '../../columnar/index.ts';
import { iteratorTable, type TableSource } from '../../engine/index.ts';
import { plainRows } from '../support/duckdb.ts';
import { attempt, queriesLeft } from '../support/faults.ts';
import { type Answer, addressOf, run, SimulatedFleet } from '../support/fleet.ts';

const nodes = 9;
const schema: Schema = {
  fields: [
    { name: 'node', type: types.int4 },
    { name: 'seq', type: types.int4 },
    { name: 'pad', type: types.text },
  ],
};
const rowsPerBatch = 100;
const padBytes = 1_000;
const fast = { inboundBytesPerSecond: 100_000_000 };

function batchOf(node: number, batch: number): Batch {
  const rows = Array.from({ length: rowsPerBatch }, (_, i) => [node, batch * rowsPerBatch + i, 'x'.repeat(padBytes)]);
  return batchFromRows(schema, rows);
}

/** A table of some megabytes a node, which counts how much of it was asked for. */
class Bulk {
  readonly batches: number;
  readonly taken = new Map<number, number>();

  constructor(batches: number) {
    this.batches = batches;
  }

  get rows(): number {
    return nodes * this.batches * rowsPerBatch;
  }

  table(node: number): TableSource {
    return iteratorTable('bulk', schema, () => this.#give(node));
  }

  *#give(node: number): Generator<Batch> {
    for (let batch = 0; batch < this.batches; batch += 1) {
      this.taken.set(node, (this.taken.get(node) ?? 0) + 1);
      yield batchOf(node, batch);
    }
  }
}

function nodeOf(fleet: SimulatedFleet, index: number) {
  const node = fleet.nodes[index];
  if (node === undefined) throw new Error(`no node ${index}`);
  return node;
}

async function errorOf(fleet: SimulatedFleet, sql: string): Promise<QueryError> {
  const outcome = await fleet.drive(attempt(run(nodeOf(fleet, 1), sql)));
  if (outcome instanceof QueryError) return outcome;
  throw new Error(`no error, but ${outcome.rows.length} rows: ${sql}`);
}

async function mustBeClean(fleet: SimulatedFleet): Promise<void> {
  await fleet.rest(5_000);
  expect(await queriesLeft(fleet)).toEqual([]);
}

describe('a client that does not read', () => {
  const sqls = [
    'SELECT node, seq, pad FROM bulk',
    'SELECT a.node, a.seq, a.pad FROM bulk a JOIN few b ON a.node = b.node',
  ];

  test.each(sqls)('holds back every producer, and gets all of it in the end: %s', async (sql) => {
    const bulk = new Bulk(100);
    const few = (index: number) => iteratorTable('few', { fields: schema.fields.slice(0, 1) }, () => [{ node: index }]);
    const fleet = await SimulatedFleet.start(
      { nodes, tables: (index) => [bulk.table(index), few(index)] },
      { seed: 1, ...fast },
    );
    const session = nodeOf(fleet, 1).openSession();
    let rows = 0;
    let answer: Pick<Answer, 'coverage'> | null = null;
    let read: () => void = () => {};
    const mayRead = new Promise<void>((resolve) => {
      read = resolve;
    });
    const reading = (async () => {
      for await (const result of session.execute(sql)) {
        if (result.kind !== 'rows') continue;
        for await (const batch of result.batches) {
          rows += batchToRows(batch).length;
          await mayRead;
        }
        answer = { coverage: result.coverage() };
      }
    })();
    await fleet.rest(20_000);
    const takenBytes = [...bulk.taken].map(([node, batches]) => [node, batches * rowsPerBatch * padBytes]);
    // All that may be under way: one exchange's credit for each destination, the answer's queue, and a bit.
    const total = takenBytes.reduce((sum, [, bytes = 0]) => sum + bytes, 0);
    expect(total).toBeLessThan(30_000_000);
    for (const [node, bytes] of takenBytes)
      expect({ node, isHeld: (bytes ?? 0) < 100 * rowsPerBatch * padBytes }).toEqual({ node, isHeld: true });
    read();
    await fleet.drive(reading);
    expect({ rows, answer }).toMatchObject({ rows: bulk.rows, answer: { coverage: { complete: true } } });
    await mustBeClean(fleet);
  });

  test('leaves nothing behind when it goes away, nor when its node crashes', async () => {
    const bulk = new Bulk(60);
    const fleet = await SimulatedFleet.start(
      { nodes, tables: (index) => [bulk.table(index)] },
      { seed: 2, silentCrashes: true, ...fast },
    );
    for (const end of ['leave', 'cancel', 'close', 'crash'] as const) {
      const session = nodeOf(fleet, 3).openSession();
      const reading = (async () => {
        for await (const result of session.execute('SELECT node, seq, pad FROM bulk')) {
          if (result.kind !== 'rows') continue;
          for await (const _ of result.batches)
            if (end === 'leave') break;
            else await new Promise<void>(() => {});
        }
      })();
      reading.catch(() => {});
      await fleet.rest(1_500);
      if (end === 'cancel') session.cancel();
      if (end === 'close') session.close();
      if (end === 'crash') await fleet.kill(3);
      await mustBeClean(fleet);
    }
  });
});

describe('an error at one node', () => {
  /** `bad` at node 4 is zero; its file cannot be read to its end. */
  const numbers: Schema = {
    fields: [
      { name: 'node', type: types.int4 },
      { name: 'bad', type: types.int4 },
    ],
  };
  const rowsOf = (index: number) =>
    Array.from({ length: 20 }, (_, i) => ({ node: index, bad: index === 4 && i === 13 ? 0 : 1 }));
  async function* unreadable(index: number): AsyncGenerator<{ node: number; bad: number }> {
    yield* rowsOf(index).slice(0, 5);
    if (index === 4) throw new QueryError('file', 'EIO: i/o error, read');
    yield* rowsOf(index).slice(5);
  }
  const tables = (index: number): TableSource[] => [
    iteratorTable('numbers', numbers, () => rowsOf(index)),
    iteratorTable('files', numbers, () => unreadable(index)),
  ];

  test.each([
    'SELECT sum(10 / bad) FROM numbers',
    'SELECT node, 10 / bad FROM numbers',
    'SELECT node, sum(10 / bad) FROM numbers GROUP BY node',
    'SELECT node, bad FROM numbers ORDER BY 10 / bad LIMIT 3',
    'SELECT bad, 10 / bad, count(*) FROM numbers GROUP BY bad',
    'SELECT a.node FROM numbers a JOIN numbers b ON a.node = b.node AND 10 / a.bad = b.bad',
  ])('division by zero fails the query: %s', async (sql) => {
    const fleet = await SimulatedFleet.start({ nodes, tables }, { seed: 3 });
    expect(await errorOf(fleet, sql)).toMatchObject({ code: 'divisionByZero' });
    await mustBeClean(fleet);
  });

  test('a division by zero ends a subscription', async () => {
    const fleet = await SimulatedFleet.start({ nodes, tables }, { seed: 3 });
    expect(await errorOf(fleet, "SUBSCRIBE (SELECT sum(10 / bad) FROM numbers) EVERY '1 second'")).toMatchObject({
      code: 'divisionByZero',
    });
    await mustBeClean(fleet);
  });

  test.each([
    'SELECT node, count(*) AS n FROM files GROUP BY node',
    'SELECT f.node, count(*) AS n FROM files f JOIN numbers m ON f.node = m.node AND m.bad = 1 GROUP BY f.node',
  ])('a file that cannot be read costs the rows of its node, which is named: %s', async (sql) => {
    const fleet = await SimulatedFleet.start({ nodes, tables }, { seed: 4 });
    const { coverage, schema: answered, rows } = await fleet.drive(run(nodeOf(fleet, 1), sql));
    expect(coverage).toMatchObject({ complete: false, nodesReached: nodes, nodesAnswered: nodes - 1, regionsLost: [] });
    expect(coverage?.reasons.join()).toContain(addressOf(4));
    expect(coverage?.reasons.join()).toContain('EIO');
    const others = plainRows(answered, rows).filter(([node]) => node !== 4);
    const factor = sql.includes('JOIN') ? 20 : 1;
    const expected = Array.from({ length: nodes }, (_, node) => [node, 20 * factor]).filter(([node]) => node !== 4);
    expect(others.sort((a, b) => Number(a[0]) - Number(b[0]))).toEqual(expected);
    await mustBeClean(fleet);
  });

  test.each([
    ['aggregate', 'SELECT seq, pad, count(*) FROM bulk GROUP BY seq, pad'],
    ['join', 'SELECT a.seq FROM bulk a JOIN bulk b ON a.seq = b.seq AND a.pad = b.pad'],
    ['sort', 'SELECT seq, pad FROM bulk ORDER BY seq'],
  ])('a query that needs too much memory fails, and says where and in what: %s', async (operator, sql) => {
    const bulk = new Bulk(10);
    const fleet = await SimulatedFleet.start(
      { nodes, tables: (index) => [bulk.table(index)], queryMemoryBytesMax: 700_000 },
      { seed: 5, ...fast },
    );
    const error = await errorOf(fleet, sql);
    expect(error.code).toBe('outOfMemory');
    expect(error.message).toMatch(/node-\d\.test:7400/);
    expect(error.message).toContain(operator);
    await mustBeClean(fleet);
  });
});

test('two nodes whose tables of one name differ: a query says so, and names them', async () => {
  const fields = (type: (typeof types)['int4' | 'text']): Schema => ({ fields: [{ name: 'a', type }] });
  const tables = (index: number) => [
    iteratorTable('clashing', fields(index === 5 ? types.text : types.int4), () => []),
  ];
  const fleet = await SimulatedFleet.start({ nodes, tables }, { seed: 6 });
  const error = await errorOf(fleet, 'SELECT count(*) FROM clashing');
  expect(error.code).toBe('schemaClash');
  expect(error.message).toContain(addressOf(5));
  expect(error.message.match(/node-\d\.test:7400/g)).toHaveLength(2);
});
