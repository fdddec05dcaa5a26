import { describe, expect, test } from 'vitest';
import { QueryError } from '../../columnar/index.ts';
import { keyOf } from '../../overlay/index.ts';
import { plainRows } from '../support/duckdb.ts';
import { attempt, pick, pickSome, whole } from '../support/faults.ts';
import { type Answer, run, SimulatedFleet } from '../support/fleet.ts';
import { seedsOr } from '../support/seeds.ts';

const seeds = seedsOr('1..4');
const noTables = () => [];

function nodeOf(fleet: SimulatedFleet, index: number) {
  const node = fleet.nodes[index];
  if (node === undefined) throw new Error(`no node ${index}`);
  return node;
}

function anyUp(fleet: SimulatedFleet): number {
  return pickSome(fleet, fleet.up, 1)[0] ?? 0;
}

/** Asks one node; a failure is an answer, too. */
function ask(fleet: SimulatedFleet, at: number, sql: string): Promise<Answer | QueryError> {
  return attempt(run(nodeOf(fleet, at), sql));
}

/** Where the store keeps a table's definition. */
function definitionKey(table: string) {
  return keyOf(`${'catalog'.length}:catalog${table}`);
}

async function mustAsk(fleet: SimulatedFleet, at: number, sql: string): Promise<Answer> {
  const outcome = await fleet.drive(ask(fleet, at, sql));
  if (outcome instanceof QueryError) throw outcome;
  return outcome;
}

function numbersOf(answer: Answer): number[] {
  return plainRows(answer.schema, answer.rows)
    .map(([first]) => Number(first))
    .sort((a, b) => a - b);
}

/** Writers that insert rows of their own, numbered, and remember which were acknowledged. */
class Writing {
  readonly acknowledged = new Set<number>();
  readonly tried = new Set<number>();
  readonly #fleet: SimulatedFleet;
  readonly #writers = new Map<number, Promise<void>>();
  #next = 0;

  constructor(fleet: SimulatedFleet, writers: number, untilMs: number) {
    this.#fleet = fleet;
    for (const writer of pickSome(fleet, fleet.up, writers)) this.#writers.set(writer, this.#write(writer, untilMs));
  }

