import type { Address } from '../overlay/index.ts';

export interface LatencyOptions {
  readonly medianRoundTripMs: number;
  /** Standard deviation of the logarithm: what makes the tail heavy. */
  readonly sigma: number;
}

/** As between the name servers that King measured: median 156 ms, mean about 180 ms, one path in a hundred beyond half a second. */
export const kingLike: LatencyOptions = { medianRoundTripMs: 156, sigma: 0.55 };

/**
 * One-way delays for `SimulationOptions.oneWayDelayMs`, in milliseconds: drawn once for each pair of machines from a
 * log-normal distribution, the same both ways and on each call, without remembering any pair.
 *
 * @see Gummadi, Saroiu and Gribble, "King: Estimating Latency between Arbitrary Internet End Hosts", IMW 2002
 */
export function pairwiseDelays(seed: number, options = kingLike): (from: Address, to: Address) => number {
  const medianMs = options.medianRoundTripMs / 2;
  return (from, to) => {
    const [a, b] = from < to ? [from, to] : [to, from];
    const hash = mix(hashOf(b, mix(hashOf(a, mix(seed)))));
    // Box and Muller's transform of two uniform numbers in (0, 1).
    const radius = Math.sqrt(-2 * Math.log((hash + 0.5) / 2 ** 32));
    const normal = radius * Math.cos((2 * Math.PI * mix(hash ^ 0x5bf03635)) / 2 ** 32);
    return medianMs * Math.exp(options.sigma * normal);
  };
}

/** FNV-1a. */
function hashOf(text: string, from: number): number {
  let hash = from;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}

/** The finish of MurmurHash3: every bit of the result depends on every bit of the value. In [0, 2^32). */
function mix(value: number): number {
  let hash = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
