import { pairwiseDelays, type SimulationOptions } from '../../../simulator/index.ts';

/** Every pair 40 ms apart and links that never fill: what is measured is the protocol. */
export const ideal: Partial<SimulationOptions> = { oneWayDelayMs: 40, inboundBytesPerSecond: Number.POSITIVE_INFINITY };

const accessBytesPerSecond = 1_500_000 / 8;

/**
 * The wide area as churn experiments have it: heavy-tailed latencies, access links of 1.5 Mbit/s that queue both ways,
 * and machines whose end nobody announces.
 */
export function wideArea(seed: number): Partial<SimulationOptions> {
  return {
    oneWayDelayMs: pairwiseDelays(seed),
    inboundBytesPerSecond: accessBytesPerSecond,
    outboundBytesPerSecond: accessBytesPerSecond,
    silentCrashes: true,
  };
}
