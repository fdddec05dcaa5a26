import { Bench } from 'tinybench';
import type { TopLevelSpec } from 'vega-lite';
import { type Batch, columnFromValues, type Schema, textColumn, types } from '../columnar/index.ts';
import {
  buildOpGraph,
  type MemoryBudget,
  type Operator,
  type Output,
  type RunningOpGraph,
} from '../operators/index.ts';
import type { AggregateCall, Expression, PlanNode } from '../planner/index.ts';
import { defineExperiment, type Row } from './experiments/harness/experiment.ts';

// Rows a second through single operators, one thread: `npm run bench -- operators`.

const rowsInBatch = 16_384;
const batchCount = 61;
const rowCount = rowsInBatch * batchCount; // a million rows

const { boolean, int4, int8, float8, text } = types;
const schema: Schema = {
  fields: [
    { name: 'id', type: int4 },
    { name: 'few', type: int4 },
    { name: 'many', type: int4 },
    { name: 'big', type: int8 },
    { name: 'price', type: float8 },
    { name: 'city', type: text },
  ],
};
const [id, few, many, big, price, city] = schema.fields.map(
  ({ type }, index): Expression => ({ kind: 'column', index, type }),
) as [Expression, Expression, Expression, Expression, Expression, Expression];

const groupsFew = 1_000;
const groupsMany = 500_000;
const cities = Array.from({ length: 200 }, (_, index) => `city number ${index}`);

/** A repeatable scramble (Knuth's multiplicative hash). */
const scramble = (value: number): number => Math.imul(value, 2_654_435_761) >>> 0;

function batchAt(part: number): Batch {
  const first = part * rowsInBatch;
  const ints = (make: (row: number) => number): Int32Array =>
    Int32Array.from({ length: rowsInBatch }, (_, row) => make(first + row));
  const columns = [
    columnFromValues(
      int4,
      ints((row) => row),
    ),
    columnFromValues(
      int4,
      ints((row) => scramble(row) % groupsFew),
    ),
    columnFromValues(
      int4,
      ints((row) => scramble(row) % groupsMany),
    ),
    columnFromValues(
      int8,
      BigInt64Array.from({ length: rowsInBatch }, (_, row) => BigInt(scramble(first + row))),
    ),
    columnFromValues(
      float8,
      Float64Array.from({ length: rowsInBatch }, (_, row) => scramble(first + row) / 1_000),
    ),
    textColumn(Array.from({ length: rowsInBatch }, (_, row) => cities[scramble(first + row) % cities.length] ?? '')),
  ];
  return { schema, numRows: rowsInBatch, columns };
}
let batches: readonly Batch[] = [];

const unlimited: MemoryBudget = { reserve() {}, release() {} };
let rowsOut = 0;
const sink: Output = {
  push(batch) {
    rowsOut += batch.numRows;
  },
  complete() {},
};

const input: PlanNode = { kind: 'receive', exchange: 0, schema };
const call = (name: string, args: readonly Expression[], type: Expression['type']): Expression =>
  ({ kind: 'call', function: name, args, type }) as Expression;
const literal = (type: Expression['type'], value: string | number | bigint): Expression => ({
  kind: 'literal',
  value,
  type,
});

function inputOf(graph: RunningOpGraph, index: number): Operator {
  const leaf = graph.inputs[index];
  if (leaf === undefined) throw new Error(`the plan has no leaf ${index}`);
  return leaf.input;
}

/** One epoch over all rows; a graph is built once and used for every epoch, as a standing query does. */
function epochs(node: PlanNode): () => void {
  const leaf = inputOf(buildOpGraph(node, sink, { memory: unlimited }), 0);
  return () => {
    for (const batch of batches) leaf.push(batch);
    leaf.complete();
  };
}

const filter = (predicate: Expression): (() => void) => epochs({ kind: 'filter', input, predicate, schema });

function project(expression: Expression): () => void {
  return epochs({
    kind: 'project',
    input,
    expressions: [expression],
    schema: { fields: [{ name: 'x', type: expression.type }] },
  });
}

function group(keys: readonly number[], aggregates: readonly AggregateCall[]): () => void {
  const fields = keys.map((key) => schema.fields[key] ?? { name: '', type: int4 });
  const states = aggregates.map(({ type }, index) => ({ name: `state_${index}`, type }));
  return epochs({
    kind: 'aggregate',
    mode: 'partial',
    input,
    keys,
    aggregates,
    schema: { fields: [...fields, ...states] },
  });
}

