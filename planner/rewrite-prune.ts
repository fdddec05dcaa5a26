import { columnsOf, moveColumns } from './expressions.ts';
import {
  aggregate,
  columnsOfAll,
  filter,
  join,
  type Logical,
  type LogicalOf,
  pick,
  project,
  projectColumns,
  scan,
  topK,
  union,
} from './logical.ts';
import type { Expression } from './plan.ts';

/**
 * Reads and passes on only the columns that somebody above needs, so that scans stay narrow and joins and
 * exchanges carry little. The plan's own schema stays.
 */
export function pruneColumns(plan: Logical): Logical {
  return exactly(
    plan,
    plan.schema.fields.map((_, index) => index),
  );
}

/** A node narrowed to at least what was asked for; `at` gives the new position of an old column. */
interface Narrowed {
  readonly node: Logical;
  readonly at: (index: number) => number;
}

/** Just the columns at `wanted`, in that order. */
function exactly(node: Logical, wanted: readonly number[]): Logical {
  const narrowed = narrow(node, new Set(wanted));
  return projectColumns(narrowed.node, wanted.map(narrowed.at));
}

function narrow(node: Logical, needed: ReadonlySet<number>): Narrowed {
  switch (node.kind) {
    case 'scan':
      return narrowScan(node, needed);
    case 'values': {
      const kept = ascending(needed);
      const rows = node.rows.map((row) => kept.map((index) => row[index] ?? null));
      return narrowed({ kind: 'values', rows, schema: pick(node.schema, kept) }, kept);
    }
    case 'filter': {
      const { node: input, at } = narrow(node.input, new Set([...needed, ...columnsOf(node.predicate)]));
      return { node: filter(input, moveColumns(node.predicate, at)), at };
    }
    case 'project':
      return narrowProject(node, needed);
    case 'join':
      return narrowJoin(node, needed);
    case 'aggregate':
      return narrowAggregate(node, needed);
    case 'topK': {
      const columns = columnsOfAll(node.keys.map((key) => key.expression));
      const { node: input, at } = narrow(node.input, new Set([...needed, ...columns]));
      const keys = node.keys.map((key) => ({ ...key, expression: moveColumns(key.expression, at) }));
      return { node: topK(input, keys, node.limit, node.offset), at };
    }
    case 'union': {
      const kept = ascending(needed);
      return narrowed(
        union(
          node.inputs.map((input) => exactly(input, kept)),
          pick(node.schema, kept),
        ),
        kept,
      );
    }
  }
}

/** A predicate's own columns are read too, but passed on only where they are needed. */
function narrowScan(node: LogicalOf<'scan'>, needed: ReadonlySet<number>): Narrowed {
  const read = ascending(new Set([...needed, ...(node.predicate === null ? [] : columnsOf(node.predicate))]));
  const at = (index: number) => read.indexOf(index);
  const columns = read.map((index) => node.columns[index] as number);
  return { node: scan(node.table, columns, node.predicate && moveColumns(node.predicate, at)), at };
}

function narrowProject(node: LogicalOf<'project'>, needed: ReadonlySet<number>): Narrowed {
  const kept = ascending(needed);
  const expressions = kept.map((index) => node.expressions[index] as Expression);
  const { node: input, at } = narrow(node.input, columnsOfAll(expressions));
  const { fields } = pick(node.schema, kept);
  const moved = expressions.map((expression) => moveColumns(expression, at));
  return narrowed(
    project(
      input,
      moved,
      fields.map(({ name }) => name),
    ),
    kept,
  );
}

function narrowJoin(node: LogicalOf<'join'>, needed: ReadonlySet<number>): Narrowed {
  const width = node.left.schema.fields.length;
  const all = ascending(new Set([...needed, ...(node.condition === null ? [] : columnsOf(node.condition))]));
  const left = exactly(
    node.left,
    all.filter((index) => index < width),
  );
  const right = exactly(
    node.right,
    all.filter((index) => index >= width).map((index) => index - width),
  );
  const at = (index: number) => all.indexOf(index);
  return { node: join(node.type, left, right, node.condition && moveColumns(node.condition, at)), at };
}

/** Keys all stay, for they decide what a group is; results that nobody reads go, but one if there are no keys. */
function narrowAggregate(node: LogicalOf<'aggregate'>, needed: ReadonlySet<number>): Narrowed {
  const { keys, aggregates, schema } = node;
  const kept = ascending(new Set([...keys.keys(), ...[...needed].filter((index) => index >= keys.length)]));
  if (kept.length === 0) kept.push(0);
  const calls = kept.slice(keys.length).map((index) => aggregates[index - keys.length] as (typeof aggregates)[number]);
  const args = calls.flatMap(({ argument }) => (argument === null ? [] : [argument]));
  const { node: input, at } = narrow(node.input, new Set([...keys, ...columnsOfAll(args)]));
  const moved = calls.map((call) => ({ ...call, argument: call.argument && moveColumns(call.argument, at) }));
  const names = pick(schema, kept.slice(keys.length)).fields.map(({ name }) => name);
  return narrowed(aggregate(input, keys.map(at), moved, names), kept);
}

/** `kept`: the old positions of the node's columns. */
function narrowed(node: Logical, kept: readonly number[]): Narrowed {
  return { node, at: (index) => kept.indexOf(index) };
}

function ascending(indexes: ReadonlySet<number>): number[] {
  return [...indexes].toSorted((a, b) => a - b);
}
