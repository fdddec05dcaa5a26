import { describe, expect, test } from 'vitest';
import { batchFromRows, partitionKeys, types } from '../../columnar/index.ts';
import { CodecError, type OverlayError, SystemRuntime } from '../../overlay/index.ts';
import type { TableDefinition } from '../../planner/index.ts';
import { encodeWrite, RowStore, writableRows } from './index.ts';

const namespace = 'words#1';
const table: TableDefinition = {
  name: 'words',
  source: 'distributed',
  schema: { fields: [{ name: 'word', type: types.text }] },
  distributed: {
    namespace,
    primaryKey: [0],
    partitionBy: [0],
    notNull: [0],
    lifetimeMs: null,
    replicas: null,
    createdAtMs: 0,
  },
};

function chunkOf(word: string): Uint8Array {
  const batch = batchFromRows(table.schema, [[word]]);
  const written = { atMs: 1, writer: 'w', firstOrdinal: 0, expiresAtMs: Number.POSITIVE_INFINITY };
  return encodeWrite(table, batch, Uint32Array.of(0), partitionKeys(namespace, batch, [0]), written);
}

describe.each(['accept', 'import'] as const)('%s', (way) => {
  const rows = new RowStore({ runtime: new SystemRuntime(), bytesMax: 10_000 });
  const writable = writableRows(rows, 'h:1');
  const take = (chunk: Uint8Array): void =>
    void (way === 'accept' ? writable.accept('', chunk) : writable.import(chunk));

  test('says at which node there is no room, and takes what fits', () => {
    const full: Partial<OverlayError> = {
      code: 'full',
      sqlState: '53100',
      message: 'node h:1 has no room for rows of table "words": the limit of a node is 10000 bytes',
      cause: expect.objectContaining({ code: 'storageFull' }),
    };
    expect(() => take(chunkOf('x'.repeat(10_000)))).toThrow(expect.objectContaining(full));
    expect(rows.rowsStored()).toBe(0);
    take(chunkOf('x'));
    expect(rows.rowsStored()).toBe(1);
  });

  test('tells of a chunk that is none', () => {
    expect(() => take(Uint8Array.of(1, 2, 3))).toThrow(CodecError);
  });
});

test('a writer hears that the table was dropped, a copy leaves its rows out', () => {
  const rows = new RowStore({ runtime: new SystemRuntime() });
  const writable = writableRows(rows, 'h:1');
  rows.dropTable(namespace);
  expect(() => writable.accept('', chunkOf('x'))).toThrow(expect.objectContaining({ code: 'refused' }));
  writable.import(chunkOf('x'));
  expect(rows.rowsStored()).toBe(0);
});