const sum = (argument: Expression, type: Expression['type']): AggregateCall => ({
  function: 'sum',
  argument,
  distinct: false,
  type,
});
const countRows: AggregateCall = { function: 'count', argument: null, distinct: false, type: int8 };

function topK(limit: number | null, keys: readonly Expression[]): () => void {
  const sortKeys = keys.map((expression) => ({ expression, descending: true, nullsFirst: true }));
  return epochs({ kind: 'topK', input, keys: sortKeys, limit, offset: 0, schema });
}

/** Half of the rows on each side, by a key that is unique on both. */
function join(): () => void {
  const node: PlanNode = {
    kind: 'join',
    type: 'inner',
    left: input,
    right: input,
    leftKeys: [0],
    rightKeys: [0],
    residual: null,
    schema: { fields: [...schema.fields, ...schema.fields] },
  };
  const graph = buildOpGraph(node, sink, { memory: unlimited });
  const [left, right] = [inputOf(graph, 0), inputOf(graph, 1)];
  return () => {
    for (const batch of batches.slice(0, batchCount >> 1)) {
      left.push(batch);
      right.push(batch);
    }
    left.complete();
    right.complete();
  };
}

export const operators = defineExperiment({
  name: 'operators',
  about: 'rows a second through single operators, one thread',
  options: { timeMs: { full: 200, quick: 20, about: 'least time for each, in milliseconds' } },
  async run(_context, { timeMs }) {
    batches = Array.from({ length: batchCount }, (_, part) => batchAt(part));
    const bench = new Bench({ time: timeMs, iterations: 3, warmupTime: 50, warmupIterations: 2 });
    bench
      .add('filter: int4 < literal, half pass', filter(call('less', [few, literal(int4, groupsFew / 2)], boolean)))
      .add('filter: int8 = literal, none pass', filter(call('equal', [big, literal(int8, -1n)], boolean)))
      .add('filter: text = literal', filter(call('equal', [city, literal(text, 'city number 7')], boolean)))
      .add("filter: text LIKE '%number 19%'", filter(call('like', [city, literal(text, '%number 19%')], boolean)))
      .add(
        'project: int4 + int4 * 2',
        project(call('add', [id, call('multiply', [few, literal(int4, 2)], int4)], int4)),
      )
      .add('project: float8 * 1.1', project(call('multiply', [price, literal(float8, 1.1)], float8)))
      .add('project: int8 + 1', project(call('add', [big, literal(int8, 1n)], int8)))
      .add('project: upper(text)', project(call('upper', [city], text)))
      .add('group by: 1,000 int4 groups, sum(int4)', group([1], [sum(few, int8)]))
      .add(
        'group by: 1,000 int4 groups, count, sum(int8), sum(float8)',
        group([1], [countRows, sum(big, types.numeric(38, 0)), sum(price, float8)]),
      )
      .add('group by: 500,000 int4 groups, sum(int4)', group([2], [sum(few, int8)]))
      .add('group by: 200 texts, count', group([5], [countRows]))
      .add('group by: nothing, sum(int4)', group([], [sum(many, int8)]))
      .add('join: 0.5 M with 0.5 M rows, unique int4', join())
      .add('top 10 by float8', topK(10, [price]))
      .add('top 10 by text, int4', topK(10, [city, id]))
      .add('sort 1 M by float8', topK(null, [price]));
    await bench.run();
    if (rowsOut === 0) throw new Error('no operator gave a row');
    const rows = bench.tasks.map(({ name: operator, result }) => {
      if (result.state !== 'completed') throw new Error(`${operator}: ${result.state}`);
      const { p50: medianMs } = result.latency;
      return { operator, medianMs, millionRowsPerSecond: rowCount / medianMs / 1_000 };
    });
    return { rows, targets: [], plot: plot(rows) };
  },
});

function plot(values: readonly Row[]): TopLevelSpec {
  return {
    title: 'Rows through single operators, one thread',
    data: { values: [...values] },
    mark: 'bar',
    encoding: {
      x: { field: 'millionRowsPerSecond', type: 'quantitative', title: 'million rows a second' },
      y: { field: 'operator', type: 'nominal', sort: null, title: null },
    },
  };
}
