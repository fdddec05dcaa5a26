import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { QueryError } from './error.ts';
import { formatValue } from './format-value.ts';
import { parseValue } from './parse-value.ts';
import { postgresOid, postgresTypeModifier, postgresTypeSize } from './postgres-types.ts';
import { typeFromName, typeName } from './sql-types.ts';
import { allTypes } from './testing/arbitraries.ts';
import { textCases } from './testing/postgres-cases.ts';
import type { SqlType } from './types.ts';

// PostgreSQL is the oracle; testing/record-postgres.ts wrote down its answers.

interface Recorded {
  readonly texts: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly types: Readonly<Record<string, unknown>>;
}

const recorded = JSON.parse(readFileSync(new URL('testing/postgres.json', import.meta.url), 'utf8')) as Recorded;

/** As recorded; `::text` of a boolean is `true`, where the wire has `t`. */
function print(type: SqlType, text: string): string {
  try {
    const value = parseValue(type, text);
    return type.kind === 'boolean' ? String(value) : formatValue(type, value);
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    return `${error.sqlState}: ${error.message}`;
  }
}

describe('texts are read, printed and refused as by PostgreSQL', () => {
  test.each(textCases.map(([type, texts]) => [typeName(type), type, texts] as const))('%s', (name, type, texts) => {
    expect(Object.fromEntries(texts.map((text) => [text, print(type, text)]))).toEqual(recorded.texts[name]);
  });
});

describe('types are named and numbered as by PostgreSQL', () => {
  test.each(allTypes.map((type) => [typeName(type), type] as const))('%s', (name, type) => {
    const description = {
      oid: postgresOid(type),
      size: postgresTypeSize(type),
      modifier: postgresTypeModifier(type),
      name,
    };
    expect(description).toEqual(recorded.types[name]);
    const [, bare = '', args] = /^([a-z ]+?)(?:\((.*)\))?$/.exec(name) ?? [];
    expect(typeFromName(bare, args?.split(',').map(Number) ?? [])).toEqual(type);
  });
});
