import type { Field, Schema, SqlType, SqlValue } from '../columnar/index.ts';
import { partialSchema } from './aggregates.ts';
import type { TableDefinition } from './catalog.ts';
import { columnsOf, replaceColumns } from './expressions.ts';
import type { AggregateCall, Expression, SortKey } from './plan.ts';

/**
 * What a query means, regardless of where it runs. Columns are positions in the input's rows, as in physical
 * plans. The constructors below work out each node's schema.
 */
export type Logical =
  | {
      readonly kind: 'scan';
      readonly table: TableDefinition;
      readonly columns: readonly number[];
      readonly predicate: Expression | null;
      readonly schema: Schema;
    }
  | { readonly kind: 'values'; readonly rows: readonly (readonly (SqlValue | null)[])[]; readonly schema: Schema }
  | { readonly kind: 'filter'; readonly input: Logical; readonly predicate: Expression; readonly schema: Schema }
  | {
      readonly kind: 'project';
      readonly input: Logical;
      readonly expressions: readonly Expression[];
      readonly schema: Schema;
    }
  /** `condition` sees left columns, then right columns; `null`: all pairs. */
  | {
      readonly kind: 'join';
      readonly type: 'inner' | 'left';
      readonly left: Logical;
      readonly right: Logical;
      readonly condition: Expression | null;
      readonly schema: Schema;
    }
  /** Output: keys, then results. No keys: one row, even for no input. No aggregates: distinct keys. */
  | {
      readonly kind: 'aggregate';
      readonly input: Logical;
      readonly keys: readonly number[];
      readonly aggregates: readonly AggregateCall[];
      readonly schema: Schema;
    }
  /** Ordering and a slice of it, as `topK` in physical plans. */
  | {
      readonly kind: 'topK';
      readonly input: Logical;
      readonly keys: readonly SortKey[];
      readonly limit: number | null;
      readonly offset: number;
      readonly schema: Schema;
    }
  | { readonly kind: 'union'; readonly inputs: readonly Logical[]; readonly schema: Schema };

export type LogicalOf<K extends Logical['kind']> = Extract<Logical, { kind: K }>;

export function scan(
  table: TableDefinition,
  columns: readonly number[],
  predicate: Expression | null,
): LogicalOf<'scan'> {
  return { kind: 'scan', table, columns, predicate, schema: pick(table.schema, columns) };
}

export function values(rows: LogicalOf<'values'>['rows'], schema: Schema): LogicalOf<'values'> {
  return { kind: 'values', rows, schema };
}

/** One row without columns: what a SELECT without FROM reads. */
export const oneRow: Logical = { kind: 'values', rows: [[]], schema: { fields: [] } };

/** The input itself when there is nothing to check. */
export function filter(input: Logical, predicate: Expression | null): Logical {
  return predicate === null ? input : { kind: 'filter', input, predicate, schema: input.schema };
}

/** @param names one per expression */
export function project(
  input: Logical,
  expressions: readonly Expression[],
  names: readonly string[],
): LogicalOf<'project'> {
  const fields = expressions.map(({ type }, index) => ({ name: names[index] as string, type }));
  return { kind: 'project', input, expressions, schema: { fields } };
}

/** Keeps the columns at `positions`, in that order; the input itself when these are all. */
export function projectColumns(input: Logical, positions: readonly number[]): Logical {
  const { fields } = input.schema;
  if (positions.length === fields.length && positions.every((position, index) => position === index)) return input;
  const kept = pick(input.schema, positions);
  const expressions = positions.map(
    (index): Expression => ({ kind: 'column', index, type: (fields[index] as Field).type }),
  );
  return { kind: 'project', input, expressions, schema: kept };
}

export function join(
  type: 'inner' | 'left',
  left: Logical,
  right: Logical,
  condition: Expression | null,
): LogicalOf<'join'> {
  const schema = { fields: [...left.schema.fields, ...right.schema.fields] };
  return { kind: 'join', type, left, right, condition, schema };
}

/** @param names of the results, one per aggregate */
export function aggregate(
  input: Logical,
  keys: readonly number[],
  aggregates: readonly AggregateCall[],
  names: readonly string[],
): LogicalOf<'aggregate'> {
  const results = aggregates.map(({ type }, index) => ({ name: names[index] as string, type }));
  const { fields } = partialSchema(input.schema, keys, []);
  return { kind: 'aggregate', input, keys, aggregates, schema: { fields: [...fields, ...results] } };
}

export function topK(input: Logical, keys: readonly SortKey[], limit: number | null, offset: number): Logical {
  if (keys.length === 0 && limit === null && offset === 0) return input;
  return { kind: 'topK', input, keys, limit, offset, schema: input.schema };
}

export function union(inputs: readonly Logical[], schema: Schema): Logical {
  return inputs.length === 1 ? (inputs[0] as Logical) : { kind: 'union', inputs, schema };
}

export function pick(schema: Schema, positions: readonly number[]): Schema {
  return { fields: positions.map((position) => schema.fields[position] as Field) };
}

export function columnType(schema: Schema, index: number): SqlType {
  return (schema.fields[index] as Field).type;
}

/** The nodes directly below. */
export function inputsOf(node: Logical): readonly Logical[] {
  switch (node.kind) {
    case 'scan':
    case 'values':
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

/** The same node over changed inputs; their columns must stay the same. */
export function mapInputs(node: Logical, change: (input: Logical) => Logical): Logical {
  switch (node.kind) {
    case 'scan':
    case 'values':
      return node;
    case 'filter':
    case 'project':
    case 'aggregate':
    case 'topK':
      return { ...node, input: change(node.input) };
    case 'join':
      return { ...node, left: change(node.left), right: change(node.right) };
    case 'union':
      return { ...node, inputs: node.inputs.map(change) };
  }
}

/** Whether substituting `expressions` for the columns of `outer` computes nothing twice. */
export function composes(outer: readonly Expression[], expressions: readonly Expression[]): boolean {
  const uses = new Map<number, number>();
  for (const expression of outer) countUses(expression, uses);
  return expressions.every(({ kind }, index) => kind === 'column' || kind === 'literal' || (uses.get(index) ?? 0) <= 1);
}

function countUses(expression: Expression, uses: Map<number, number>): void {
  replaceColumns(expression, (index) => {
    uses.set(index, (uses.get(index) ?? 0) + 1);
    return expression;
  });
}

/** Columns that several expressions read. */
export function columnsOfAll(expressions: readonly Expression[]): Set<number> {
  const all = new Set<number>();
  for (const expression of expressions) columnsOf(expression, all);
  return all;
}
