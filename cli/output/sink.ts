import { once } from 'node:events';
import type { Writable } from 'node:stream';

/** A stream that may be a terminal. */
export type Sink = Writable & { readonly isTTY?: boolean; readonly columns?: number };

/** Columns of the terminal; `Infinity` when it is none, or one that does not know its size and says 0. */
export function widthOf({ isTTY = false, columns = 0 }: Sink): number {
  return isTTY && columns > 0 ? columns : Number.POSITIVE_INFINITY;
}

/** Writes and waits while the stream has more than it can take, so that a slow reader slows the query. */
export async function write(stream: Writable, chunk: string | Uint8Array): Promise<void> {
  if (chunk.length > 0 && !stream.write(chunk)) await once(stream, 'drain');
}
