import { writeFile } from 'node:fs/promises';
import { PGlite } from '@electric-sql/pglite';
import { typeName } from '../sql-types.ts';
import { allTypes } from './arbitraries.ts';
import { textCases } from './postgres-cases.ts';

// Asks PostgreSQL itself what it makes of the cases, for ../postgres-text.test.ts to compare with:
//   npx tsx columnar/testing/record-postgres.ts

const postgres = await PGlite.create();
await postgres.exec(`SET TIME ZONE 'UTC'`);

/** What PostgreSQL prints for a text read as a value of the type, or `SQLSTATE: message`. */
async function printed(type: string, text: string): Promise<string> {
  try {
    const { rows } = await postgres.query<{ t: string }>(`SELECT CAST($1::text AS ${type})::text AS t`, [text]);
    return rows[0]?.t ?? '';
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    return `${code}: ${message}`;
  }
}

async function described(type: string): Promise<unknown> {
  await postgres.exec(`CREATE TABLE described (c ${type})`);
  const { rows } = await postgres.query(`
    SELECT t.oid::int4 AS oid, typlen::int4 AS size, a.atttypmod AS modifier, format_type(a.atttypid, a.atttypmod) AS name
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid WHERE attrelid = 'described'::regclass AND attnum = 1`);
  await postgres.exec('DROP TABLE described');
  return rows[0];
}

const texts: Record<string, Record<string, string>> = {};
for (const [type, cases] of textCases) {
  const answers: Record<string, string> = {};
  for (const text of cases) answers[text] = await printed(typeName(type), text);
  texts[typeName(type)] = answers;
}
const descriptions: Record<string, unknown> = {};
for (const type of allTypes) descriptions[typeName(type)] = await described(typeName(type));

const recorded = new URL('postgres.json', import.meta.url);
await writeFile(recorded, `${JSON.stringify({ texts, types: descriptions }, null, 2)}\n`);
await postgres.close();
