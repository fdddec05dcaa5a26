export type { SimulatedDisk } from './disk.ts';
export { type SimulatedHost, virtualEpochMs } from './host.ts';
export { type LatencyOptions, pairwiseDelays } from './latencies.ts';
export type { NetworkStats } from './network.ts';
export { Simulation, SimulationError, type SimulationOptions } from './simulation.ts';
