import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Event, EventQueue } from './event-queue.ts';

class Numbered extends Event {
  readonly number: number;
  readonly atTick: number;

  constructor(number: number, atTick: number) {
    super();
    this.number = number;
    this.atTick = atTick;
  }

  fire(): void {}
}

/** Within an instant or a turn of the wheel, and over several. */
const delay = fc.oneof(fc.nat(3), fc.nat(1_000), fc.nat(300_000));

test('events leave by time, then in the order they were scheduled, and removed ones do not', () => {
  const action = fc.oneof(
    fc.record({ push: delay }),
    fc.record({ remove: fc.nat() }),
    fc.constant({ takeFirst: true as const }),
    fc.record({ wait: delay }),
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
      const queue = new EventQueue();
      const model: Numbered[] = [];
      const expected = () => model.toSorted((a, b) => a.atTick - b.atTick || a.number - b.number);
      let now = 0;
      const take = (): void => {
        const first = expected()[0] as Numbered;
        now = first.atTick;
        expect(queue.nextTick()).toBe(now);
        expect(queue.take(now)).toBe(first);
        model.splice(model.indexOf(first), 1);
      };
      for (const [number, action] of actions.entries()) {
        if ('push' in action) {
          const event = new Numbered(number, now + action.push);
          queue.push(event, event.atTick);
          model.push(event);
        } else if ('wait' in action) {
          const firstTick = expected()[0]?.atTick ?? Number.POSITIVE_INFINITY;
          const tickMax = now + action.wait;
          expect(queue.nextTick(tickMax)).toBe(firstTick <= tickMax ? firstTick : Number.POSITIVE_INFINITY);
          now = Math.min(firstTick, tickMax);
        } else if (model.length > 0 && 'remove' in action) {
          const [event] = model.splice(action.remove % model.length, 1) as [Numbered];
          queue.remove(event);
        } else if (model.length > 0) take();
        expect(queue.length).toBe(model.length);
      }
      queue.checkInvariants();
      while (model.length > 0) take();
      expect(queue.nextTick()).toBe(Number.POSITIVE_INFINITY);
      expect(queue.take(now)).toBeNull();
    }),
  );
});
