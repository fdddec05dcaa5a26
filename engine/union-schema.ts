import { type Batch, type Schema, typesEqual } from '../columnar/index.ts';
import { compileProjection } from '../operators/index.ts';
import { commonType } from '../planner/index.ts';
import { sameSchema } from './same-schema.ts';

/**
 * The columns of a relation that is the union of two tables: their names and order are the same, and each has the type
 * that the values of both convert to, as in `UNION ALL`; null when there is none.
 */
export function unionSchema(a: Schema, b: Schema): Schema | null {
  if (a.fields.length !== b.fields.length) return null;
  const fields: Schema['fields'][number][] = [];
  for (const [i, { name, type }] of a.fields.entries()) {
    const other = b.fields[i];
    const common = other && other.name === name ? commonType(type, other.type) : null;
    if (!common) return null;
    fields.push({ name, type: common });
  }
  return { fields };
}

/** Positions of the columns for which there is none; null when it is not for their types that the schemas clash. */
export function clashingColumns(a: Schema, b: Schema): readonly number[] | null {
  const hasSameNames =
    a.fields.length === b.fields.length && a.fields.every(({ name }, i) => name === b.fields[i]?.name);
  if (!hasSameNames) return null;
  const clashing = a.fields.flatMap(({ type }, i) => (commonType(type, b.fields[i]?.type ?? type) ? [] : [i]));
  return clashing.length > 0 ? clashing : null;
}

/** Turns batches of one schema into those of another that `unionSchema` makes of it; null when it does not. */
export function converter(from: Schema, to: Schema): ((batch: Batch) => Batch) | null {
  const union = unionSchema(from, to);
  if (!union || !sameSchema(union, to)) return null;
  if (sameSchema(from, to)) return (batch) => batch;
  const project = compileProjection(
    to.fields.map(({ type }, index) => {
      const column = { kind: 'column', index, type: from.fields[index]?.type ?? type } as const;
      return typesEqual(column.type, type) ? column : { kind: 'cast', input: column, type };
    }),
  );
  return (batch) => ({ schema: to, numRows: batch.numRows, columns: project(batch) });
}
