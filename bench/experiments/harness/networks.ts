import { keyOf } from '../../../overlay/index.ts';
import type { SimulationOptions } from '../../../simulator/index.ts';

/** Every pair 40 ms apart and links that never fill: what is measured is the protocol. */
export const ideal: Partial<SimulationOptions> = { oneWayDelayMs: 40, inboundBytesPerSecond: Number.POSITIVE_INFINITY };

/** Half the median round trip of the King data, and the spread of its logarithm. */
const kingMedianMs = 78;
const kingSigma = 0.6;

/**
 * The wide area as churn experiments have it: heavy-tailed latencies, access links of 1.5 Mbit/s that queue, and
 * machines whose end nobody announces.
 */
export const wideArea: Partial<SimulationOptions> = {
  oneWayDelayMs: kingLikeDelayMs,
  inboundBytesPerSecond: 1_500_000 / 8,
  silentCrashes: true,
};

const numbers = new Map<string, number>();

/**
 * How long a frame takes between two machines: lognormal over pairs, the same both ways and always. Pairs are
 * independent, so there is no geography to exploit beyond who is near to whom.
 *
 * @see Gummadi et al., "King", 2002; Li et al., INFOCOM 2005, whose King data have a median round trip of 156 ms
 */
export function kingLikeDelayMs(from: string, to: string): number {
  const [a, b] = [numberOf(from), numberOf(to)];
  const pair = scramble(Math.min(a, b) ^ scramble(Math.max(a, b)));
  // Box and Muller: two uniform numbers make a normal one.
  const [u, v] = [(pair + 1) / 2 ** 32, scramble(pair + 1) / 2 ** 32];
  const normal = Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v);
  return kingMedianMs * Math.exp(kingSigma * normal);
}

function numberOf(address: string): number {
  let number = numbers.get(address);
  if (number === undefined) {
    number = Number.parseInt(keyOf(address).slice(0, 8), 16);
    numbers.set(address, number);
  }
  return number;
}

/** The finaliser of MurmurHash3: every bit of the input changes half of the output's. */
function scramble(value: number): number {
  let hash = value >>> 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
