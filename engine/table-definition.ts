import { z } from 'zod';
import { isSqlType, type SqlType } from '../columnar/index.ts';
import type { TableDefinition } from '../planner/index.ts';
import { listOf } from './list-of.ts';

const sqlType = z.custom<SqlType>(isSqlType);
const columnsMax = 1_600;
const nameLengthMax = 300;
const name = z.string().min(1).max(nameLengthMax);
const position = z.number().int().nonnegative();
const positions = listOf(position, columnsMax);

const schema = z.strictObject({ fields: listOf(z.strictObject({ name, type: sqlType }), columnsMax) });

/** A distributed table as a peer describes it. */
export const distributedTable: z.ZodType<TableDefinition> = z
  .strictObject({
    name,
    source: z.literal('distributed'),
    schema,
    distributed: z.strictObject({
      namespace: name,
      primaryKey: positions,
      partitionBy: positions,
      notNull: positions,
      lifetimeMs: z.number().positive().nullable(),
      replicas: z.number().int().min(1).nullable(),
      createdAtMs: z.number().int().nonnegative(),
    }),
  })
  .refine(({ schema: { fields }, distributed: { primaryKey, partitionBy, notNull } }) =>
    [...primaryKey, ...partitionBy, ...notNull].every((column) => column < fields.length),
  );

/** A table that some nodes have of their own, as one of them describes it. */
export const localTable: z.ZodType<TableDefinition> = z.strictObject({
  name,
  source: z.literal('local'),
  schema,
  distributed: z.null(),
});
