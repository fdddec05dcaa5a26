import { z } from 'zod';

/**
 * A list from a peer, counted before any item is looked at: every wrong item costs an issue, many times its bytes.
 * @param itemsMax of the list
 */
export function listOf<T>(item: z.ZodType<T>, itemsMax: number): z.ZodType<T[]> {
  return z.array(z.unknown()).max(itemsMax).pipe(z.array(item));
}
