import { Decoder, Encoder } from 'cbor-x';
import { z } from 'zod';
import { QueryError, type SqlType } from '../columnar/index.ts';
import type { TableDefinition } from '../planner/index.ts';

const simpleKinds = [
  'boolean', 'int2', 'int4', 'int8', 'float4', 'float8', 'text', 'bytea', 'date', 'timestamp', 'timestamptz', 'interval',
] as const;

const sqlType: z.ZodType<SqlType> = z.union([
  z.object({ kind: z.enum(simpleKinds) }),
  z.object({ kind: z.literal('numeric'), precision: z.number().int().min(1).max(38), scale: z.number().int().min(0).max(38) }),
]);
const position = z.number().int().nonnegative();

const tableDefinition: z.ZodType<TableDefinition> = z.object({
  name: z.string().min(1).max(200),
  source: z.enum(['local', 'distributed', 'system']),
  schema: z.object({ fields: z.array(z.object({ name: z.string(), type: sqlType })).max(1_600) }),
  distributed: z
    .object({
      namespace: z.string().min(1).max(300),
      primaryKey: z.array(position),
      partitionBy: z.array(position),
      notNull: z.array(position),
      lifetimeMs: z.number().positive().nullable(),
      replicas: z.number().int().min(1).max(8),
    })
    .nullable(),
});

/** What the catalog stores of a table: its definition, and for a local one a node that has it. */
const catalogEntry = z.object({ table: tableDefinition, node: z.string().max(300) });

export type CatalogEntry = z.infer<typeof catalogEntry>;

const encoder = new Encoder({ useRecords: false, tagUint8Array: false });
const decoder = new Decoder({ useRecords: false });

export function encodeEntry(entry: CatalogEntry): Uint8Array {
  return new Uint8Array(encoder.encode(entry));
}

/** @throws QueryError `protocol` */
export function decodeEntry(bytes: Uint8Array): CatalogEntry {
  try {
    return catalogEntry.parse(decoder.decode(bytes));
  } catch (cause) {
    throw new QueryError('protocol', 'malformed catalog entry', { cause });
  }
}
