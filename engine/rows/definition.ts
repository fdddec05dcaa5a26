import { z } from 'zod';
import { numericPrecisionMax, type SqlType } from '../../columnar/index.ts';
import type { TableDefinition } from '../../planner/index.ts';

const simpleKinds = [
  'boolean',
  'int2',
  'int4',
  'int8',
  'float4',
  'float8',
  'text',
  'bytea',
  'date',
  'timestamp',
  'timestamptz',
  'interval',
] as const;

const sqlType: z.ZodType<SqlType> = z.union([
  z.strictObject({ kind: z.enum(simpleKinds) }),
  z
    .strictObject({
      kind: z.literal('numeric'),
      precision: z.number().int().min(1).max(numericPrecisionMax),
      scale: z.number().int().min(0),
    })
    .refine(({ precision, scale }) => scale <= precision),
]);

const columnsMax = 1_600;
const nameLengthMax = 300;
const name = z.string().min(1).max(nameLengthMax);
const position = z.number().int().nonnegative();
const positions = z.array(position).max(columnsMax);

/** A distributed table as a peer describes it beside its rows. */
export const distributedTable: z.ZodType<TableDefinition> = z
  .strictObject({
    name,
    source: z.literal('distributed'),
    schema: z.strictObject({ fields: z.array(z.strictObject({ name, type: sqlType })).max(columnsMax) }),
    distributed: z.strictObject({
      namespace: name,
      primaryKey: positions,
      partitionBy: positions,
      notNull: positions,
      lifetimeMs: z.number().positive().nullable(),
      replicas: z.number().int().min(1),
    }),
  })
  .refine(({ schema, distributed: { primaryKey, partitionBy, notNull } }) =>
    [...primaryKey, ...partitionBy, ...notNull].every((column) => column < schema.fields.length),
  );
