import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Batch,
  batchFromRows,
  batchToRows,
  compareValues,
  type Schema,
  type SqlType,
  types,
} from '../columnar/index.ts';
import type { PlanNode, SortKey } from '../planner/index.ts';
import { call, column } from './expression/builders.ts';
import { buildOpGraph } from './graph.ts';
import { Recorder } from './recorder.ts';
import { arbitraryBatches, CountingBudget, type Row, rowTexts, schemaOf } from './testing/arbitraries.ts';

type TopKNode = Extract<PlanNode, { kind: 'topK' }>;

const { int4, int8, float8, text } = types;

function topK(schema: Schema, keys: readonly SortKey[], limit: number | null, offset = 0): TopKNode {
  return { kind: 'topK', input: { kind: 'receive', exchange: 0, schema }, keys, limit, offset, schema };
}

function run(node: TopKNode, batches: readonly Batch[], memory = new CountingBudget()): Recorder {
  const recorder = new Recorder();
  const [leaf] = buildOpGraph(node, recorder, { memory }).inputs;
  for (const batch of batches) leaf?.input.push(batch);
  leaf?.input.complete();
  expect(memory.held).toBe(0);
  return recorder;
}

const by = (index: number, type: SqlType, descending = false, nullsFirst = descending): SortKey => ({
  expression: column(index, type),
  descending,
  nullsFirst,
});

function compareRows(keys: readonly SortKey[], a: Row, b: Row): number {
  for (const { expression, descending, nullsFirst } of keys) {
    if (expression.kind !== 'column') throw new Error('the model sorts by columns');
    const [x, y] = [a[expression.index] ?? null, b[expression.index] ?? null];
    if (x === null && y === null) continue;
    if (x === null) return nullsFirst ? -1 : 1;
    if (y === null) return nullsFirst ? 1 : -1;
    const order = compareValues(expression.type, x, y);
    if (order !== 0) return descending ? -order : order;
  }
  return 0;
}

const everyType = [
  types.boolean,
  types.int2,
  int4,
  int8,
  types.float4,
  float8,
  types.numeric(38, 3),
  text,
  types.bytea,
  types.date,
  types.timestamp,
  types.timestamptz,
  types.interval,
];

describe('agrees with sorting rows', () => {
  test.each(everyType)('by $kind, then int8', (type) => {
    const schema = schemaOf(type, int8, int4);
    const key = (index: number, of: SqlType): fc.Arbitrary<SortKey> =>
      fc.tuple(fc.boolean(), fc.boolean()).map(([descending, nullsFirst]) => by(index, of, descending, nullsFirst));
    const limits = fc.oneof(fc.constant(null), fc.nat({ max: 12 }));
    fc.assert(
      fc.property(
        arbitraryBatches(schema, 30),
        fc.tuple(key(0, type), key(1, int8)),
        limits,
        fc.nat({ max: 5 }),
        (batches, keys, limit, offset) => {
          const rows = batches.flatMap(batchToRows);
          const sorted = rows.toSorted((a, b) => compareRows(keys, a, b));
          const expected = sorted.slice(offset, limit === null ? undefined : offset + limit);
          const actual = run(topK(schema, keys, limit, offset), batches).rows();
          // Ties may fall either way: compare the keys, and that the rows are some of the input's.
          expect(actual.length).toBe(expected.length);
          for (const [index, row] of actual.entries()) expect(compareRows(keys, row, expected[index] as Row)).toBe(0);
          const left = rowTexts(schema, rows).map((row) => row.join('|'));
          for (const row of rowTexts(schema, actual)) {
            const at = left.indexOf(row.join('|'));
            expect(at).toBeGreaterThanOrEqual(0);
            left.splice(at, 1);
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});

/** `count` numbers in a scrambled order. */
function scrambled(count: number, multiplier = 7_919): Batch[] {
  const rows = Array.from({ length: count }, (_, row) => [(row * multiplier) % count, row]);
  return Array.from({ length: Math.ceil(count / 5_000) }, (_, part) =>
    batchFromRows(schemaOf(int4, int4), rows.slice(part * 5_000, (part + 1) * 5_000)),
  );
}

test('a limit keeps memory bounded and still finds the first rows', () => {
  const memory = new CountingBudget();
  const batches = scrambled(100_000);
  const recorder = run(topK(schemaOf(int4, int4), [by(0, int4)], 10, 5), batches, memory);
  expect(recorder.rows().map(([value]) => value)).toEqual([5, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
  const everything = new CountingBudget();
  run(topK(schemaOf(int4, int4), [by(0, int4)], null), batches, everything);
  expect(memory.peak).toBeLessThan(everything.peak / 10);
});

test('a full sort comes in order over several batches', () => {
  const recorder = run(topK(schemaOf(int4, int4), [by(0, int4, true)], null), scrambled(50_000));
  expect(recorder.epochs[0]?.length).toBeGreaterThan(1);
  expect(recorder.rows().map(([value]) => value)).toEqual(Array.from({ length: 50_000 }, (_, index) => 49_999 - index));
});

test('keys are expressions', () => {
  const schema = schemaOf(int4);
  const key: SortKey = { expression: call('negate', [column(0, int4)], int4), descending: false, nullsFirst: false };
  const batch = batchFromRows(schema, [[1], [3], [null], [2]]);
  expect(run(topK(schema, [key], 3), [batch]).rows()).toEqual([[3], [2], [1]]);
  expect(run(topK(schema, [key], 3), [batch]).epochs[0]?.[0]?.columns).toHaveLength(1);
});

test('without keys: arrival order, passed on at once, then dropped', () => {
  const schema = schemaOf(int4);
  const recorder = new Recorder();
  const [leaf] = buildOpGraph(topK(schema, [], 3, 2), recorder, { memory: new CountingBudget() }).inputs;
  for (const _ of [1, 2]) {
    leaf?.input.push(batchFromRows(schema, [[1]]));
    leaf?.input.push(batchFromRows(schema, [[2], [3], [4]]));
    expect(recorder.batches.flatMap(batchToRows)).toEqual([[3], [4]]);
    leaf?.input.push(batchFromRows(schema, [[5], [6]]));
    leaf?.input.push(batchFromRows(schema, [[7]]));
    leaf?.input.complete();
  }
  expect([recorder.rows(0), recorder.rows(1)]).toEqual([
    [[3], [4], [5]],
    [[3], [4], [5]],
  ]);
});

test('the memory limit stops a sort and names it', () => {
  const memory = new CountingBudget(100_000);
  const [leaf] = buildOpGraph(topK(schemaOf(int4, int4), [by(0, int4)], null), new Recorder(), { memory }).inputs;
  expect(() => {
    for (const batch of scrambled(50_000)) leaf?.input.push(batch);
  }).toThrow(/sort/);
});
