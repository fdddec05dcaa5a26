import { once } from 'node:events';
import type { Writable } from 'node:stream';

/** Writes and waits while the stream has more than it can take, so that a slow reader slows the query. */
export async function write(stream: Writable, chunk: string | Uint8Array): Promise<void> {
  if (chunk.length > 0 && !stream.write(chunk)) await once(stream, 'drain');
}
