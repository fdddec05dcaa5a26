import { expect, test } from 'vitest';
import type { Coverage } from '../engine/index.ts';
import { describeCoverage } from './coverage.ts';
import { wholeCoverage } from './testing/scripted-sessions.ts';

const lost = { id: '5', address: 'h:5' };
const gone: Coverage = {
  ...wholeCoverage(7),
  complete: false,
  missing: [lost],
  reasons: ['node h:5 was lost (the link broke)', 'node h:5 was seen recently and is unreachable now'],
};

test('names what is complete', () => {
  expect(describeCoverage(wholeCoverage(8))).toBe('complete, 8 of 8 nodes');
  expect(describeCoverage(wholeCoverage(1))).toBe('complete, 1 of 1 node');
});

test('counts members that are missing, and gives one reason each', () => {
  expect(describeCoverage(gone)).toBe('partial, 7 of 8 nodes: node h:5 was lost (the link broke)');
});

test('keeps all reasons of nodes that are there', () => {
  const reasons = ['node h:1 cannot read a.csv', 'node h:1 cannot read b.csv'];
  expect(describeCoverage({ ...wholeCoverage(8), complete: false, nodesAnswered: 7, reasons })).toBe(
    'partial, 7 of 8 nodes: node h:1 cannot read a.csv; node h:1 cannot read b.csv',
  );
});

test('says something when no reason is known, and not everything when there are many', () => {
  expect(describeCoverage({ ...gone, missing: [], reasons: [] })).toBe(
    'partial, 7 of 7 nodes: parts of the answer were lost',
  );
  const reasons = Array.from({ length: 9 }, (_, i) => `reason ${i}`);
  expect(describeCoverage({ ...gone, reasons })).toMatch(/: reason 0; .*; reason 4; and 4 more$/);
});
