import type { Field } from '../columnar/index.ts';
import { replaceColumns } from './expressions.ts';
import { composes, type Logical, type LogicalOf, mapInputs } from './logical.ts';
import type { Expression } from './plan.ts';

/** Joins a projection with the one below it where that computes nothing twice; drops those that change nothing. */
export function mergeProjections(plan: Logical): Logical {
  const node = mapInputs(plan, mergeProjections);
  if (node.kind !== 'project') return node;
  return withoutIdentity(merged(node));
}

function merged(node: LogicalOf<'project'>): LogicalOf<'project'> {
  const { input } = node;
  if (input.kind !== 'project' || !composes(node.expressions, input.expressions)) return node;
  const expressions = node.expressions.map((expression) =>
    replaceColumns(expression, (index) => input.expressions[index] as Expression),
  );
  return { ...node, input: input.input, expressions };
}

function withoutIdentity(node: LogicalOf<'project'>): Logical {
  const { input, expressions, schema } = node;
  const sameColumns =
    expressions.length === input.schema.fields.length &&
    expressions.every(
      (expression, index) =>
        expression.kind === 'column' &&
        expression.index === index &&
        (schema.fields[index] as Field).name === (input.schema.fields[index] as Field).name,
    );
  return sameColumns ? input : node;
}
