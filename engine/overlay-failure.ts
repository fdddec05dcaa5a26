import { QueryError } from '../columnar/index.ts';
import type { OverlayError } from '../overlay/index.ts';

/**
 * A failure of the overlay as clients hear of it.
 * @param what failed, in words
 * @param roomHint how to make room for it
 */
export function overlayFailure(what: string, cause: OverlayError, roomHint?: string): QueryError {
  const message = `${what}: ${cause.message}`;
  if (cause.code !== 'full') return new QueryError('unreachable', message, { cause });
  return new QueryError('storageFull', message, { cause, ...(roomHint === undefined ? {} : { hint: roomHint }) });
}
