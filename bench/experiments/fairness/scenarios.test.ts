import { describe, expect, test } from 'vitest';
import { runShares, runStarvation } from './scenarios.ts';

describe.each([1, 2])('storage is shared fairly (seed %i)', (seed) => {
  test('a client that comes late puts as fast as those who came before', () => {
    const { rows, rateDeviation, shareDeviation } = runStarvation(seed, 2);
    expect(rateDeviation).toBeLessThan(0.02);
    expect(shareDeviation).toBeLessThan(0.02);
    expect(rows.at(-1)?.rate).toBeGreaterThan(490);
  });

  test('everybody has its fair share, and only who asks for more waits long', () => {
    for (const { test: number, group, got, fair, waitMs } of runShares(seed, 2)) {
      expect(Math.abs(got - fair) / fair).toBeLessThan(0.08);
      if (number === 1 || group > 1) expect(waitMs).toBeLessThan(1_000);
      else expect(waitMs).toBeGreaterThan(3_000);
    }
  });
});
