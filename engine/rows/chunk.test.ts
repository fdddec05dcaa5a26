import { expect, test } from 'vitest';
import { batchFromRows, types } from '../../columnar/index.ts';
import type { TableDefinition } from '../../planner/index.ts';
import { type Chunk, decodeChunk, encodeChunk } from './chunk.ts';
import { type KeyedRows, keyedRows } from './keyed-rows.ts';

const schema = {
  fields: [
    { name: 'id', type: types.int4 },
    { name: 'n', type: types.numeric(10, 2) },
  ],
};
const distributed = {
  namespace: 't#1',
  primaryKey: [0],
  partitionBy: [0],
  notNull: [],
  lifetimeMs: 60_000,
  createdAtMs: 0,
  replicas: 3,
};
const table: TableDefinition = { name: 't', source: 'distributed', schema, distributed };
const rows = keyedRows(
  batchFromRows(schema, [
    [1, 150n],
    [2, null],
  ]),
  ['0f'.repeat(20), 'a5'.repeat(20)],
  {
    atMs: 1.5,
    writer: 'w',
    firstOrdinal: 7,
    expiresAtMs: Number.POSITIVE_INFINITY,
  },
);

test('a chunk comes back as it was sent', () => {
  const chunk: Chunk = { kind: 'rows', table, rows };
  const decoded = decodeChunk(encodeChunk(chunk));
  expect(decoded).toEqual(chunk);
  const dropped: Chunk = { kind: 'dropped', namespaces: new Map([['t#1', 5]]) };
  expect(decodeChunk(encodeChunk(dropped))).toEqual(dropped);
});

test('rows that lie about themselves are refused', () => {
  const lies: [Partial<KeyedRows>, string][] = [
    [{ writerOf: Uint32Array.of(0, 1) }, 'an unknown writer'],
    [{ writers: ['w', 'w'] }, 'a writer named twice'],
    [{ writers: [] }, 'no writer'],
    [{ atMs: Float64Array.of(1, Number.NaN) }, 'a row without a time'],
    [{ atMs: Float64Array.of(1, Number.NEGATIVE_INFINITY) }, 'a row without a time'],
    [{ expiresAtMs: Float64Array.of(1, Number.NaN) }, 'a row without an expiry'],
    [{ keys: new Uint8Array(60) }, 'malformed'],
    [{ ordinals: new Uint32Array(4) }, 'malformed'],
  ];
  for (const [lie, message] of lies) {
    const bytes = encodeChunk({ kind: 'rows', table, rows: { ...rows, ...lie } });
    expect(() => decodeChunk(bytes)).toThrow(expect.objectContaining({ code: 'protocol' }));
    expect(() => decodeChunk(bytes)).toThrow(message);
  }
});

test('tables that cannot be are refused', () => {
  const impossible: TableDefinition[] = [
    { ...table, source: 'local' },
    { ...table, name: '' },
    { ...table, distributed: { ...distributed, primaryKey: [2] } },
    { ...table, distributed: { ...distributed, partitionBy: [-1] } },
    { ...table, distributed: { ...distributed, lifetimeMs: 0 } },
    {
      ...table,
      schema: {
        fields: [
          { name: 'id', type: types.int4 },
          { name: 'n', type: types.numeric(3, 4) },
        ],
      },
    },
    { ...table, distributed: null },
  ];
  for (const definition of impossible) {
    const bytes = encodeChunk({ kind: 'rows', table: definition, rows });
    expect(() => decodeChunk(bytes)).toThrow(expect.objectContaining({ code: 'protocol' }));
  }
});
