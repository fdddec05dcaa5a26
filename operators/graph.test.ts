import { expect, test } from 'vitest';
import { batchFromRows, batchToRows, QueryError, type SqlType, types } from '../columnar/index.ts';
import type { PlanNode } from '../planner/index.ts';
import { call, column, is, literal } from './expression/builders.ts';
import { buildOpGraph } from './graph.ts';
import { Recorder } from './recorder.ts';
import { CountingBudget, schemaOf } from './testing/arbitraries.ts';

const { int4, int8 } = types;
const schema = schemaOf(int4);
const receive = (exchange: number): PlanNode => ({ kind: 'receive', exchange, schema });
const context = { memory: new CountingBudget() };

test('leaves are listed in the order of a depth-first walk', () => {
  const values: PlanNode = { kind: 'values', rows: [[1]], schema };
  const join: PlanNode = {
    kind: 'join',
    type: 'inner',
    left: { kind: 'union', inputs: [receive(1), values], schema },
    right: { kind: 'filter', input: receive(2), predicate: literal(types.boolean, true), schema },
    leftKeys: [0],
    rightKeys: [0],
    residual: null,
    schema: schemaOf(int4, int4),
  };
  const graph = buildOpGraph(
    { kind: 'topK', input: join, keys: [], limit: 1, offset: 0, schema: join.schema },
    new Recorder(),
    context,
  );
  expect(graph.inputs.map(({ node }) => (node.kind === 'receive' ? node.exchange : node.kind))).toEqual([
    1,
    'values',
    2,
  ]);
  expect(graph.schema).toBe(join.schema);
});

test('a scan applies its predicate, and NULL does not pass', () => {
  const predicate = is('less', column(0, int4), literal(int4, 3));
  const scan: PlanNode = {
    kind: 'scan',
    table: 't',
    source: 'local',
    namespace: null,
    retention: null,
    columns: [0],
    predicate,
    schema,
  };
  const recorder = new Recorder();
  const [leaf] = buildOpGraph(scan, recorder, context).inputs;
  leaf?.input.push(batchFromRows(schema, [[1], [null], [3], [2]]));
  leaf?.input.push(batchFromRows(schema, [[7]]));
  leaf?.input.complete();
  expect(recorder.rows()).toEqual([[1], [2]]);
  expect(recorder.epochs[0]).toHaveLength(1);
});

test('a single leaf passes rows through', () => {
  const recorder = new Recorder();
  const [leaf] = buildOpGraph(receive(0), recorder, context).inputs;
  const batch = batchFromRows(schema, [[1]]);
  leaf?.input.push(batch);
  leaf?.input.complete();
  expect(recorder.epochs[0]?.[0]).toBe(batch);
});

test('a union completes after its last input, epoch after epoch', () => {
  const union: PlanNode = {
    kind: 'union',
    inputs: [receive(0), receive(1)],
    schema: { fields: [{ name: 'n', type: int4 }] },
  };
  const recorder = new Recorder();
  const [first, second] = buildOpGraph(union, recorder, context).inputs;
  for (const epoch of [1, 2]) {
    first?.input.push(batchFromRows(schema, [[epoch]]));
    first?.input.complete();
    expect(recorder.epochs).toHaveLength(epoch - 1);
    second?.input.push(batchFromRows(schema, [[10 * epoch]]));
    second?.input.complete();
    expect(recorder.rows()).toEqual([[epoch], [10 * epoch]]);
  }
  expect(recorder.epochs[0]?.[0]?.schema).toBe(union.schema);
});

test('a projection computes columns, keeps the others and counts rows without any', () => {
  const sum = call('add', [column(0, int4), literal(int4, 1)], int4);
  const project: PlanNode = {
    kind: 'project',
    input: receive(0),
    expressions: [sum, column(0, int4)],
    schema: schemaOf(int4, int4),
  };
  const recorder = new Recorder();
  const [leaf] = buildOpGraph(project, recorder, context).inputs;
  const batch = batchFromRows(schema, [[1], [null]]);
  leaf?.input.push(batch);
  expect(recorder.batches.flatMap(batchToRows)).toEqual([
    [2, 1],
    [null, null],
  ]);
  expect(recorder.batches[0]?.columns[1]).toBe(batch.columns[0]);

  const nothing: PlanNode = { kind: 'project', input: receive(0), expressions: [], schema: schemaOf() };
  const counter = new Recorder();
  const [input] = buildOpGraph(nothing, counter, context).inputs;
  input?.input.push(batch);
  expect(counter.batches[0]?.numRows).toBe(2);
});

test('an error in the data leaves through push', () => {
  const quotient = call('divide', [literal(int4, 1), column(0, int4)], int4);
  const project: PlanNode = { kind: 'project', input: receive(0), expressions: [quotient], schema };
  const [leaf] = buildOpGraph(project, new Recorder(), context).inputs;
  expect(() => leaf?.input.push(batchFromRows(schema, [[1], [0]]))).toThrow(
    new QueryError('divisionByZero', 'division by zero'),
  );
});

test('what cannot be compiled fails before any row', () => {
  const project: PlanNode = {
    kind: 'project',
    input: receive(0),
    expressions: [
      call('sqrt', [column(0, int4)], int4),
      { kind: 'cast', input: column(0, int4), type: types.interval },
    ],
    schema: schemaOf(int4, types.interval),
  };
  expect(() => buildOpGraph(project, new Recorder(), context)).toThrow(/cannot cast/);
});

test('the same expression compiles once, and literals are told apart', () => {
  const run = (value: number | bigint, type: SqlType = int4): unknown => {
    const project: PlanNode = {
      kind: 'project',
      input: receive(0),
      expressions: [literal(type, value)],
      schema: schemaOf(type),
    };
    const recorder = new Recorder();
    const [leaf] = buildOpGraph(project, recorder, context).inputs;
    leaf?.input.push(batchFromRows(schema, [[0]]));
    return recorder.batches.flatMap(batchToRows)[0]?.[0];
  };
  expect([
    run(1),
    run(2),
    run(1n, int8),
    run(-0, types.float8),
    run(0, types.float8),
    run(Number.NaN, types.float8),
  ]).toEqual([1, 2, 1n, -0, 0, Number.NaN]);
});
