import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Batch,
  batchFromRows,
  batchToRows,
  partitionKeys,
  QueryError,
  type SqlValue,
  types,
} from '../../columnar/index.ts';
import { inRegion, keyAt, type Region, type Runtime, wholeRing } from '../../overlay/index.ts';
import type { TableDefinition } from '../../planner/index.ts';
import { batchRowsMax } from '../table.ts';
import { encodeWrite, RowStore } from './index.ts';

const everyRow = (batch: Batch): Uint32Array => Uint32Array.from({ length: batch.numRows }, (_, row) => row);

/** A clock that only tests move. */
class TestRuntime implements Runtime {
  nowMs = 1_000;
  now(): number {
    return this.nowMs;
  }
  after(): { cancel(): void } {
    return { cancel: () => {} };
  }
  random(): number {
    return 0.5;
  }
}

function tableOf(namespace: string, primaryKey: readonly number[]): TableDefinition {
  const schema = {
    fields: [
      { name: 'id', type: types.int4 },
      { name: 'v', type: types.text },
    ],
  };
  const details = { partitionBy: [0], notNull: [0], lifetimeMs: null, replicas: 3, createdAtMs: 0 };
  const distributed = { namespace, primaryKey, ...details };
  return { name: namespace.split('#')[0] ?? '', source: 'distributed', schema, distributed };
}

const keyed = tableOf('keyed#1', [0]);
const heap = tableOf('heap#1', []);

interface Write {
  readonly table: TableDefinition;
  readonly rows: readonly (readonly [number, string | null])[];
  readonly atMs: number;
  readonly writer: string;
  readonly firstOrdinal: number;
  readonly expiresAtMs: number;
}

function batchOf({ table, rows }: Write) {
  const batch = batchFromRows(table.schema, rows);
  return { batch, keys: partitionKeys(table.distributed?.namespace ?? '', batch, [0]) };
}

function upsert(store: RowStore, write: Write): void {
  const { batch, keys } = batchOf(write);
  store.accept(encodeWrite(write.table, batch, everyRow(batch), keys, write));
}

function rowsIn(
  store: RowStore,
  table: TableDefinition,
  regions: readonly Region[] = [wholeRing],
  nowMs = 0,
): string[] {
  const rows: (SqlValue | null)[][] = [];
  for (const batch of store.scan(table.distributed?.namespace ?? '', regions, [0, 1], nowMs)) {
    expect(batch.numRows).toBeLessThanOrEqual(batchRowsMax);
    expect(batch.numRows).toBeGreaterThan(0);
    rows.push(...batchToRows(batch));
  }
  return rows.map((row) => JSON.stringify(row)).sort();
}

interface ModelRow {
  readonly write: Write;
  readonly ordinal: number;
  readonly row: readonly [number, string | null];
  readonly key: string;
}

/** What a store should hold, the slow and plain way. */
class Model {
  #rows: ModelRow[] = [];

  write(write: Write): void {
    const { keys } = batchOf(write);
    for (const [i, row] of write.rows.entries()) {
      this.#rows.push({ write, ordinal: write.firstOrdinal + i, row, key: keys[i] as string });
    }
  }

  drop(region: Region): void {
    this.#rows = this.#rows.filter(({ key }) => !inRegion(key, region));
  }

  rows(table: TableDefinition, regions: readonly Region[], nowMs: number): string[] {
    const newest = new Map<string, ModelRow>();
    for (const entry of this.#rows) {
      if (entry.write.table !== table) continue;
      const version = versionOf(entry);
      const identity = table === keyed ? String(entry.row[0]) : version;
      const older = newest.get(identity);
      if (!older || versionOf(older) < version) newest.set(identity, entry);
    }
    return [...newest.values()]
      .filter(({ write, key }) => write.expiresAtMs > nowMs && regions.some((region) => inRegion(key, region)))
      .map(({ row }) => JSON.stringify(row))
      .sort();
  }
}

/** As text that sorts like the version. */
function versionOf({ write, ordinal }: ModelRow): string {
  return `${String(write.atMs).padStart(8, '0')}/${write.writer}/${String(ordinal).padStart(8, '0')}`;
}

