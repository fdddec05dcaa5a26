import type { TopLevelSpec } from 'vega-lite';
import { type FairnessRow, runShares, runStarvation, type StarvationRow } from './fairness/scenarios.ts';
import { atMost, defineExperiment, someCount, type Target } from './harness/experiment.ts';

/** How far from equal, or from the fair share, a client may be. */
const deviationMax = 0.05;
/** In OpenDHT's own runs: 176 ms when nobody asks for too much, 940 ms for the modest when others do. */
const idleWaitMaxMs = 500;
const modestWaitMaxMs = 1_000;

/**
 * The object store's admission and queueing in virtual time, one disk at a time.
 * @see Rhea et al., "OpenDHT", SIGCOMM 2005, section 4.3, figures 5 and 6
 */
export const fairness = defineExperiment({
  name: 'fairness',
  about: 'storage shared among greedy and modest clients: put rates, shares and waits',
  options: {
    clients: { full: 4, quick: 2, about: 'greedy clients of the starvation test, one every two hours', ...someCount },
    hours: {
      full: 4,
      quick: 2,
      about: 'virtual hours of each fairness test; the first, in which the disk fills, is not counted',
      min: 1.1,
    },
  },
  run(context, { clients, hours }) {
    context.progress(`starvation, ${clients} clients`);
    const starvation = runStarvation(context.seed, clients);
    context.progress('fairness, 3 tests of 15 clients');
    const shares = runShares(context.seed, hours);
    const deviations = shares.map(({ got, fair }) => Math.abs(got - fair) / fair);
    const waitOf = (rows: readonly FairnessRow[]): number => Math.max(...rows.map(({ waitMs }) => waitMs));
    const isModest = ({ test, group }: FairnessRow): boolean => test > 1 && group > 1;
    const targets: Target[] = [
      atMost('starvation: put rates from equal', starvation.rateDeviation, deviationMax),
      atMost('starvation: stored from equal', starvation.shareDeviation, deviationMax),
      atMost('fairness: shares from fair', Math.max(...deviations), deviationMax),
      atMost('fairness: wait in test 1', waitOf(shares.filter(({ test }) => test === 1)), idleWaitMaxMs, ' ms'),
      atMost('fairness: wait of the modest', waitOf(shares.filter(isModest)), modestWaitMaxMs, ' ms'),
    ];
    const rows = shares.map((row) => ({ ...row }));
    return Promise.resolve({ rows, targets, plot: plot(starvation.rows, shares) });
  },
});

function plot(rates: readonly StarvationRow[], shares: readonly FairnessRow[]): TopLevelSpec {
  const named = shares.map((row) => ({ ...row, kind: `${row.bytes} B, ${row.lifetimeMin} min` }));
  return {
    hconcat: [
      {
        title: 'Greedy clients, one every two hours',
        data: { values: [...rates] },
        mark: { type: 'line', interpolate: 'step-after' },
        encoding: {
          x: { field: 'fromHour', type: 'quantitative', title: 'hour' },
          y: { field: 'rate', type: 'quantitative', title: 'bytes accepted a second' },
          color: { field: 'client', type: 'nominal', title: null },
        },
      },
      {
        title: 'Mean wait of an accepted put',
        data: { values: named },
        mark: { type: 'point', filled: true },
        encoding: {
          x: { field: 'waitMs', type: 'quantitative', scale: { type: 'log' }, title: 'ms' },
          y: { field: 'kind', type: 'nominal', title: null },
          color: { field: 'group', type: 'nominal' },
          row: { field: 'test', type: 'nominal' },
        },
      },
    ],
  };
}
