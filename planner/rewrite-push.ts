import { columnsOf, conjunction, conjuncts, moveColumns, replaceColumns } from './expressions.ts';
import { columnType, filter, join, type Logical, type LogicalOf, mapInputs } from './logical.ts';
import type { Expression } from './plan.ts';

/**
 * Moves conditions as close to the rows as they may go: through projections, joins, unions and, where
 * they concern keys only, groupings; into scans. An inner join takes conditions on both its sides as its own,
 * so a cross join with an equality becomes an equi-join.
 */
export function pushPredicates(plan: Logical): Logical {
  return push(plan, []);
}

/** @param conditions over the output of `node`, all of which must hold */
function push(node: Logical, conditions: readonly Expression[]): Logical {
  switch (node.kind) {
    case 'scan': {
      const own = node.predicate === null ? [] : conjuncts(node.predicate);
      return { ...node, predicate: conjunction([...own, ...conditions]) };
    }
    case 'values':
      return filter(node, conjunction(conditions));
    case 'filter':
      return push(node.input, [...conjuncts(node.predicate), ...conditions]);
    case 'project': {
      const { expressions } = node;
      const inner = conditions.map((condition) =>
        replaceColumns(condition, (index) => expressions[index] as Expression),
      );
      return { ...node, input: push(node.input, inner) };
    }
    case 'join':
      return node.type === 'inner' ? pushIntoInner(node, conditions) : pushIntoLeft(node, conditions);
    case 'aggregate':
      return pushBelowGroups(node, conditions);
    case 'topK': {
      // A condition must not change which rows are the first k.
      const sortOnly = node.limit === null && node.offset === 0;
      if (sortOnly) return { ...node, input: push(node.input, conditions) };
      return filter({ ...node, input: push(node.input, []) }, conjunction(conditions));
    }
    case 'union':
      return mapInputs(node, (input) => push(input, conditions));
  }
}

/** Which side's columns a condition reads; a constant one belongs to the left. */
type Side = 'left' | 'right' | 'both';

function sideOf(condition: Expression, leftWidth: number): Side {
  const columns = [...columnsOf(condition)];
  if (columns.every((index) => index < leftWidth)) return 'left';
  return columns.every((index) => index >= leftWidth) ? 'right' : 'both';
}

function pushIntoInner(node: LogicalOf<'join'>, conditions: readonly Expression[]): Logical {
  const width = node.left.schema.fields.length;
  const all = [...(node.condition === null ? [] : conjuncts(node.condition)), ...conditions];
  const on = (side: Side) => all.filter((condition) => sideOf(condition, width) === side);
  const right = on('right').map((condition) => moveColumns(condition, (index) => index - width));
  return join('inner', push(node.left, on('left')), push(node.right, right), conjunction(on('both')));
}

/**
 * A left join keeps every row of its left side: conditions after it may go left, conditions of its own may go
 * right; neither may go the other way.
 */
function pushIntoLeft(node: LogicalOf<'join'>, conditions: readonly Expression[]): Logical {
  const width = node.left.schema.fields.length;
  const own = node.condition === null ? [] : conjuncts(node.condition);
  const right = own
    .filter((condition) => sideOf(condition, width) === 'right')
    .map((condition) => moveColumns(condition, (index) => index - width));
  const kept = own.filter((condition) => sideOf(condition, width) !== 'right');
  const left = conditions.filter((condition) => sideOf(condition, width) === 'left');
  const after = conditions.filter((condition) => sideOf(condition, width) !== 'left');
  const joined = join('left', push(node.left, left), push(node.right, right), conjunction(kept));
  return filter(joined, conjunction(after));
}

/** Whole groups live or die by conditions on keys, so these may choose rows before grouping. */
function pushBelowGroups(node: LogicalOf<'aggregate'>, conditions: readonly Expression[]): Logical {
  const { keys, input } = node;
  const onKeys = (condition: Expression) => {
    const columns = [...columnsOf(condition)];
    return columns.length > 0 && columns.every((index) => index < keys.length);
  };
  const below = conditions.filter(onKeys).map((condition) =>
    replaceColumns(condition, (index) => {
      const position = keys[index] as number;
      return { kind: 'column', index: position, type: columnType(input.schema, position) };
    }),
  );
  const after = conditions.filter((condition) => !onKeys(condition));
  return filter({ ...node, input: push(input, below) }, conjunction(after));
}