const point = fc.bigInt({ min: 0n, max: (1n << 160n) - 1n }).map(keyAt);
const region: fc.Arbitrary<Region> = fc.oneof(fc.record({ from: point, to: point }), fc.constant(wholeRing));
const row = fc.tuple(fc.integer({ min: 0, max: 30 }), fc.option(fc.string({ maxLength: 5 })));

/** Writes with versions of their own. Rows of equal identity do not expire before older ones. */
const writes = fc
  .array(
    fc.record({
      table: fc.constantFrom(keyed, heap),
      rows: fc.array(row, { minLength: 1, maxLength: 12 }),
      atMs: fc.integer({ min: 1, max: 40 }),
      writer: fc.constantFrom('a', 'b', 'c'),
    }),
    { maxLength: 25 },
  )
  .map((list): Write[] =>
    list.map((write, i) => ({
      ...write,
      firstOrdinal: i * 100,
      expiresAtMs: write.atMs % 3 === 0 ? Number.POSITIVE_INFINITY : 10_000,
    })),
  );

describe('a store', () => {
  test('holds what a plain model holds', () => {
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: writes.filter((list) => list.length > 0).map((list) => ({ kind: 'write' as const, list })),
      },
      { weight: 1, arbitrary: region.map((dropped) => ({ kind: 'drop' as const, region: dropped })) },
      {
        weight: 3,
        arbitrary: fc.array(region, { maxLength: 3 }).map((regions) => ({ kind: 'scan' as const, regions })),
      },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const store = new RowStore({ runtime: new TestRuntime() });
        const model = new Model();
        let ordinal = 0;
        for (const taken of steps) {
          if (taken.kind === 'write') {
            for (const write of taken.list) {
              const unique = { ...write, firstOrdinal: ordinal, expiresAtMs: Number.POSITIVE_INFINITY };
              ordinal += write.rows.length;
              upsert(store, unique);
              model.write(unique);
            }
          } else if (taken.kind === 'drop') {
            store.drop(taken.region);
            model.drop(taken.region);
          } else {
            for (const table of [keyed, heap]) {
              expect(rowsIn(store, table, taken.regions)).toEqual(model.rows(table, taken.regions, 0));
            }
          }
          store.checkInvariants();
        }
        for (const table of [keyed, heap]) expect(rowsIn(store, table)).toEqual(model.rows(table, [wholeRing], 0));
      }),
      { numRuns: 60 },
    );
  });

  test('comes to the same whatever the order and the way of writes, and however often they come', () => {
    const shuffled = writes.chain((list) =>
      fc.tuple(
        fc.constant(list),
        fc.shuffledSubarray([...list, ...list.slice(0, 5)], { minLength: list.length + Math.min(5, list.length) }),
        fc.array(region, { minLength: 1, maxLength: 4 }),
      ),
    );
    fc.assert(
      fc.property(shuffled, ([list, again, regions]) => {
        const [one, other, third] = [0, 1, 2].map(() => new RowStore({ runtime: new TestRuntime() })) as [
          RowStore,
          RowStore,
          RowStore,
        ];
        for (const write of list) upsert(one, write);
        for (const write of again) {
          const { batch, keys } = batchOf(write);
          other.import(encodeWrite(write.table, batch, everyRow(batch), keys, write));
        }
        for (const chunk of [...other.export([wholeRing])].reverse()) third.import(chunk);
        for (const part of [wholeRing, ...regions]) {
          expect(other.digest(part, 0)).toEqual(one.digest(part, 0));
          expect(third.digest(part, 0)).toEqual(one.digest(part, 0));
        }
        for (const table of [keyed, heap]) expect(rowsIn(third, table)).toEqual(rowsIn(one, table));
        for (const store of [one, other, third]) store.checkInvariants();
      }),
      { numRuns: 80 },
    );
  });

  test('two that exchange a region agree in it', () => {
    fc.assert(
      fc.property(writes, writes, region, (mine, theirs, part) => {
        const [a, b] = [new RowStore({ runtime: new TestRuntime() }), new RowStore({ runtime: new TestRuntime() })];
        for (const write of mine) upsert(a, { ...write, writer: `a${write.writer}` });
        for (const write of theirs) upsert(b, { ...write, writer: `b${write.writer}` });
        for (const chunk of a.export([part])) b.import(chunk);
        for (const chunk of b.export([part])) a.import(chunk);
        expect(a.digest(part, 0)).toEqual(b.digest(part, 0));
        const nothing = a.digest(part, 0);
        for (const chunk of b.export([part])) a.import(chunk);
        expect(a.digest(part, 0)).toEqual(nothing);
      }),
      { numRuns: 60 },
    );
  });

  test('digests of parts add up to that of the whole', () => {
    fc.assert(
      fc.property(writes, fc.uniqueArray(point, { minLength: 2, maxLength: 5 }), (list, points) => {
        const store = new RowStore({ runtime: new TestRuntime() });
        for (const write of list) upsert(store, write);
        const edges = points.sort();
        const parts = edges.map((from, i) => store.digest({ from, to: edges[(i + 1) % edges.length] as string }, 0));
        expect({
          items: parts.reduce((sum, { items }) => sum + items, 0),
          hash: BigInt.asUintN(
            64,
            parts.reduce((sum, { hash }) => sum + hash, 0n),
          ),
        }).toEqual(store.digest(wholeRing, 0));
      }),
      { numRuns: 60 },
    );
  });
});

