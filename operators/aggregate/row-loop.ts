import type { TypeKind } from '../../columnar/index.ts';
import { LeastRecentlyUsed } from '../least-recently-used.ts';

/** Runs a body for each row that is not NULL. */
export type RowLoop = (groups: Int32Array, validity: Uint8Array | null, ...parameters: readonly unknown[]) => void;

const cachedLoopsMax = 256;
const loops = new LeastRecentlyUsed<RowLoop>(cachedLoopsMax);

/**
 * Builds a loop of its own for each body and each kind of column, so that the compiler sees one class of arrays
 * in each. In the body `i` is the row and `g` its group; it is written by the aggregates and holds nothing of a query.
 */
export function rowLoop(kind: TypeKind | 'any', parameters: readonly string[], body: string): RowLoop {
  return loops.getOrAdd(`${kind}:${body}`, () => {
    const rows = (check: string): string => `for (let i = 0; i < groups.length; i++) {
  ${check}
  const g = groups[i];
  ${body}
}`;
    const text = `'use strict';
if (validity === null) {
  ${rows('')}
} else {
  ${rows('if (((validity[i >> 3] >> (i & 7)) & 1) === 0) continue;')}
}`;
    return new Function('groups', 'validity', ...parameters, text) as RowLoop;
  });
}
