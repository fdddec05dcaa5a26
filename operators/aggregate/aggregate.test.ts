import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Batch,
  batchFromRows,
  compareValues,
  concatBatches,
  getValue,
  type Interval,
  intervalSpan,
  QueryError,
  type Schema,
  type SqlType,
  type SqlValue,
  sliceBatch,
  types,
} from '../../columnar/index.ts';
import type { AggregateCall, AggregateFunction, PlanNode } from '../../planner/index.ts';
import { column } from '../expression/builders.ts';
import { buildOpGraph } from '../graph.ts';
import { Recorder } from '../recorder.ts';
import {
  arbitraryBatches,
  byText,
  CountingBudget,
  cellText,
  type Row,
  rowTexts,
  schemaOf,
} from '../testing/arbitraries.ts';

type AggregateNode = Extract<PlanNode, { kind: 'aggregate' }>;

const { int2, int4, int8, float4, float8, text } = types;
const decimal = types.numeric(38, 4);

function resultType(name: AggregateFunction, argument: SqlType): SqlType {
  if (name === 'count') return int8;
  if (name === 'min' || name === 'max') return argument;
  if (argument.kind === 'float8' || argument.kind === 'float4') return name === 'avg' ? float8 : argument;
  const scale = argument.kind === 'numeric' ? argument.scale : 0;
  if (name === 'avg') return types.numeric(38, scale + 6);
  return argument.kind === 'int2' || argument.kind === 'int4' ? int8 : types.numeric(38, scale);
}

function stateTypes({ function: name, argument, distinct }: AggregateCall): SqlType[] {
  if (distinct) return [types.bytea];
  if (argument === null) return [int8];
  if (name !== 'avg') return [resultType(name, argument.type)];
  const { type } = argument;
  const isFloat = type.kind === 'float8' || type.kind === 'float4';
  return [isFloat ? float8 : types.numeric(38, type.kind === 'numeric' ? type.scale : 0), int8];
}

/** The three stages over rows of `input`, grouped by its first `keyCount` columns. */
class Stages {
  readonly #keyCount: number;
  readonly #aggregates: readonly AggregateCall[];
  readonly #input: Schema;
  readonly #layout: Schema;
  readonly result: Schema;
  readonly budget = new CountingBudget();

  constructor(input: Schema, keyCount: number, aggregates: readonly AggregateCall[]) {
    this.#input = input;
    this.#keyCount = keyCount;
    this.#aggregates = aggregates;
    const keys = input.fields.slice(0, keyCount).map(({ type }) => type);
    this.#layout = schemaOf(...keys, ...aggregates.flatMap(stateTypes));
    this.result = schemaOf(...keys, ...aggregates.map(({ type }) => type));
  }

  run(mode: AggregateNode['mode'], batches: readonly Batch[]): Batch {
    const input = mode === 'partial' ? this.#input : this.#layout;
    const schema = mode === 'final' ? this.result : this.#layout;
    const node: AggregateNode = {
      kind: 'aggregate',
      mode,
      input: { kind: 'receive', exchange: 0, schema: input },
      keys: Array.from({ length: this.#keyCount }, (_, key) => key),
      aggregates: this.#aggregates,
      schema,
    };
    const recorder = new Recorder();
    const [leaf] = buildOpGraph(node, recorder, { memory: this.budget }).inputs;
    for (const batch of batches) leaf?.input.push(batch);
    leaf?.input.complete();
    expect(this.budget.held).toBe(0);
    return recorder.batch(schema);
  }
}

const aggregate = (name: AggregateFunction, index: number, type: SqlType, distinct = false): AggregateCall => ({
  function: name,
  argument: column(index, type),
  distinct,
  type: resultType(name, type),
});
const countRows: AggregateCall = { function: 'count', argument: null, distinct: false, type: int8 };

/** What an aggregate means, one value at a time. */
function model({ function: name, argument, distinct, type }: AggregateCall, rows: readonly Row[]): SqlValue | null {
  if (argument?.kind !== 'column') return BigInt(rows.length);
  const all = rows.map((row) => row[argument.index] ?? null).filter((value) => value !== null);
  const values = distinct ? [...new Map(all.map((value) => [keyText(argument.type, value), value])).values()] : all;
  if (name === 'count') return BigInt(values.length);
  if (values.length === 0) return null;
  if (name === 'min') return values.reduce((a, b) => (compareValues(argument.type, b, a) < 0 ? b : a));
  if (name === 'max') return values.reduce((a, b) => (compareValues(argument.type, b, a) > 0 ? b : a));
  if (typeof values[0] === 'number' && (argument.type.kind === 'float8' || argument.type.kind === 'float4')) {
    const sum = (values as number[]).reduce((a, b) => a + b, 0);
    return name === 'avg' ? sum / values.length : sum;
  }
  const sum = values.reduce((a: bigint, b) => a + BigInt(b as number | bigint), 0n);
  if (name === 'sum' || type.kind !== 'numeric') return sum;
  const scaled = sum * 10n ** 6n * 2n;
  const count = BigInt(values.length);
  return (scaled + (scaled < 0n ? -count : count)) / (2n * count);
}

function keyText(type: SqlType, value: SqlValue | null): string {
  return value !== null && type.kind === 'interval' ? String(intervalSpan(value as Interval)) : cellText(type, value);
}

function modelRows(input: Schema, keyCount: number, aggregates: readonly AggregateCall[], rows: readonly Row[]): Row[] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = row.slice(0, keyCount).map((value, index) => keyText(input.fields[index]?.type ?? text, value));
    const name = key.join('|');
    groups.set(name, [...(groups.get(name) ?? []), row]);
  }
  if (keyCount === 0 && groups.size === 0) groups.set('', []);
  return [...groups.values()].map((members) => [
    ...(members[0]?.slice(0, keyCount) ?? []),
    ...aggregates.map((call) => model(call, members)),
  ]);
}

