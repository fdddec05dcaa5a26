import { QueryError } from '../columnar/index.ts';
import type { OverlayError } from '../overlay/index.ts';

/** A failure of the overlay as clients hear of it. @param what could not be done */
export function overlayFailure(what: string, cause: OverlayError): QueryError {
  return new QueryError(cause.code === 'full' ? 'storageFull' : 'unreachable', `${what}: ${cause.message}`, { cause });
}
