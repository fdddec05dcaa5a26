import { type Batch, constantColumn, type Field, type Schema, type SqlValue, types } from '../columnar/index.ts';
import type { EpochAnswer } from '../engine/index.ts';

/** Columns that a door puts before a subscription's own: which epoch a row belongs to and what that epoch covers. */
const marks: readonly { readonly field: Field; readonly value: (answer: EpochAnswer) => SqlValue }[] = [
  { field: { name: 'epoch', type: types.int8 }, value: ({ epoch }) => BigInt(epoch) },
  { field: { name: 'nodes_answered', type: types.int4 }, value: ({ coverage }) => coverage.nodesAnswered },
  { field: { name: 'complete', type: types.boolean }, value: ({ coverage }) => coverage.complete },
];

/** The schema of `markedRows`, for a subscription of `schema`. */
export function markedSchema(schema: Schema): Schema {
  return { fields: [...marks.map(({ field }) => field), ...schema.fields] };
}

/** An epoch's rows with `epoch`, `nodes_answered`, `complete` in front. */
export function markedRows(answer: EpochAnswer): Batch {
  const { batch } = answer;
  const columns = marks.map(({ field, value }) => constantColumn(field.type, value(answer), batch.numRows));
  return { schema: markedSchema(batch.schema), numRows: batch.numRows, columns: [...columns, ...batch.columns] };
}