/** Rows as sorted texts; intervals by length, as any of equal ones may stand for a group. */
function normalised(schema: Schema, rows: readonly Row[]): string[][] {
  return rows.map((row) => row.map((value, index) => keyText(schema.fields[index]?.type ?? text, value))).sort(byText);
}

function checkAgainstModel(
  input: Schema,
  keyCount: number,
  aggregates: readonly AggregateCall[],
  batches: Batch[],
): void {
  const stages = new Stages(input, keyCount, aggregates);
  const rows = batches.flatMap((batch) => toRows(batch));
  // Each batch is a node's rows; nodes 0 and 1 are folded on the way.
  const partials = batches.map((batch) => stages.run('partial', halves(batch)));
  const merged = [stages.run('merge', partials.slice(0, 2)), ...partials.slice(2)];
  const result = stages.run('final', merged.flatMap(halves));
  expect(normalised(stages.result, toRows(result))).toEqual(
    normalised(stages.result, modelRows(input, keyCount, aggregates, rows)),
  );
}

function halves(batch: Batch): Batch[] {
  const middle = batch.numRows >> 1;
  return [sliceBatch(batch, 0, middle), sliceBatch(batch, middle, batch.numRows)];
}

function toRows(batch: Batch): Row[] {
  return Array.from({ length: batch.numRows }, (_, row) => batch.columns.map((cells) => getValue(cells, row)));
}

describe('partial, merge and final stages give what one node would', () => {
  const everyType = [
    types.boolean,
    int2,
    int4,
    int8,
    float4,
    float8,
    decimal,
    text,
    types.bytea,
    types.date,
    types.timestamp,
    types.timestamptz,
    types.interval,
  ];

  test.each(everyType)('grouped by $kind', (type) => {
    const input = schemaOf(type, int4);
    const aggregates = [countRows, aggregate('count', 1, int4), aggregate('sum', 1, int4)];
    fc.assert(
      fc.property(arbitraryBatches(input, 20), (batches) => checkAgainstModel(input, 1, aggregates, batches)),
      { numRuns: 40 },
    );
  });

  test.each([int2, int4, int8, float8, decimal])('sums and averages of $kind', (type) => {
    const input = schemaOf(text, type);
    const aggregates = [false, true].flatMap((distinct) => [
      aggregate('sum', 1, type, distinct),
      aggregate('avg', 1, type, distinct),
    ]);
    fc.assert(
      fc.property(arbitraryBatches(input, 30), (batches) => {
        // The order of additions decides the last bit of infinities and NaN only: values are small powers of two.
        checkAgainstModel(input, 1, aggregates, batches);
      }),
      { numRuns: 60 },
    );
  });

  test.each(everyType.filter(({ kind }) => kind !== 'boolean'))('extremes and distinct counts of $kind', (type) => {
    const input = schemaOf(int4, type);
    const aggregates = [
      aggregate('min', 1, type),
      aggregate('max', 1, type),
      aggregate('count', 1, type, true),
      aggregate('max', 1, type, true),
    ];
    fc.assert(
      fc.property(arbitraryBatches(input, 20), (batches) => checkAgainstModel(input, 1, aggregates, batches)),
      { numRuns: 40 },
    );
  });

  test('several keys, and none', () => {
    const input = schemaOf(int8, text, float8, int4);
    const aggregates = [
      countRows,
      aggregate('sum', 3, int4),
      aggregate('count', 1, text, true),
      aggregate('avg', 3, int4),
    ];
    fc.assert(
      fc.property(arbitraryBatches(input, 30), fc.constantFrom(0, 1, 2, 3), (batches, keyCount) =>
        checkAgainstModel(input, keyCount, aggregates, batches),
      ),
      { numRuns: 80 },
    );
  });
});

test('without keys the final stage gives a row for no input, the others none', () => {
  const stages = new Stages(schemaOf(int4), 0, [countRows, aggregate('sum', 0, int4), aggregate('min', 0, int4)]);
  expect(stages.run('partial', []).numRows).toBe(0);
  expect(stages.run('merge', []).numRows).toBe(0);
  expect(toRows(stages.run('final', []))).toEqual([[0n, null, null]]);
});

