import fc from 'fast-check';
import { expect, test } from 'vitest';
import { clientsMax, FairQueue } from './fair-queue.ts';

test('whoever always has something waiting gets as much as the others, to within its largest puts', () => {
  const costs = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 2, maxLength: 6 });
  fc.assert(
    fc.property(costs, fc.integer({ min: 20, max: 400 }), (costOf, services) => {
      const queue = new FairQueue<number>(0, 100);
      const served = costOf.map(() => 0);
      const offer = (i: number): boolean => queue.offer(`c${i}`, costOf[i] ?? 0, i);
      for (let i = 0; i < costOf.length; i++) {
        offer(i);
        offer(i);
      }
      for (let n = 0; n < services; n++) {
        const first = queue.first();
        expect(first).toBeDefined();
        if (!first) return;
        queue.shift();
        served[first.what] = (served[first.what] ?? 0) + first.cost;
        offer(first.what);
        offer(first.what);
      }
      // Goyal et al., theorem 1: two backlogged flows differ by no more than one put of each.
      for (const [i, mine] of served.entries()) {
        for (const [j, theirs] of served.entries()) {
          expect(Math.abs(mine - theirs)).toBeLessThanOrEqual((costOf[i] ?? 0) + (costOf[j] ?? 0));
        }
      }
    }),
  );
});

test('serves by start, then by arrival, whatever is withdrawn, and charges each client for what it queued', () => {
  const step = fc.record({ client: fc.nat(3), cost: fc.integer({ min: 1, max: 30 }), action: fc.nat(3) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), fc.nat(60), (steps, credit) => {
      const queue = new FairQueue<object>(credit, 60);
      const waiting: { client: string; start: number; cost: number; what: object }[] = [];
      const finish = new Map<string, number>();
      let virtualTime = 0;
      for (const { client: number, cost, action } of steps) {
        const client = `c${number}`;
        const what = {};
        const queued = waiting.filter((one) => one.client === client).reduce((sum, one) => sum + one.cost, 0);
        const isTaken = queued === 0 || queued + cost <= 60;
        expect(queue.offer(client, cost, what)).toBe(isTaken);
        if (isTaken) {
          const start = Math.max(0, virtualTime - credit, finish.get(client) ?? 0);
          finish.set(client, start + cost);
          waiting.push({ client, start, cost, what });
          waiting.sort((a, b) => a.start - b.start); // Stable: by arrival.
        }
        if (action === 0) {
          const served = waiting.shift();
          expect(queue.first()?.what).toBe(served?.what);
          expect(queue.first()?.start).toBe(served?.start);
          queue.shift();
          virtualTime = Math.max(virtualTime, served?.start ?? 0);
        }
        if (action === 1) {
          const [gone] = waiting.splice(waiting.length >> 1, 1);
          if (gone) queue.withdraw(gone.what);
        }
        expect(queue.length).toBe(waiting.length);
      }
    }),
  );
});

test('forgets clients when there are too many, those that took most last', () => {
  const queue = new FairQueue<number>(0, 100);
  queue.offer('greedy', 1_000, -1);
  queue.shift();
  for (let i = 0; i < 2 * clientsMax; i++) {
    queue.offer(`c${i}`, 1, i);
    queue.shift();
  }
  expect(queue.clientsRemembered).toBeLessThanOrEqual(clientsMax);
  queue.offer('greedy', 1, -1);
  expect(queue.first()?.start).toBe(1_000);
});