function write(table: TableDefinition, rows: Write['rows'], change: Partial<Write> = {}): Write {
  return { table, rows, atMs: 1, writer: 'w', firstOrdinal: 0, expiresAtMs: Number.POSITIVE_INFINITY, ...change };
}

test('many rows, then all of them again, keep to the memory of one copy', () => {
  const store = new RowStore({ runtime: new TestRuntime() });
  const rows = Array.from({ length: 40_000 }, (_, i) => [i, `v${i}`] as const);
  upsert(store, write(keyed, rows));
  const { bytesStored } = store;
  for (let round = 2; round < 5; round++) {
    for (let start = 0; start < rows.length; start += 5_000) {
      const part = rows.slice(start, start + 5_000).map(([id, v]) => [id, `${v}.${round}`] as const);
      upsert(store, write(keyed, part, { atMs: round, firstOrdinal: start }));
    }
  }
  store.checkInvariants();
  expect(store.rowsStored()).toBe(40_000);
  expect(store.bytesStored).toBeLessThan(3 * bytesStored);
  expect(rowsIn(store, keyed)).toEqual(rows.map(([id, v]) => JSON.stringify([id, `${v}.4`])).sort());
});

test('a scan shows the rows as they were when it began', () => {
  const store = new RowStore({ runtime: new TestRuntime() });
  upsert(
    store,
    write(keyed, [
      [1, 'old'],
      [2, 'old'],
    ]),
  );
  const scan = store.scan(keyed.distributed?.namespace ?? '', [wholeRing], [1], 0);
  upsert(
    store,
    write(
      keyed,
      [
        [1, 'new'],
        [3, 'new'],
      ],
      { atMs: 2 },
    ),
  );
  store.drop(wholeRing);
  expect([...scan].flatMap(batchToRows)).toEqual([['old'], ['old']]);
  expect(rowsIn(store, keyed)).toEqual([]);
});

test('a scan without columns counts', () => {
  const store = new RowStore({ runtime: new TestRuntime() });
  upsert(
    store,
    write(keyed, [
      [1, 'a'],
      [2, 'b'],
      [2, 'c'],
    ]),
  );
  expect(
    [...store.scan(keyed.distributed?.namespace ?? '', [wholeRing], [], 0)].map(({ numRows, columns }) => [
      numRows,
      columns,
    ]),
  ).toEqual([[2, []]]);
});

