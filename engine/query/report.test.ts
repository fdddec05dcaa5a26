import { expect, test } from 'vitest';
import { keyAt, type Region, wholeRing } from '../../overlay/index.ts';
import { coverageOf, type Report, ReportBuilder } from './report.ts';

const at = (share: number): string => keyAt((BigInt(Math.round(share * 1_000)) << 160n) / 1_000n);
const region = (from: number, to: number): Region => ({ from: at(from), to: at(to) });

function reportOf(...served: readonly Region[]): Report {
  const builder = new ReportBuilder();
  for (const part of served) {
    builder.served([part]);
    builder.reached();
    builder.answered();
  }
  return builder.take();
}

test('parts that tile the ring make a complete answer, in any order', () => {
  const total = new ReportBuilder();
  for (const part of [region(0.7, 0.2), region(0.4, 0.7), region(0.2, 0.4)]) total.add(reportOf(part));
  expect(coverageOf(total.take(), wholeRing)).toEqual({
    complete: true,
    nodesAnswered: 3,
    nodesReached: 3,
    missing: [],
    regionsLost: [],
    batchesLost: 0,
    reasons: [],
  });
});

test('a gap is a lost region, with a reason even if nobody gave one', () => {
  const coverage = coverageOf(reportOf(region(0.1, 0.9)), wholeRing);
  expect(coverage.complete).toBe(false);
  expect(coverage.regionsLost).toEqual([region(0.9, 0.1)]);
  expect(coverage.reasons).not.toEqual([]);
});

test('an overlap is never complete', () => {
  const total = new ReportBuilder();
  total.add(reportOf(region(0, 0.6)));
  expect(total.admits([region(0.5, 0)])).toBe(false);
  total.add(reportOf(region(0.5, 0)));
  expect(coverageOf(total.take(), wholeRing).complete).toBe(false);
});

test('a key is covered by whoever serves its region', () => {
  const target = region(0.5, 0.501);
  expect(coverageOf(reportOf(target), target).complete).toBe(true);
  expect(coverageOf(reportOf(), target).complete).toBe(false);
});

test('a query that reads no table has nothing to cover', () => {
  expect(coverageOf(reportOf(), null).complete).toBe(true);
});

test.each<[string, (report: ReportBuilder) => void]>([
  ['a missing member', (report) => report.missing({ id: at(0.3), address: 'b:1' })],
  ['a lost batch', (report) => report.batchesLost(1, 'gone')],
  ['an unreadable table', (report) => report.reason('node a could not read t')],
  ['a region without data', (report) => report.lost([region(0.1, 0.2)], 'no replica')],
])('%s makes an answer partial', (_, spoil) => {
  const builder = new ReportBuilder();
  builder.add(reportOf(wholeRing));
  spoil(builder);
  expect(coverageOf(builder.take(), wholeRing)).toMatchObject({ complete: false });
});