  /** When all writers are done; whoever crashed will never say so. */
  done(): Promise<unknown> {
    return Promise.all(this.#fleet.up.map((index) => this.#writers.get(index) ?? Promise.resolve()));
  }

  async #write(writer: number, untilMs: number): Promise<void> {
    const { simulation } = this.#fleet;
    while (simulation.nowMs < untilMs && this.#fleet.up.includes(writer)) {
      const rows = Array.from({ length: 1 + pick(this.#fleet, 30) }, () => {
        this.#next += 1;
        return this.#next;
      });
      for (const row of rows) this.tried.add(row);
      const values = rows.map((row) => `(${row}, ${row * 2})`).join(', ');
      const outcome = await ask(this.#fleet, writer, `INSERT INTO numbers VALUES ${values}`);
      if (outcome instanceof QueryError) {
        if (outcome.code !== 'unreachable' && outcome.code !== 'shutdown') throw outcome;
      } else for (const row of rows) this.acknowledged.add(row);
    }
  }
}

describe.each(seeds)('seed %i', (seed) => {
  async function fleetOf(options: { readonly lossRate?: number } = {}): Promise<SimulatedFleet> {
    const nodes = 8 + (seed % 7);
    return SimulatedFleet.start(
      { nodes, tables: noTables, queryDeadlineMs: 20_000 },
      { seed, silentCrashes: seed % 2 === 0, ...options },
    );
  }

  test.each([
    ['with a primary key', '(n int4 PRIMARY KEY, twice int4)'],
    ['without a primary key', '(n int4, twice int4) PARTITION BY HASH (n)'],
  ])(
    '%s: rows whose INSERT was acknowledged survive two crashes, joins, leaves and losses, once each',
    async (_, columns) => {
      const fleet = await fleetOf({ lossRate: seed % 3 === 0 ? 0.05 : 0 });
      await mustAsk(fleet, 0, `CREATE TABLE numbers ${columns}`);
      const began = fleet.simulation.nowMs;
      const writing = new Writing(fleet, 3, began + 12_000);
      const at = (fromMs: number, act: () => void): void =>
        fleet.simulation.at(began + fromMs + pick(fleet, 1_500), act);
      const comings: Promise<unknown>[] = [];
      at(500, () => void comings.push(fleet.join()));
      at(2_500, () => {
        for (const victim of pickSome(fleet, fleet.up.slice(1), 2)) void fleet.kill(victim);
      });
      at(9_000, () => void comings.push(fleet.leave(pickSome(fleet, fleet.up.slice(1), 1)[0] ?? 1)));
      at(10_500, () => void comings.push(fleet.join()));

      while (fleet.simulation.nowMs < began + 13_000) {
        const known = new Set(writing.acknowledged);
        const outcome = await fleet.drive(ask(fleet, 0, 'SELECT n FROM numbers'));
        if (!(outcome instanceof QueryError)) {
          const found = numbersOf(outcome);
          const missing = [...known].filter((row) => !found.includes(row));
          const twice = found.filter((row, i) => row === found[i - 1]);
          const unknown = found.filter((row) => !writing.tried.has(row));
          const complete = outcome.coverage?.complete;
          const claim = {
            seed,
            atMs: fleet.simulation.nowMs - began,
            twice,
            unknown,
            missing: complete ? missing : [],
          };
          expect(claim).toEqual({ ...claim, twice: [], unknown: [], missing: [] });
        }
        await fleet.rest(200);
      }
      await fleet.drive(Promise.all(comings), 60_000);
      await fleet.drive(writing.done(), 60_000);
      await fleet.settle();
      await fleet.rest(15_000);
      const outcome = await mustAsk(fleet, anyUp(fleet), 'SELECT n FROM numbers');
      const found = new Set(numbersOf(outcome));
      const lost = [...writing.acknowledged].filter((row) => !found.has(row));
      expect({ seed, lost, rows: outcome.rows.length }).toEqual({ seed, lost: [], rows: found.size });
      expect(writing.acknowledged.size).toBeGreaterThan(50);
    },
  );

  test('a count while regions are handed over is exact or not complete', async () => {
    const fleet = await fleetOf();
    const rows = 400;
    await mustAsk(fleet, 0, 'CREATE TABLE numbers (n int4 PRIMARY KEY, twice int4)');
    const values = Array.from({ length: rows }, (_, n) => `(${n}, ${n * 2})`).join(', ');
    await mustAsk(fleet, 0, `INSERT INTO numbers VALUES ${values}`);
    const comings: Promise<unknown>[] = [];
    let completeAnswers = 0;
    for (let i = 0; i < 12; i += 1) {
      if (i % 3 === 0) comings.push(fleet.join());
      if (i % 3 === 1) comings.push(fleet.leave(pickSome(fleet, fleet.up.slice(1), 1)[0] ?? 1));
      for (let j = 0; j < 3; j += 1) {
        await fleet.rest(pick(fleet, 300));
        const sql =
          j % 2 === 0
            ? 'SELECT count(*) AS n, sum(twice) AS s FROM numbers'
            : 'SELECT count(*) AS n, sum(twice) AS s FROM (SELECT n, max(twice) AS twice FROM numbers GROUP BY n) g';
        const outcome = await fleet.drive(ask(fleet, 0, sql));
        if (outcome instanceof QueryError) {
          expect({ seed, sql, code: outcome.code, message: outcome.message }).toMatchObject({ code: 'unreachable' });
          continue;
        }
        const [[count, sum] = []] = plainRows(outcome.schema, outcome.rows);
        const claim = {
          seed,
          i,
          j,
          sql,
          count,
          sum,
          complete: outcome.coverage?.complete,
          reasons: outcome.coverage?.reasons,
        };
        if (claim.complete) {
          completeAnswers += 1;
          expect(claim).toEqual({ ...claim, count: rows, sum: rows * (rows - 1) });
        } else expect(Number(count)).toBeLessThanOrEqual(rows);
      }
    }
    await fleet.drive(Promise.all(comings), 60_000);
    await whole(fleet);
    expect(completeAnswers).toBeGreaterThan(0);
  });

  test('the last write of a key is the one that stays', async () => {
    const fleet = await fleetOf();
    await mustAsk(fleet, 0, 'CREATE TABLE numbers (n int4 PRIMARY KEY, twice int4)');
    for (let i = 0; i < 8; i += 1) {
      const writes = Array.from({ length: 10 }, (_, n) => `(${n}, ${i * 100 + n})`);
      if (i === 3) void fleet.kill(pickSome(fleet, fleet.up.slice(1), 1)[0] ?? 1);
      await mustAsk(fleet, anyUp(fleet), `INSERT INTO numbers VALUES ${writes.join(', ')}`);
    }
    await fleet.settle();
    const { schema, rows } = await mustAsk(fleet, anyUp(fleet), 'SELECT n, twice FROM numbers ORDER BY n');
    expect({ seed, rows: plainRows(schema, rows) }).toEqual({
      seed,
      rows: Array.from({ length: 10 }, (_, n) => [n, 700 + n]),
    });
  });

  test('DROP TABLE forgets the rows at every node, also at those that join or were cut off meanwhile', async () => {
    const fleet = await fleetOf();
    const [away = 1] = pickSome(fleet, fleet.up.slice(1), 1);
    await mustAsk(fleet, 0, 'CREATE TABLE numbers (n int4 PRIMARY KEY, twice int4)');
    await mustAsk(
      fleet,
      0,
      `INSERT INTO numbers VALUES ${Array.from({ length: 200 }, (_, n) => `(${n}, 1)`).join(', ')}`,
    );
    const joined = fleet.join();
    fleet.partition([away]);
    await fleet.rest(pick(fleet, 600));
    await mustAsk(fleet, 0, 'DROP TABLE numbers');
    const after = await fleet.drive(ask(fleet, 0, 'SELECT * FROM numbers'));
    expect({ seed, code: after instanceof QueryError ? after.code : 'rows' }).toEqual({ seed, code: 'unknownTable' });
    await fleet.rest(2_000);
    fleet.heal();
    await fleet.drive(joined, 60_000);
    await whole(fleet);
    await fleet.rest(60_000);
    const { schema, rows } = await mustAsk(
      fleet,
      anyUp(fleet),
      'SELECT address, rows_stored FROM sys.nodes WHERE rows_stored > 0',
    );
    expect({ seed, away, stored: plainRows(schema, rows) }).toEqual({ seed, away, stored: [] });
  });

  const catalogFaults = {
    nothing: () => {},
    loss: (fleet: SimulatedFleet) => fleet.simulation.setLossRate(0.1),
    'a crash of the owner': (fleet: SimulatedFleet, askers: readonly number[], name: string) => {
      const owner = fleet.up.find((index) => nodeOf(fleet, index).overlay.owns(definitionKey(name)));
      if (owner === undefined || askers.includes(owner)) return;
      fleet.simulation.at(fleet.simulation.nowMs + pick(fleet, 400), () => void fleet.kill(owner));
    },
  };

  test.each(Object.entries(catalogFaults))(
    'of two that create one table at the same time, one succeeds, under %s',
    async (fault, begin) => {
      const fleet = await fleetOf();
      let created = 0;
      for (let round = 0; round < 4; round += 1) {
        const name = `contested_${round}`;
        const askers = pickSome(fleet, fleet.up, 2);
        begin(fleet, askers, name);
        const outcomes = await fleet.drive(
          Promise.all(
            askers.map(async (asker, i) => {
              await new Promise<void>((resolve) =>
                fleet.simulation.at(fleet.simulation.nowMs + pick(fleet, 60), resolve),
              );
              const outcome = await ask(fleet, asker, `CREATE TABLE ${name} (column_of_${i} int4 PRIMARY KEY)`);
              return outcome instanceof QueryError ? outcome.code : 'created';
            }),
          ),
        );
        fleet.simulation.setLossRate(0);
        await fleet.rest(15_000);
        await fleet.settle();
        const known = await fleet.drive(Promise.all(fleet.up.map((index) => ask(fleet, index, `DESCRIBE ${name}`))));
        const columns = known.map((answer) => (answer instanceof QueryError ? answer.code : answer.rows[0]?.[0]));
        const story = { seed, fault, round, outcomes };
        const winners = outcomes.filter((outcome) => outcome === 'created').length;
        created += winners;
        // A creator that heard nothing cannot tell; one that was told is right.
        const told = outcomes.every((outcome) => outcome !== 'unreachable');
        expect({ ...story, winners, agreed: new Set(columns).size }).toEqual({
          ...story,
          winners: told ? 1 : Math.min(winners, 1),
          agreed: 1,
        });
        for (const outcome of outcomes) expect(['created', 'duplicateTable', 'unreachable']).toContain(outcome);
        const winner = outcomes.indexOf('created');
        if (winner >= 0) expect({ ...story, column: columns[0] }).toEqual({ ...story, column: `column_of_${winner}` });
      }
      expect(created).toBeGreaterThan(0);
    },
  );

  test('rows whose lifetime is over are gone, and only those', async () => {
    const fleet = await fleetOf();
    await mustAsk(fleet, 0, "CREATE TABLE numbers (n int4 PRIMARY KEY, twice int4) WITH (lifetime = '10 seconds')");
    await mustAsk(fleet, anyUp(fleet), 'INSERT INTO numbers VALUES (1, 2), (2, 4)');
    await fleet.rest(6_000);
    await mustAsk(fleet, anyUp(fleet), 'INSERT INTO numbers VALUES (2, 4), (3, 6)');
    expect(numbersOf(await mustAsk(fleet, anyUp(fleet), 'SELECT n FROM numbers'))).toEqual([1, 2, 3]);
    await fleet.drive(fleet.join());
    await fleet.rest(5_000);
    expect(numbersOf(await mustAsk(fleet, anyUp(fleet), 'SELECT n FROM numbers'))).toEqual([2, 3]);
    await fleet.rest(6_000);
    expect(numbersOf(await mustAsk(fleet, anyUp(fleet), 'SELECT n FROM numbers'))).toEqual([]);
  });
});
