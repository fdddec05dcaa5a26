import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Event, EventQueue } from './event-queue.ts';

interface Numbered extends Event {
  readonly number: number;
}

test('events leave by time, then in the order they were scheduled, and removed ones do not', () => {
  const action = fc.oneof(
    fc.record({ push: fc.nat(20) }),
    fc.record({ remove: fc.nat() }),
    fc.constant({ takeFirst: true as const }),
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
      const queue = new EventQueue();
      const model: Numbered[] = [];
      const expected = () => model.toSorted((a, b) => a.atTick - b.atTick || a.number - b.number);
      for (const [number, action] of actions.entries()) {
        if ('push' in action) {
          const event = { atTick: 0, slot: -1, number, fire: () => {} };
          queue.push(event, action.push);
          model.push(event);
        } else if (model.length > 0) {
          const first = expected()[0] as Numbered;
          const event = 'remove' in action ? (model[action.remove % model.length] as Numbered) : first;
          expect(queue.nextTick()).toBe(first.atTick);
          if ('remove' in action) queue.remove(event);
          else expect(queue.pop()).toBe(event);
          model.splice(model.indexOf(event), 1);
        }
        queue.checkInvariants();
        expect(queue.length).toBe(model.length);
      }
      for (const event of expected()) expect(queue.pop()).toBe(event);
      expect(queue.nextTick()).toBe(Number.POSITIVE_INFINITY);
    }),
  );
});
