import assert from 'node:assert/strict';
import type { PlanNode } from '../planner/index.ts';
import { Aggregate } from './aggregate/aggregate.ts';
import { Filter } from './filter.ts';
import { Join } from './join/join.ts';
import type { MemoryBudget, Operator, Output, RunningOpGraph } from './operator.ts';
import { Project } from './project.ts';
import { TopK } from './top-k.ts';
import { Union } from './union.ts';

export interface OpGraphContext {
  readonly memory: MemoryBudget;
}

/**
 * Wires the operators of one opgraph (or of a tree exchange's `merge`) from its output down to its leaves.
 * Leaves take the rows of their node's schema; a scan's predicate is applied here. Expressions are compiled
 * now, so an expression that cannot be compiled fails before any row is read.
 *
 * @throws QueryError `unsupported` for an expression without an implementation
 */
export function buildOpGraph(root: PlanNode, output: Output, context: OpGraphContext): RunningOpGraph {
  const inputs: RunningOpGraph['inputs'][number][] = [];
  wire(root, output, context, inputs);
  return { inputs, schema: root.schema };
}

function wire(
  node: PlanNode,
  output: Output,
  context: OpGraphContext,
  inputs: RunningOpGraph['inputs'][number][],
): void {
  const wireInput = (input: PlanNode, operator: Operator): void => wire(input, operator, context, inputs);
  switch (node.kind) {
    case 'scan':
      inputs.push({ node, input: node.predicate === null ? output : new Filter(node.predicate, output) });
      return;
    case 'values':
    case 'receive':
      inputs.push({ node, input: output });
      return;
    case 'filter':
      wireInput(node.input, new Filter(node.predicate, output));
      return;
    case 'project':
      wireInput(node.input, new Project(node.expressions, node.schema, output));
      return;
    case 'aggregate':
      wireInput(node.input, new Aggregate(node, output, context.memory));
      return;
    case 'topK':
      wireInput(node.input, new TopK(node, output, context.memory));
      return;
    case 'join': {
      const join = new Join(node, output, context.memory);
      wireInput(node.left, join.left);
      wireInput(node.right, join.right);
      return;
    }
    case 'union': {
      assert(node.inputs.length > 0, 'a union has inputs');
      const union = new Union(node.inputs.length, node.schema, output);
      for (const [index, input] of node.inputs.entries()) {
        const operator = union.inputs[index];
        assert(operator !== undefined);
        wireInput(input, operator);
      }
      return;
    }
  }
}
