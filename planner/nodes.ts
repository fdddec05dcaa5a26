import type { Field, Schema } from '../columnar/index.ts';
import { partialSchema } from './aggregates.ts';
import type { AggregateCall, Exchange, Expression, PlanNode, SortKey } from './plan.ts';

// Building and walking physical plan nodes.

export type PlanNodeOf<K extends PlanNode['kind']> = Extract<PlanNode, { kind: K }>;

export function receive(exchange: Exchange): PlanNodeOf<'receive'> {
  return { kind: 'receive', exchange: exchange.id, schema: exchange.schema };
}

export function filter(input: PlanNode, predicate: Expression | null): PlanNode {
  return predicate === null ? input : { kind: 'filter', input, predicate, schema: input.schema };
}

export function columnsAt(schema: Schema, positions: readonly number[]): Expression[] {
  return positions.map((index) => ({ kind: 'column', index, type: (schema.fields[index] as Field).type }));
}

export function partial(
  input: PlanNode,
  keys: readonly number[],
  aggregates: readonly AggregateCall[],
): PlanNodeOf<'aggregate'> {
  const schema = partialSchema(input.schema, keys, aggregates);
  return { kind: 'aggregate', mode: 'partial', input, keys, aggregates, schema };
}

/** @param schema of the states for `merge`, of the results for `final` */
export function fold(
  mode: 'merge' | 'final',
  input: PlanNode,
  keyCount: number,
  aggregates: readonly AggregateCall[],
  schema: Schema,
): PlanNodeOf<'aggregate'> {
  return {
    kind: 'aggregate',
    mode,
    input,
    keys: Array.from({ length: keyCount }, (_, key) => key),
    aggregates,
    schema,
  };
}

export function topK(
  input: PlanNode,
  keys: readonly SortKey[],
  limit: number | null,
  offset: number,
): PlanNodeOf<'topK'> {
  return { kind: 'topK', input, keys, limit, offset, schema: input.schema };
}

/** The nodes directly below, in order. */
export function inputsOf(node: PlanNode): readonly PlanNode[] {
  switch (node.kind) {
    case 'scan':
    case 'values':
    case 'receive':
      return [];
    case 'filter':
    case 'project':
    case 'aggregate':
    case 'topK':
      return [node.input];
    case 'join':
      return [node.left, node.right];
    case 'union':
      return node.inputs;
  }
}

/** All nodes of a tree, depth first, inputs in order, parents before their inputs. */
export function* nodesOf(root: PlanNode): Generator<PlanNode> {
  yield root;
  for (const input of inputsOf(root)) yield* nodesOf(input);
}
