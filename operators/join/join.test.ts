import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Batch, batchFromRows, batchToRows, type Schema, type SqlType, types } from '../../columnar/index.ts';
import type { Expression, PlanNode } from '../../planner/index.ts';
import { column, is } from '../expression/builders.ts';
import { buildOpGraph } from '../graph.ts';
import type { Operator } from '../operator.ts';
import { Recorder } from '../recorder.ts';
import { outputRowsMax } from '../rows.ts';
import {
  arbitraryBatches,
  byText,
  CountingBudget,
  cellText,
  type Row,
  rowTexts,
  schemaOf,
} from '../testing/arbitraries.ts';

type JoinNode = Extract<PlanNode, { kind: 'join' }>;

const { int4, text } = types;

function joinNode(
  type: JoinNode['type'],
  left: Schema,
  right: Schema,
  keys: number,
  residual: Expression | null,
): JoinNode {
  const positions = Array.from({ length: keys }, (_, key) => key);
  return {
    kind: 'join',
    type,
    left: { kind: 'receive', exchange: 0, schema: left },
    right: { kind: 'receive', exchange: 1, schema: right },
    leftKeys: positions,
    rightKeys: positions,
    residual,
    schema: { fields: [...left.fields, ...right.fields] },
  };
}

class Running {
  readonly recorder = new Recorder();
  readonly memory: CountingBudget;
  readonly left: Operator;
  readonly right: Operator;

  constructor(node: JoinNode, memory = new CountingBudget()) {
    this.memory = memory;
    const [left, right] = buildOpGraph(node, this.recorder, { memory }).inputs;
    if (left === undefined || right === undefined) throw new Error('a join has two inputs');
    this.left = left.input;
    this.right = right.input;
  }
}

/** One step of a run: a batch for a side, or its end. */
type Step = { readonly side: 'left' | 'right'; readonly batch: Batch | null };

function interleavings(left: readonly Batch[], right: readonly Batch[]): fc.Arbitrary<Step[]> {
  const steps = (side: Step['side'], batches: readonly Batch[]): Step[] => [
    ...batches.map((batch) => ({ side, batch })),
    { side, batch: null },
  ];
  const all = steps('left', left).length + steps('right', right).length;
  return fc.array(fc.boolean(), { minLength: all, maxLength: all }).map((picks) => {
    const queues = { left: steps('left', left), right: steps('right', right) };
    return picks.map((pick) => {
      const side = (pick && queues.left.length > 0) || queues.right.length === 0 ? 'left' : 'right';
      return queues[side].shift() as Step;
    });
  });
}

function keysEqual(schema: Schema, keys: number, left: Row, right: Row): boolean {
  return Array.from({ length: keys }, (_, key) => key).every((key) => {
    const type = schema.fields[key]?.type as SqlType;
    const [a, b] = [left[key] ?? null, right[key] ?? null];
    return a !== null && b !== null && cellText(type, a) === cellText(type, b);
  });
}

function nestedLoops(node: JoinNode, keys: number, left: Row[], right: Row[], accepts: (row: Row) => boolean): Row[] {
  return left.flatMap((leftRow) => {
    const matches = right
      .filter((rightRow) => keysEqual(node.left.schema, keys, leftRow, rightRow))
      .map((rightRow) => [...leftRow, ...rightRow])
      .filter(accepts);
    if (matches.length > 0 || node.type === 'inner') return matches;
    return [[...leftRow, ...node.right.schema.fields.map(() => null)]];
  });
}

