import { createHash } from 'node:crypto';
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';

/** Uniform in [0, 1). */
export type Random = () => number;

/**
 * An independent stream of chance for each purpose, so that a node that rolls its dice once more does not change
 * which frames the network loses.
 */
export function randomStream(seed: number, purpose: string): Random {
  const state = createHash('sha256').update(`${seed}/${purpose}`).digest();
  const generator = xoroshiro128plusFromState([0, 4, 8, 12].map((offset) => state.readInt32LE(offset)));
  return () => uniformFloat64(generator);
}
