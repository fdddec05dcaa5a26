import { QueryError } from '../../columnar/index.ts';

/**
 * The items of what `open` gives, until `signal` aborts, which is noticed even while an item is awaited; the
 * source is then told to end but not waited for. `failed` makes the error to throw of what the source threw.
 * @throws QueryError `cancelled`
 */
export async function* cancellable<T>(
  open: () => AsyncIterable<T> | Iterable<T>,
  signal: AbortSignal,
  failed: (error: unknown) => Error,
): AsyncGenerator<T> {
  let abort = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(new QueryError('cancelled', 'the scan was cancelled'));
  });
  aborted.catch(() => {}); // It may come while nothing is awaited.
  signal.addEventListener('abort', abort);
  if (signal.aborted) abort();
  let iterator: AsyncIterator<T> | Iterator<T> | null = null;
  const next = async (): Promise<IteratorResult<T>> => {
    try {
      iterator ??= iteratorOf(open());
      return await iterator.next();
    } catch (error) {
      iterator = null; // It ended itself.
      throw failed(error);
    }
  };
  try {
    for (;;) {
      const step = await Promise.race([aborted, next()]);
      if (step.done) {
        iterator = null;
        return;
      }
      yield step.value;
    }
  } finally {
    signal.removeEventListener('abort', abort);
    void end(iterator);
  }
}

function iteratorOf<T>(source: AsyncIterable<T> | Iterable<T>): AsyncIterator<T> | Iterator<T> {
  return Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
}

/** What a source does wrong while it ends concerns nobody any more. */
async function end<T>(iterator: AsyncIterator<T> | Iterator<T> | null): Promise<void> {
  try {
    await iterator?.return?.();
  } catch {}
}
