import { afterEach, expect, test, vi } from 'vitest';
import { SystemRuntime } from './system-runtime.ts';

afterEach(() => void vi.useRealTimers());

test('the clock shows wall time and does not follow a wall clock that is set back', () => {
  const runtime = new SystemRuntime();
  expect(Math.abs(runtime.now() - Date.now())).toBeLessThan(1_000);
  const before = runtime.now();
  const setBack = vi.spyOn(Date, 'now').mockReturnValue(0);
  expect(runtime.now()).toBeGreaterThanOrEqual(before);
  setBack.mockRestore();
});

test('timers fire after their delay, also one of months, unless cancelled', () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const runtime = new SystemRuntime();
  const fired: string[] = [];
  const months = 60 * 24 * 3_600_000;
  runtime.after(10.5, () => fired.push('soon'));
  runtime.after(20, () => fired.push('cancelled')).cancel();
  runtime.after(months, () => fired.push('months'));
  const cancelled = runtime.after(months, () => fired.push('cancelled months'));
  vi.advanceTimersByTime(10);
  expect(fired).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(fired).toEqual(['soon']);
  vi.advanceTimersByTime(months - 12);
  expect(fired).toEqual(['soon']);
  cancelled.cancel();
  vi.advanceTimersByTime(1);
  expect(fired).toEqual(['soon', 'months']);
});

test('random numbers lie in [0, 1)', () => {
  const runtime = new SystemRuntime();
  const numbers = Array.from({ length: 1_000 }, () => runtime.random());
  expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true);
  expect(new Set(numbers).size).toBeGreaterThan(990);
});
