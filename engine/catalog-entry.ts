import { z } from 'zod';
import { decodeCbor, encodeCbor, QueryError } from '../columnar/index.ts';
import { distributedTable, localTable } from './table-definition.ts';

/** What the catalog stores of a table: its definition, and for a local one a node that has it. */
const catalogEntry = z.object({ table: z.union([distributedTable, localTable]), node: z.string().max(300) });

export type CatalogEntry = z.infer<typeof catalogEntry>;

export function encodeEntry(entry: CatalogEntry): Uint8Array {
  return new Uint8Array(encodeCbor(entry));
}

/** @throws QueryError `protocol` */
export function decodeEntry(bytes: Uint8Array): CatalogEntry {
  const parsed = catalogEntry.safeParse(decodeCbor(bytes));
  if (!parsed.success) throw new QueryError('protocol', 'malformed catalog entry', { cause: parsed.error });
  return parsed.data;
}
