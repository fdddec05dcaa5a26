import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { batchFromRows, batchToRows, partitionKeys, types } from '../../columnar/index.ts';
import { diskPrefix, Journal, keyAt, type Runtime, type Storage, wholeRing } from '../../overlay/index.ts';
import { MemoryStorage } from '../../overlay/testing/memory-storage.ts';
import type { TableDefinition } from '../../planner/index.ts';
import { encodeWrite, RowStore } from './index.ts';

const runtime = { nowMs: 1_000, now: () => runtime.nowMs, after: () => ({ cancel() {} }), random: () => 0.5 };
const clock: Runtime = runtime;

function tableOf(namespace: string, primaryKey: readonly number[]): TableDefinition {
  const schema = {
    fields: [
      { name: 'id', type: types.int4 },
      { name: 'v', type: types.text },
    ],
  };
  const distributed = {
    namespace,
    primaryKey,
    partitionBy: [0],
    notNull: [0],
    lifetimeMs: null,
    replicas: 3,
    createdAtMs: 0,
  };
  return { name: namespace.split('#')[0] ?? '', source: 'distributed', schema, distributed };
}

const tables = [tableOf('keyed#1', [0]), tableOf('heap#1', [])] as const;

type Rows = readonly (readonly [number, string | null])[];
let ordinal = 0;

function insert(store: RowStore, table: TableDefinition, rows: Rows, expiresAtMs = Number.POSITIVE_INFINITY): void {
  const batch = batchFromRows(table.schema, rows);
  const keys = partitionKeys(table.distributed?.namespace ?? '', batch, [0]);
  const written = { atMs: runtime.nowMs, writer: 'w', firstOrdinal: ordinal, expiresAtMs };
  ordinal += rows.length;
  store.accept(encodeWrite(table, batch, Uint32Array.from(rows.keys()), keys, written));
}

function rowsOf(store: RowStore): string[] {
  return tables.flatMap(({ distributed }) => {
    try {
      const scan = store.scan(distributed?.namespace ?? '', [wholeRing], [0, 1], runtime.nowMs);
      return [...scan]
        .flatMap(batchToRows)
        .map((row) => JSON.stringify(row))
        .sort();
    } catch {
      return ['dropped'];
    }
  });
}

function chunksIn(storage: MemoryStorage): Uint8Array[] {
  return [...storage.entriesThere].flatMap(([name, value]) =>
    Buffer.from(name, 'hex')[0] === diskPrefix.rows ? [value] : [],
  );
}

async function nextLife(
  storage: Storage,
  limit: { bytesMax?: number } = {},
): Promise<{ store: RowStore; journal: Journal }> {
  const journal = new Journal(storage, () => {});
  const store = new RowStore({ runtime: clock, journal, ...limit });
  await store.recover();
  return { store, journal };
}

const point = fc.bigInt({ min: 0n, max: (1n << 160n) - 1n }).map(keyAt);
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('insert' as const),
      table: fc.constantFrom(...tables),
      rows: fc.array(fc.tuple(fc.integer({ min: 0, max: 40 }), fc.option(fc.string({ maxLength: 5 }))), {
        minLength: 1,
        maxLength: 20,
      }),
      lifetimeMs: fc.constantFrom(20_000, 90_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('drop' as const), from: point, to: point }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.constantFrom(1, 15_000, 60_000) }) },
);

describe('rows on disk', () => {
  test('are what they were before the restart, whatever happened before', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), fc.boolean(), async (steps, isDropped) => {
        const storage = new MemoryStorage();
        let { store, journal } = await nextLife(storage);
        for (const taken of steps) {
          runtime.nowMs += 1;
          if (taken.kind === 'insert') {
            // Later versions of a row do not expire before earlier ones.
            const expiresAtMs = taken.table === tables[0] ? Number.POSITIVE_INFINITY : runtime.nowMs + taken.lifetimeMs;
            insert(store, taken.table, taken.rows, expiresAtMs);
          } else if (taken.kind === 'drop') store.drop(taken);
          else if (taken.kind === 'pass') runtime.nowMs += taken.ms;
          else ({ store, journal } = await nextLife(storage));
          store.checkInvariants();
          await journal.flushed();
        }
        if (isDropped) store.dropTable('keyed#1');
        await journal.flushed();
        const again = await nextLife(storage);
        again.store.checkInvariants();
        expect(again.journal.failure).toBeNull();
        if (steps.some(({ kind }) => kind === 'drop')) {
          // What was dropped need not be gone at once from a disk: it is dropped again, being nowhere kept.
          const before = rowsOf(store);
          for (const row of before) expect(rowsOf(again.store)).toContain(row);
        } else {
          expect(rowsOf(again.store)).toEqual(rowsOf(store));
        }
      }),
      { numRuns: 60 },
    );
  });

  test('are taken up beyond the limit: chunks bring back rows that had gone', async () => {
    const storage = new MemoryStorage();
    const limit = { bytesMax: 100_000 };
    const { store, journal } = await nextLife(storage, limit);
    const rowsFrom = (first: number): Rows => Array.from({ length: 400 }, (_, i) => [first + i, 'x'] as const);
    for (const first of [0, 400, 800]) {
      insert(store, tables[0], rowsFrom(first));
      // All but some of each chunk is for others to keep.
      store.drop({ from: keyAt(1n << 158n), to: keyAt(0n) });
    }
    await journal.flushed();
    const before = rowsOf(store);
    const again = await nextLife(storage, limit);
    expect(again.journal.failure).toBeNull();
    expect(again.store.rowsStored()).toBe(1_200);
    for (const row of before) expect(rowsOf(again.store)).toContain(row);
    expect(() => insert(again.store, tables[0], rowsFrom(2_000))).toThrow(/no room/);
  });

  test('take little more room than what lives, however often they are written', async () => {
    const storage = new MemoryStorage();
    const { store, journal } = await nextLife(storage);
    const pad = 'x'.repeat(1_000);
    for (let round = 0; round < 60; round++) {
      runtime.nowMs += 1;
      // Each chunk has one row that stays, and many that the next round replaces.
      insert(store, tables[0], [
        [10_000 + round, pad],
        ...Array.from({ length: 1_000 }, (_, i) => [i, `${pad}${round}`] as const),
      ]);
      await journal.flushed();
    }
    store.checkInvariants();
    expect(store.rowsStored()).toBe(1_060);
    expect(chunksIn(storage).reduce((sum, { length }) => sum + length, 0)).toBeLessThan(25_000_000);
    const again = await nextLife(storage);
    expect(rowsOf(again.store)).toEqual(rowsOf(store));
    again.store.checkInvariants();
    runtime.nowMs += 1;
    insert(again.store, tables[0], [[1, 'last']]);
    again.store.drop(wholeRing);
    await again.journal.flushed();
    expect(chunksIn(storage)).toEqual([]);
  });

  test('that are damaged are left out, with the reason', async () => {
    const storage = new MemoryStorage();
    const { store, journal } = await nextLife(storage);
    insert(store, tables[1], [[1, 'a']]);
    await journal.flushed();
    insert(store, tables[1], [[2, 'b']]);
    await journal.flushed();
    const [first] = chunksIn(storage);
    (first as Uint8Array)[50] = ((first as Uint8Array)[50] as number) ^ 1;
    const again = await nextLife(storage);
    expect(rowsOf(again.store)).toEqual(['[2,"b"]']);
    expect(again.journal.failure?.code).toBe('corrupt');
  });
});