describe('lifetimes', () => {
  test('expired rows are in no scan; when the horizon has passed them, in no digest and export, and their memory is freed', () => {
    const runtime = new TestRuntime();
    const store = new RowStore({ runtime });
    upsert(
      store,
      write(
        keyed,
        [
          [1, 'soon'],
          [2, 'soon'],
        ],
        { expiresAtMs: 2_000 },
      ),
    );
    upsert(store, write(keyed, [[3, 'stays']], { firstOrdinal: 2 }));
    runtime.nowMs = 2_000;
    expect(rowsIn(store, keyed, [wholeRing], 1_999)).toHaveLength(3);
    expect(rowsIn(store, keyed, [wholeRing], 2_000)).toEqual(['[3,"stays"]']);
    // A copy made now differs neither before nor after, whichever of the two forgets first.
    const other = new RowStore({ runtime });
    for (const chunk of store.export([wholeRing])) other.import(chunk);
    expect(store.digest(wholeRing, 0).items).toBe(3);
    expect(other.digest(wholeRing, 0)).toEqual(store.digest(wholeRing, 0));
    expect(rowsIn(other, keyed, [wholeRing], 2_000)).toEqual(['[3,"stays"]']);
    runtime.nowMs = 60_000;
    upsert(store, write(heap, [[9, 'x']]));
    expect(store.rowsStored('keyed#1')).toBe(1);
    expect(other.rowsStored()).toBe(3);
    expect(other.digest(wholeRing, 40_000).items).toBe(1);
    expect([...other.export([wholeRing])]).toHaveLength(1);
    for (const each of [store, other]) each.checkInvariants();
  });

  test('a newer version gives a row a new lifetime', () => {
    const runtime = new TestRuntime();
    const store = new RowStore({ runtime });
    upsert(store, write(keyed, [[1, 'a']], { expiresAtMs: 2_000 }));
    upsert(store, write(keyed, [[1, 'a']], { atMs: 2, expiresAtMs: 3_000 }));
    expect(rowsIn(store, keyed, [wholeRing], 2_500)).toEqual(['[1,"a"]']);
  });
});

describe('a dropped table', () => {
  test('is gone, stays gone, and takes its replicas along', () => {
    const runtime = new TestRuntime();
    const [store, replica] = [new RowStore({ runtime }), new RowStore({ runtime })];
    upsert(store, write(keyed, [[1, 'a']]));
    upsert(store, write(heap, [[1, 'a']]));
    const chunks = [...store.export([wholeRing])];
    for (const chunk of chunks) replica.import(chunk);
    store.dropTable('keyed#1');
    expect([store.rowsStored('keyed#1'), store.rowsStored('heap#1')]).toEqual([0, 1]);
    for (const chunk of chunks) store.import(chunk);
    const unknown = expect.objectContaining({ code: 'unknownTable' });
    expect(() => rowsIn(store, keyed)).toThrow(unknown);
    expect(() => upsert(store, write(keyed, [[1, 'a']]))).toThrow(unknown);
    expect(() => {
      for (const chunk of chunks) store.accept(chunk);
    }).toThrow(unknown);
    for (const chunk of store.export([wholeRing])) replica.import(chunk);
    expect(() => rowsIn(replica, keyed)).toThrow(unknown);
    expect(rowsIn(replica, heap)).toHaveLength(1);
    expect(replica.digest(wholeRing, 0)).toEqual(store.digest(wholeRing, 0));
    replica.checkInvariants();
  });

  test('is forgotten in the end', () => {
    const runtime = new TestRuntime();
    const store = new RowStore({ runtime });
    store.dropTable('keyed#1');
    runtime.nowMs += 8 * 24 * 3_600_000;
    upsert(store, write(heap, [[1, 'a']]));
    upsert(store, write(keyed, [[1, 'a']]));
    expect(rowsIn(store, keyed)).toHaveLength(1);
  });
});

