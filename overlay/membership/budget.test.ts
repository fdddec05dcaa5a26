import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Budget } from './budget.ts';

test('never more is spent than the most at once and what came back since', () => {
  const step = fc.record({ waitMs: fc.nat(5_000), amount: fc.nat(400) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
      const budget = new Budget(100, 300, 0);
      let nowMs = 0;
      let spent = 0;
      for (const { waitMs, amount } of steps) {
        nowMs += waitMs;
        const left = budget.left(nowMs);
        expect(left).toBeLessThanOrEqual(300);
        expect(budget.take(amount, nowMs)).toBe(amount <= left);
        if (amount <= left) spent += amount;
        expect(spent).toBeLessThanOrEqual(300 + (nowMs / 1_000) * 100 + 1e-6);
      }
    }),
  );
});

test('a clock that is set back gives nothing back', () => {
  const budget = new Budget(100, 300, 10_000);
  budget.take(300, 10_000);
  expect(budget.left(5_000)).toBe(0);
});
