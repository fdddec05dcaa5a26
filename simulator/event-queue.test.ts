import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Event, EventQueue, rowsInitial } from './event-queue.ts';

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

type Action =
  | { readonly push: number }
  | { readonly remove: number }
  | { readonly takeFirst: true }
  | { readonly wait: number };

const push = fc.record({ push: delay });
const remove = fc.record({ remove: fc.nat() });
const action = fc.oneof(push, remove, fc.constant({ takeFirst: true as const }), fc.record({ wait: delay }));
const actions = fc.array(action, { maxLength: 200 });

/** Does the same to a queue and to its model, and empties both in the end; returns how many events waited at most. */
function compare(actions: readonly Action[]): number {
  const queue = new EventQueue();
  /** By number. */
  const model: Numbered[] = [];
  const firstOf = () =>
    model.reduce<Numbered | null>((first, event) => (first && first.atTick <= event.atTick ? first : event), null);
  let now = 0;
  let lengthMax = 0;
  const take = (): void => {
    const first = firstOf() as Numbered;
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
      const firstTick = firstOf()?.atTick ?? Number.POSITIVE_INFINITY;
      const tickMax = now + action.wait;
      expect(queue.nextTick(tickMax)).toBe(firstTick <= tickMax ? firstTick : Number.POSITIVE_INFINITY);
      now = Math.min(firstTick, tickMax);
    } else if (model.length > 0 && 'remove' in action) {
      const [event] = model.splice(action.remove % model.length, 1) as [Numbered];
      queue.remove(event);
    } else if (model.length > 0) take();
    expect(queue.length).toBe(model.length);
    lengthMax = Math.max(lengthMax, model.length);
  }
  queue.checkInvariants();
  while (model.length > 0) take();
  expect(queue.nextTick()).toBe(Number.POSITIVE_INFINITY);
  expect(queue.take(now)).toBeNull();
  return lengthMax;
}

test('events leave by time, then in the order they were scheduled, and removed ones do not', () => {
  fc.assert(fc.property(actions, (actions) => void compare(actions)));
});

test('so do more events than the queue had room for, some of which were removed before', () => {
  const filling = fc.oneof({ weight: 9, arbitrary: push }, { weight: 1, arbitrary: remove });
  const length = 1.5 * rowsInitial;
  fc.assert(
    fc.property(fc.array(filling, { minLength: length, maxLength: length }), actions, (first, then) => {
      expect(compare([...first, ...then])).toBeGreaterThan(rowsInitial);
    }),
    // To look for a smaller failure would take minutes, and find none that is much smaller.
    { numRuns: 5, endOnFailure: true },
  );
});
