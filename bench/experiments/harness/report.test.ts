import { expect, test } from 'vitest';
import { environment } from './environment.ts';
import { atLeast, atMost, figure, shareAtLeast } from './experiment.ts';
import { toSvg } from './plot.ts';
import { type Report, reportText, rowsTable } from './report.ts';

test('figures keep the digits that mean something', () => {
  expect([0, 12_345, 0.12345, 1.5, 12.345, 12_345.6].map(figure)).toEqual([
    '0',
    '12,345',
    '0.123',
    '1.5',
    '12.35',
    '12,346',
  ]);
  expect([Number.NaN, Number.POSITIVE_INFINITY].map(figure)).toEqual(['-', 'Infinity']);
});

test('a target is met at its limit, and never by what could not be measured', () => {
  expect([atMost('x', 2, 2), atMost('x', 2.1, 2)].map(({ met }) => met)).toEqual([true, false]);
  expect([atLeast('x', 2, 2), atLeast('x', 1.9, 2)].map(({ met }) => met)).toEqual([true, false]);
  expect([atMost('x', Number.NaN, 2), atLeast('x', Number.NaN, 2)].map(({ met }) => met)).toEqual([false, false]);
  expect(shareAtLeast('found', 0.9987, 0.999)).toEqual({
    name: 'found',
    wanted: '>= 99.9%',
    reached: '99.87%',
    met: false,
  });
});

test('a table has the columns of all rows, numbers to the right', () => {
  expect(
    rowsTable([
      { name: 'a', count: 1_000 },
      { name: 'long', count: 2, extra: null },
    ]).split('\n'),
  ).toEqual(['name  count  extra', '----  -----  -----', 'a     1,000      -', 'long      2      -']);
});

test('a report names all that the figures depend on, and says which target was missed', () => {
  const report: Report = {
    experiment: 'paths',
    environment: { ...environment(), commit: 'abc' },
    seed: 7,
    isQuick: true,
    isEndedEarly: true,
    options: { nodes: [16, 64] },
    elapsedS: 1.5,
    outcome: {
      rows: [{ hops: 2 }],
      targets: [atMost('mean hops', 2, 1)],
      plot: { data: { values: [] }, mark: 'line' },
    },
  };
  const text = reportText(report);
  expect(text).toContain('paths, seed 7, --nodes 16,64');
  expect(text).toContain(`node ${process.version}`);
  expect(text).toMatch(/\d+ cores, \d+ GiB, commit abc/);
  expect(text).toMatch(/mean hops +<= 1 +2 +FAIL/);
  expect(text).toMatch(/1\.5 s; quick.*; ended early/);
  expect(reportText({ ...report, isEndedEarly: false })).not.toContain('early');
});

test('a plot is drawn without a browser', async () => {
  const values = [
    { x: 1, y: 2 },
    { x: 2, y: 1 },
  ];
  const encoding = {
    x: { field: 'x', type: 'quantitative' as const },
    y: { field: 'y', type: 'quantitative' as const },
  };
  const svg = await toSvg({ data: { values }, mark: 'line', encoding });
  expect(svg).toMatch(/^<svg[\s\S]*aria-roledescription="line mark"[\s\S]*<\/svg>$/);
});
