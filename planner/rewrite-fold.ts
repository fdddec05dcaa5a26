import { foldCondition, foldExpression } from './fold.ts';
import { filter, type Logical, mapInputs } from './logical.ts';

/** Folds every expression of a plan; conditions that always hold vanish. */
export function foldPlan(plan: Logical): Logical {
  const node = mapInputs(plan, foldPlan);
  switch (node.kind) {
    case 'values':
    case 'union':
      return node;
    case 'scan':
      return { ...node, predicate: node.predicate && foldCondition(node.predicate) };
    case 'filter':
      return filter(node.input, foldCondition(node.predicate));
    case 'project':
      return { ...node, expressions: node.expressions.map(foldExpression) };
    case 'join':
      return { ...node, condition: node.condition && foldCondition(node.condition) };
    case 'aggregate': {
      const aggregates = node.aggregates.map((call) => {
        return { ...call, argument: call.argument && foldExpression(call.argument) };
      });
      return { ...node, aggregates };
    }
    case 'topK':
      return { ...node, keys: node.keys.map((key) => ({ ...key, expression: foldExpression(key.expression) })) };
  }
}
