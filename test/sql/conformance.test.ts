import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SqlEngine } from './engine.ts';
import { Postgres } from './postgres.ts';
import { replay } from './replay.ts';
import { parseSlt, printSlt } from './slt.ts';
import { definingStatements, localTables, onLocalTables, standardTables } from './standard-tables.ts';
import { WharfFleet } from './wharf.ts';

const folder = join(import.meta.dirname, 'golden');
const files = readdirSync(folder)
  .filter((name) => name.endsWith('.slt'))
  .sort();
/** `GOLDEN=write` puts PostgreSQL's answers into the files, where it is PostgreSQL that answers. */
const writes = process.env['GOLDEN'] === 'write';
const seed = 11;

const create = definingStatements(standardTables);
/** Every other table local, so that joins meet both kinds. */
const everyOther = standardTables.filter((_, i) => i % 2 === 0);

const fleets = [
  { title: 'one node', nodes: 1, rename: (sql: string) => sql },
  { title: 'five nodes, distributed tables', nodes: 5, rename: (sql: string) => sql },
  { title: 'five nodes, local tables', nodes: 5, rename: onLocalTables(standardTables) },
  { title: 'five nodes, tables of both kinds', nodes: 5, rename: onLocalTables(everyOther) },
];

async function runAll(engine: SqlEngine, statements: readonly string[]): Promise<void> {
  for (const statement of statements) await engine.ask(statement);
}

describe('PostgreSQL', () => {
  let postgres: Postgres;
  beforeAll(async () => {
    postgres = await Postgres.start();
    await runAll(postgres, create);
  }, 120_000);
  afterAll(() => postgres.close());

  test.each(files)('%s', async (name) => {
    const path = join(folder, name);
    const file = parseSlt(readFileSync(path, 'utf8'));
    const { deviations, answers } = await replay(file, postgres);
    if (writes) {
      writeFileSync(path, printSlt(file, answers));
      const refused = deviations.filter(({ expected, got }) => typeof expected === 'string' || typeof got === 'string');
      expect(refused).toEqual([]);
    } else {
      expect(deviations).toEqual([]);
    }
  });
});

describe.each(fleets)('Wharf, $title', ({ nodes, rename }) => {
  let fleet: WharfFleet;
  beforeAll(async () => {
    const plain = { nodes, tables: localTables(standardTables) };
    fleet = await WharfFleet.start({ ...plain, seed }, rename);
    await fleet.define(create);
  }, 120_000);

  test.each(files)('%s', async (name) => {
    const { deviations } = await replay(parseSlt(readFileSync(join(folder, name), 'utf8')), fleet);
    expect(deviations).toEqual([]);
  });
});
