import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Deadlines } from './deadlines.ts';
import type { Runtime } from './runtime.ts';

/** A clock that jumps from one timer to the next. */
class Clock implements Runtime {
  nowMs = 0;
  timersSet = 0;
  readonly #timers = new Set<{ readonly atMs: number; readonly run: () => void }>();

  now(): number {
    return this.nowMs;
  }

  after(delayMs: number, run: () => void): { cancel(): void } {
    const timer = { atMs: this.nowMs + delayMs, run };
    this.timersSet += 1;
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }

  random(): number {
    return 0.5;
  }

  runUntil(endMs: number): void {
    for (;;) {
      const next = [...this.#timers].sort((a, b) => a.atMs - b.atMs)[0];
      if (!next || next.atMs > endMs) break;
      this.#timers.delete(next);
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.run();
    }
    this.nowMs = endMs;
  }
}

test('each deadline that is not met is missed once, at its time, whatever else was set, met or set anew', () => {
  const action = fc.tuple(fc.nat(5), fc.nat(30), fc.constantFrom('set', 'met', 'wait'));
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      const clock = new Clock();
      const missed: [number, number][] = [];
      const deadlines = new Deadlines<number>(clock, (what) => missed.push([what, clock.nowMs]));
      const expected: [number, number][] = [];
      const set = new Map<number, number>();
      const waitUntil = (endMs: number): void => {
        clock.runUntil(endMs);
        const due = [...set].filter(([, atMs]) => atMs <= endMs).sort(([, a], [, b]) => a - b);
        for (const [what, atMs] of due) {
          set.delete(what);
          expected.push([what, atMs]);
        }
      };
      for (const [what, ms, kind] of actions) {
        if (kind === 'wait') waitUntil(clock.nowMs + ms);
        else if (kind === 'met') {
          deadlines.met(what);
          set.delete(what);
        } else {
          deadlines.set(what, clock.nowMs + ms + 1);
          set.delete(what);
          set.set(what, clock.nowMs + ms + 1);
        }
      }
      waitUntil(clock.nowMs + 100);
      const byTime = (list: [number, number][]): [number, number][] => list.sort((a, b) => a[1] - b[1] || a[0] - b[0]);
      expect(byTime(missed)).toEqual(byTime(expected));
    }),
  );
});

test('deadlines that are met take few timers', () => {
  const clock = new Clock();
  const deadlines = new Deadlines<number>(clock, () => expect.fail('all are met'));
  for (let i = 0; i < 1_000; i++) {
    deadlines.set(i, clock.nowMs + 200);
    clock.runUntil(clock.nowMs + 1);
    deadlines.met(i);
  }
  clock.runUntil(5_000);
  expect(clock.timersSet).toBeLessThan(12);
});

test('a deadline may be set or met by what an earlier one of the same time does', () => {
  const clock = new Clock();
  const missed: string[] = [];
  const deadlines = new Deadlines<string>(clock, (what) => {
    missed.push(`${what} ${clock.nowMs}`);
    if (what !== 'first') return;
    deadlines.met('second');
    deadlines.set('first', clock.nowMs + 5);
  });
  for (const what of ['first', 'second', 'third']) deadlines.set(what, 10);
  clock.runUntil(12);
  deadlines.clear();
  clock.runUntil(100);
  expect(missed).toEqual(['first 10', 'third 10']);
});