describe('the memory limit', () => {
  test('refuses a write before it begins, and room is made from dead and expired rows', () => {
    const runtime = new TestRuntime();
    const store = new RowStore({ runtime, bytesMax: 100_000 });
    const many = Array.from({ length: 600 }, (_, i) => [i, 'x'] as const);
    upsert(store, write(keyed, many, { expiresAtMs: 2_000 }));
    const more = many.map(([id, v]) => [id + 1_000, v] as const);
    expect(() => upsert(store, write(keyed, more, { atMs: 2 }))).toThrow(
      expect.objectContaining({ code: 'storageFull', message: expect.stringContaining('100000 bytes') }),
    );
    expect(store.rowsStored()).toBe(600);
    runtime.nowMs = 2_000;
    upsert(store, write(keyed, more, { atMs: 2 }));
    expect(store.rowsStored()).toBe(600);
    store.checkInvariants();
  });
});

describe('chunks', () => {
  test('are of limited size, unless a single row is not', () => {
    const store = new RowStore({ runtime: new TestRuntime() });
    const rows = Array.from({ length: 3_000 }, (_, i) => [i, i % 100 === 0 ? 'x'.repeat(100_000) : 'y'] as const);
    upsert(store, write(keyed, [...rows, [5_000, 'z'.repeat(600_000)]]));
    const chunks = [...store.export([wholeRing])];
    expect(chunks.filter(({ length }) => length > 256 * 1024)).toHaveLength(1);
    const other = new RowStore({ runtime: new TestRuntime() });
    for (const chunk of chunks) other.import(chunk);
    expect(other.digest(wholeRing, 0)).toEqual(store.digest(wholeRing, 0));
  });

  test('of a known namespace with another shape are refused', () => {
    const store = new RowStore({ runtime: new TestRuntime() });
    upsert(store, write(keyed, [[1, 'a']]));
    const impostor = tableOf('keyed#1', [0, 1]);
    const { batch, keys } = batchOf(write(impostor, [[1, 'a']]));
    expect(() => store.import(encodeWrite(impostor, batch, everyRow(batch), keys, write(impostor, [])))).toThrow(
      expect.objectContaining({ code: 'protocol' }),
    );
  });

  const good = (() => {
    const store = new RowStore({ runtime: new TestRuntime() });
    store.dropTable('gone#1');
    upsert(
      store,
      write(
        keyed,
        [
          [1, 'a'],
          [2, null],
          [3, 'ccc'],
        ],
        { expiresAtMs: 5_000 },
      ),
    );
    return [...store.export([wholeRing])];
  })();

  test('that are damaged are refused as protocol errors, or are as good as any', () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 });
    fc.assert(
      fc.property(
        fc.constantFrom(...good),
        damage,
        fc.option(fc.nat()),
        fc.integer({ min: 0, max: 9 }),
        (chunk, changes, cut, shift) => {
          const shifted = new Uint8Array(chunk.length + shift);
          const bytes = shifted.subarray(shift);
          bytes.set(chunk);
          for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
          const store = new RowStore({ runtime: new TestRuntime() });
          try {
            store.import(cut === null ? bytes : bytes.subarray(0, cut % bytes.length));
            for (const table of [keyed, heap]) rowsIn(store, table);
            for (const again of store.export([wholeRing])) new RowStore({ runtime: new TestRuntime() }).import(again);
          } catch (error) {
            expect(error).toBeInstanceOf(QueryError);
            expect((error as QueryError).code).toBe('protocol');
          }
          store.checkInvariants();
        },
      ),
      { numRuns: 3_000 },
    );
  });

  test('are safe from any change of one byte', () => {
    const store = new RowStore({ runtime: new TestRuntime() });
    for (const chunk of good) {
      for (let at = 0; at < chunk.length; at++) {
        const bytes = chunk.slice();
        bytes[at] = (bytes[at] as number) ^ 0x7f;
        try {
          store.import(bytes);
          store.digest(wholeRing, 0);
        } catch (error) {
          expect(error).toMatchObject({ code: 'protocol' });
        }
      }
    }
    expect([...store.export([wholeRing])].length).toBeGreaterThan(0);
    store.checkInvariants();
  });

  test('that are nonsense are refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const store = new RowStore({ runtime: new TestRuntime() });
        expect(() => store.import(bytes)).toThrow(expect.objectContaining({ code: 'protocol' }));
      }),
    );
  });
});