test('many groups arrive in bounded batches and are each counted once', () => {
  const input = schemaOf(int4, int4);
  const stages = new Stages(input, 1, [countRows]);
  const groups = 40_000;
  const rows = Array.from({ length: groups * 2 }, (_, row) => [(row * 7) % groups, 1]);
  const batches = [0, 1, 2, 3].map((part) => batchFromRows(input, rows.slice(part * 20_000, (part + 1) * 20_000)));
  const result = stages.run('final', [stages.run('partial', batches)]);
  expect(result.numRows).toBe(groups);
  expect(new Set(toRows(result).map(([key]) => key)).size).toBe(groups);
  expect(toRows(result).every(([, count]) => count === 2n)).toBe(true);
});

test('sums stay exact far beyond doubles', () => {
  const input = schemaOf(int8, decimal);
  const stages = new Stages(input, 0, [aggregate('sum', 0, int8), aggregate('sum', 1, decimal)]);
  const batch = batchFromRows(
    input,
    Array.from({ length: 10_000 }, (_, row) => [2n ** 63n - 1n - BigInt(row), 10n ** 30n + 1n]),
  );
  const repeats = 120;
  const result = stages.run('final', [
    stages.run(
      'partial',
      Array.from({ length: repeats }, () => batch),
    ),
  ]);
  const count = 10_000n * BigInt(repeats);
  const rowsSum = BigInt(repeats) * ((9_999n * 10_000n) / 2n);
  expect(toRows(result)).toEqual([[count * (2n ** 63n - 1n) - rowsSum, count * (10n ** 30n + 1n)]]);
});

test('a sum that does not fit its type is an error', () => {
  const big = batchFromRows(schemaOf(decimal), [[6n * 10n ** 37n], [6n * 10n ** 37n]]);
  const stages = new Stages(schemaOf(decimal), 0, [aggregate('sum', 0, decimal)]);
  expect(() => stages.run('partial', [big])).toThrow(new QueryError('outOfRange', 'numeric field overflow'));

  const layout = schemaOf(int8);
  const states = batchFromRows(layout, [[2n ** 62n], [2n ** 62n]]);
  const counted = new Stages(schemaOf(int4), 0, [aggregate('sum', 0, int4)]);
  expect(() => counted.run('final', [states])).toThrow(new QueryError('outOfRange', 'bigint out of range'));
});

test('the memory limit stops grouping and names it', () => {
  const input = schemaOf(int4);
  const schema = schemaOf(int4, int8);
  const node: PlanNode = {
    kind: 'aggregate',
    mode: 'partial',
    input: { kind: 'receive', exchange: 0, schema: input },
    keys: [0],
    aggregates: [countRows],
    schema,
  };
  const memory = new CountingBudget(100_000);
  const [leaf] = buildOpGraph(node, new Recorder(), { memory }).inputs;
  const distinct = batchFromRows(
    input,
    Array.from({ length: 10_000 }, (_, row) => [row]),
  );
  expect(() => leaf?.input.push(distinct)).toThrow(/aggregate/);
});

test('epochs do not see each other', () => {
  const input = schemaOf(int4);
  const schema = schemaOf(int4, int8);
  const recorder = new Recorder();
  const node: PlanNode = {
    kind: 'aggregate',
    mode: 'partial',
    input: { kind: 'receive', exchange: 0, schema: input },
    keys: [0],
    aggregates: [countRows],
    schema,
  };
  const [leaf] = buildOpGraph(node, recorder, { memory: new CountingBudget() }).inputs;
  for (const epoch of [1, 2]) {
    leaf?.input.push(batchFromRows(input, [[epoch], [epoch]]));
    leaf?.input.complete();
  }
  leaf?.input.complete();
  expect([0, 1, 2].map((epoch) => recorder.rows(epoch))).toEqual([[[1, 2n]], [[2, 2n]], []]);
  expect(rowTexts(schema, recorder.rows(1))).toEqual([['2', '2']]);
});

test('states of a DISTINCT aggregate that are malformed are refused', () => {
  const stages = new Stages(schemaOf(int4, text), 0, [
    aggregate('count', 0, int4, true),
    aggregate('count', 1, text, true),
  ]);
  const layout = schemaOf(types.bytea, types.bytea);
  for (const states of [
    [Uint8Array.of(1, 2, 3), Uint8Array.of()],
    [Uint8Array.of(), Uint8Array.of(9, 0, 0, 0, 1)],
    [Uint8Array.of(), Uint8Array.of(1, 0)],
  ]) {
    expect(() => stages.run('final', [batchFromRows(layout, [states])])).toThrow(/malformed/);
  }
});

test('no rows in many batches are no rows', () => {
  const input = schemaOf(int4);
  const stages = new Stages(input, 1, [countRows]);
  const empty = concatBatches(input, []);
  expect(stages.run('partial', [empty, empty]).numRows).toBe(0);
});
