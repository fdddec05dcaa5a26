import { type ErrorCode, QueryError } from '../columnar/index.ts';
import type { Span } from '../parser/index.ts';

/** Ends planning with an error that points into the SQL text. */
export function fail(code: ErrorCode, message: string, span: Span, hint?: string): never {
  throw new QueryError(code, message, { position: span.start, ...(hint === undefined ? {} : { hint }) });
}

/** Runs `work`; a `QueryError` without a position gets that of `span`. */
export function located<T>(span: Span, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof QueryError) || error.position !== null) throw error;
    throw new QueryError(error.code, error.message, {
      position: span.start,
      cause: error,
      ...(error.hint === null ? {} : { hint: error.hint }),
    });
  }
}
