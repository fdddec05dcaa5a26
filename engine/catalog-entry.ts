import { Decoder, Encoder } from 'cbor-x';
import { z } from 'zod';
import { QueryError } from '../columnar/index.ts';
import { distributedTable, localTable } from './table-definition.ts';

/** What the catalog stores of a table: its definition, and for a local one a node that has it. */
const catalogEntry = z.object({ table: z.union([distributedTable, localTable]), node: z.string().max(300) });

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
