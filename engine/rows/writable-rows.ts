import { QueryError } from '../../columnar/index.ts';
import { type Address, CodecError, OverlayError, type WritableStore } from '../../overlay/index.ts';
import type { RowStore } from './row-store.ts';

/**
 * A row store as the overlay writes to it: rows arrive as chunks that every copy imports alike, and what is wrong with them is told in
 * the overlay's terms. `full` for rows that there is no room for, at the owner and at a copy.
 * @param address of this node: errors travel to writers elsewhere
 */
export function writableRows(rows: RowStore, address: Address): WritableStore {
  return {
    digest: (region, horizonMs) => rows.digest(region, horizonMs),
    export: (regions) => rows.export(regions),
    import: (chunk) => {
      try {
        rows.import(chunk);
      } catch (error) {
        throw inOverlayTerms(error, address);
      }
    },
    drop: (region) => rows.drop(region),
    recover: () => rows.recover(),
    accept: (_first, chunk) => {
      try {
        rows.accept(chunk);
      } catch (error) {
        throw inOverlayTerms(error, address);
      }
      return chunk;
    },
  };
}

function inOverlayTerms(error: unknown, address: Address): unknown {
  if (!(error instanceof QueryError)) return error;
  const { code, message } = error;
  if (code === 'protocol') return new CodecError(message, { cause: error });
  if (code === 'storageFull') return new OverlayError('full', `node ${address} has ${message}`, { cause: error });
  return new OverlayError('refused', message, { cause: error });
}
