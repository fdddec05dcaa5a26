import type { SimulationOptions } from '../../../simulator/index.ts';

/** Every pair 40 ms apart and links that never fill: what is measured is the protocol. */
export const ideal: Partial<SimulationOptions> = { oneWayDelayMs: 40, inboundBytesPerSecond: Number.POSITIVE_INFINITY };

/**
 * The wide area as churn experiments have it: heavy-tailed latencies, access links of 1.5 Mbit/s that queue, and
 * machines whose end nobody announces.
 */
export const wideArea: Partial<SimulationOptions> = {
  oneWayDelayMs: 78,
  jitterMs: 20,
  inboundBytesPerSecond: 1_500_000 / 8,
  silentCrashes: true,
};