describe('agrees with nested loops, whatever the order of arrival', () => {
  const keyTypes = [int4, types.int8, types.float8, text, types.numeric(38, 2), types.boolean, types.date, types.int2];
  test.each(keyTypes.flatMap((type) => (['inner', 'left'] as const).map((kind) => ({ type, kind }))))(
    '$kind join on $type.kind',
    ({ type, kind }) => {
      const schema = schemaOf(type, int4);
      fc.assert(
        fc.property(fc.constantFrom(0, 1, 2), fc.boolean(), arbitraryRun(schema), (keys, filtered, run) => {
          const residual = filtered ? is('less', column(1, int4), column(3, int4)) : null;
          const node = joinNode(kind, schema, schema, keys, residual);
          const running = new Running(node);
          // Twice: an epoch leaves nothing behind.
          for (const _ of [1, 2]) {
            for (const { side, batch } of run.steps) {
              if (batch === null) running[side].complete();
              else running[side].push(batch);
            }
          }
          const accepts = (row: Row): boolean =>
            !filtered || (row[1] !== null && row[3] !== null && (row[1] as number) < (row[3] as number));
          const expected = rowTexts(node.schema, nestedLoops(node, keys, run.left, run.right, accepts)).sort(byText);
          for (const epoch of [0, 1]) {
            expect(rowTexts(node.schema, running.recorder.rows(epoch)).sort(byText)).toEqual(expected);
          }
          expect(running.memory.held).toBe(0);
        }),
        { numRuns: 50 },
      );
    },
  );
});

interface Run {
  readonly left: Row[];
  readonly right: Row[];
  readonly steps: readonly Step[];
}

function arbitraryRun(schema: Schema): fc.Arbitrary<Run> {
  return fc.tuple(arbitraryBatches(schema, 10), arbitraryBatches(schema, 10)).chain(([left, right]) =>
    interleavings(left, right).map((steps) => ({
      left: left.flatMap(batchToRows),
      right: right.flatMap(batchToRows),
      steps,
    })),
  );
}

const pairSchema = schemaOf(int4);
const numbers = (first: number, count: number): Batch =>
  batchFromRows(
    pairSchema,
    Array.from({ length: count }, (_, row) => [first + row]),
  );

test('a cross product comes in bounded batches', () => {
  const running = new Running(joinNode('inner', pairSchema, pairSchema, 0, null));
  running.left.push(numbers(0, 300));
  running.right.push(numbers(0, 200));
  running.left.complete();
  running.right.complete();
  const sizes = running.recorder.epochs[0]?.map((batch) => batch.numRows) ?? [];
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(60_000);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(outputRowsMax);
});

test('results flow before the inputs are complete', () => {
  const running = new Running(joinNode('inner', pairSchema, pairSchema, 1, null));
  running.left.push(numbers(0, 10));
  running.right.push(numbers(5, 10));
  expect(running.recorder.batches.flatMap(batchToRows)).toHaveLength(5);
});

test('rows are dropped as soon as nothing can match them', () => {
  const running = new Running(joinNode('left', pairSchema, pairSchema, 1, null));
  running.left.push(numbers(0, 50_000));
  running.right.push(numbers(0, 10));
  const held = running.memory.held;
  running.right.complete();
  expect(running.memory.held).toBeLessThan(held / 10);
  expect(running.recorder.batches.flatMap(batchToRows)).toHaveLength(50_000);
  const complete = running.memory.held;
  running.left.push(numbers(0, 50_000)); // neither kept nor waiting
  expect(running.memory.held).toBe(complete);
  expect(running.recorder.batches.flatMap(batchToRows)).toHaveLength(100_000);
});

test('many rows with one key, over several growths of the table', () => {
  const running = new Running(joinNode('inner', pairSchema, pairSchema, 1, null));
  for (let part = 0; part < 10; part++) running.left.push(numbers(part * 1_000, 2_000)); // neighbours overlap by half
  running.right.push(numbers(0, 20_000));
  running.left.complete();
  running.right.complete();
  const rows = running.recorder.rows();
  expect(rows).toHaveLength(20_000);
  expect(rows.every(([left, right]) => left === right)).toBe(true);
});

test('the memory limit stops a join and names it', () => {
  const running = new Running(joinNode('inner', pairSchema, pairSchema, 1, null), new CountingBudget(100_000));
  expect(() => running.left.push(numbers(0, 50_000))).toThrow(/join/);
});

test('a side that completes twice is a bug', () => {
  const running = new Running(joinNode('inner', pairSchema, pairSchema, 1, null));
  running.left.complete();
  expect(() => running.left.complete()).toThrow(/twice/);
});
