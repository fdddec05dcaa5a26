import { expect, test } from 'vitest';
import { pairwiseDelays } from '../../simulator/index.ts';
import { Fleet } from './fleet.ts';

/** 1.5 Mbit/s each way. */
const accessBytesPerSecond = 1_500_000 / 8;

test.each([1, 2])(
  'behind access links and far apart, nobody is declared dead, and peace is cheap (seed %i)',
  async (seed) => {
    const failed: string[] = [];
    const fleet = await Fleet.start(48, {
      seed,
      oneWayDelayMs: pairwiseDelays(seed),
      inboundBytesPerSecond: accessBytesPerSecond,
      outboundBytesPerSecond: accessBytesPerSecond,
      prepare: (node) =>
        node.register(7, {
          update: (change) => {
            if (change.kind === 'failed') failed.push(`${node.self.address}: ${change.contact.address}`);
          },
        }),
    });
    fleet.checkTiling();
    await fleet.sim.runFor(60_000);
    const bytesOut = () => fleet.all().reduce((sum, node) => sum + node.counters().bytesOut, 0);
    const before = bytesOut();
    const seconds = 120;
    await fleet.sim.runFor(1_000 * seconds);
    expect((bytesOut() - before) / seconds / fleet.nodes.size).toBeLessThan(50);
    expect(failed).toEqual([]);
    expect(fleet.disagreement()).toBeNull();
  },
);
