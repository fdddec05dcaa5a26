import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { outcomeOf, type RawAnswer, SqlFailure, typeLetters } from './engine.ts';
import { Postgres } from './postgres.ts';
import { randomQuery, randomTables } from './random-query.ts';
import { definingStatements, localTables, onLocalTables } from './standard-tables.ts';
import { WharfFleet } from './wharf.ts';

/** `QUERIES=5000 SEED=7 npx vitest run --project simulation random-queries` looks further. */
const queries = Number(process.env['QUERIES'] ?? 150);
const seed = Number(process.env['SEED'] ?? 1);

/** Numbers to 12 digits: scales of numerics and the order of terms differ. */
function comparableRows({ oids, rows }: RawAnswer): string[] {
  return rows.map((row) =>
    JSON.stringify(
      row.map((value, i) => {
        const isReal = 'RN'.includes(typeLetters.get(oids[i] ?? 0) ?? '?');
        return value !== null && isReal ? Number(Number(value).toPrecision(12)) : value;
      }),
    ),
  );
}

function comparable(outcome: RawAnswer | SqlFailure, ordered: boolean): unknown {
  if (outcome instanceof SqlFailure) return outcome.message;
  const rows = comparableRows(outcome);
  return { types: outcome.oids, rows: ordered ? rows : rows.sort() };
}

test(`${queries} random queries (seed ${seed}) have PostgreSQL's answers on five nodes`, async () => {
  const tables = randomTables(seed);
  const fleet = await WharfFleet.start({ nodes: 5, tables: localTables(tables), seed });
  const postgres = await Postgres.start();
  onTestFinished(() => postgres.close());
  const statements = definingStatements(tables);
  await fleet.define(statements);
  for (const statement of statements) await postgres.ask(statement);
  // Each table as a distributed or as a local one.
  const places = fc.subarray([...tables]).map(onLocalTables);

  const property = fc.asyncProperty(randomQuery(), places, async ({ sql, ordered }, place) => {
    const expected = await outcomeOf(postgres, sql);
    const asked = place(sql);
    const got = await outcomeOf(fleet, asked);
    expect({ sql: asked, answer: comparable(got, ordered) }).toEqual({
      sql: asked,
      answer: comparable(expected, ordered),
    });
    if (expected instanceof SqlFailure) throw expected;
  });
  await fc.assert(property, { seed, numRuns: queries });
});
