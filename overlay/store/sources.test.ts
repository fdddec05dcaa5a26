import { expect, test } from 'vitest';
import { contactsOf } from '../testing/contacts.ts';
import { seeded } from '../testing/manual-runtime.ts';
import { Sources } from './sources.ts';

const options = { sourceSlackMs: 2, sourceFreshMs: 1_000, sourcesMax: 4, timeoutMinMs: 200, timeoutMaxMs: 2_000 };
const [a, b, c] = contactsOf(3) as [
  ReturnType<typeof contactsOf>[0],
  ReturnType<typeof contactsOf>[0],
  ReturnType<typeof contactsOf>[0],
];

function sourcesAt(delaysMs: Readonly<Record<string, number>>, nowMs = 0): Sources {
  const sources = new Sources(options);
  for (const [id, delayMs] of Object.entries(delaysMs)) {
    sources.asked(id);
    sources.answered(id, delayMs, nowMs);
  }
  return sources;
}

test('of copies equally quick the one asked last is asked, so questions travel together', () => {
  const sources = sourcesAt({ [a.id]: 1, [b.id]: 2, [c.id]: 1.5 });
  expect(sources.choose([a, b, c], 0)).toBe(c);
  sources.asked(b.id);
  expect(sources.choose([a, b, c], 0)).toBe(b);
  expect(sources.choose([a, c], 0)).toBe(c);
  sources.keptWaiting(c.id, 1, 0);
  expect(sources.choose([a, c], 0)).toBe(a);
});

test('a copy that had nothing is no favourite, and no slower for that', () => {
  const sources = sourcesAt({ [a.id]: 1, [b.id]: 1 });
  expect(sources.choose([a, b], 0)).toBe(b);
  sources.hadNothing(b.id);
  expect(sources.choose([a, b], 0)).toBe(a);
  expect(sources.choose([c, b], 0)).toBe(c);
  sources.answered(a.id, 50, 0);
  expect(sources.choose([a, b], 0)).toBe(b);
});

test('a copy that is far is not asked while there is a near one', () => {
  const sources = sourcesAt({ [a.id]: 10, [b.id]: 23, [c.id]: 21 });
  expect(sources.choose([a, b, c], 0)).toBe(c);
  expect(sources.choose([b], 0)).toBe(b);
  expect(sources.choose([], 0)).toBeNull();
});

test('a copy of which nothing is known, or nothing of late, is tried', () => {
  const sources = sourcesAt({ [a.id]: 10, [b.id]: 20 });
  expect(sources.choose([a, b, c], 0)).toBe(c);
  sources.asked(c.id);
  sources.answered(c.id, 50, 900);
  expect(sources.choose([a, b, c], 1_000)).toBe(b);
  sources.answered(b.id, 20, 1_000);
  expect(sources.choose([b, c], 1_500)).toBe(b);
  expect(sources.choose([a, b, c], 1_500)).toBe(a);
});

test('whoever keeps one waiting is as slow as that at least, until it is tried again', () => {
  const sources = sourcesAt({ [a.id]: 10, [b.id]: 50 });
  sources.keptWaiting(a.id, 60, 0);
  expect(sources.choose([a, b], 0)).toBe(b);
  sources.failed(c.id, 1, 0);
  expect(sources.choose([c, b], 0)).toBe(b);
  expect(sources.choose([c, b], 1_001)).toBe(b);
  sources.answered(b.id, 50, 1_001);
  expect(sources.choose([a, b], 1_001)).toBe(a);
  sources.answered(a.id, 10, 1_001);
  sources.asked(b.id);
  expect(sources.choose([a, b], 1_001)).toBe(a);
});

test('a copy is overdue after twice what its answers take, within bounds', () => {
  const sources = sourcesAt({ [a.id]: 1, [b.id]: 150, [c.id]: 9_000 });
  const [unknown] = contactsOf(1, 10) as [typeof a];
  expect([a, b, c, unknown].map(({ id }) => sources.overdueMs(id))).toEqual([200, 600, 2_000, 200]);
});

test("one answer in twenty tries one's patience, and no member is known for ever", () => {
  const sources = sourcesAt({});
  const random = seeded(1);
  expect(sources.patienceMs(a.id)).toBe(200);
  for (const scaleMs of [10, 1, 30]) {
    let late = 0;
    for (let i = 0; i < 4_000; i++) {
      const elapsedMs = -scaleMs * Math.log(1 - random());
      if (i >= 1_000 && elapsedMs > sources.patienceMs(a.id)) late += 1;
      sources.answered(a.id, elapsedMs, 0);
    }
    expect(late / 3_000).toBeGreaterThan(0.03);
    expect(late / 3_000).toBeLessThan(0.07);
  }
  for (const { id } of contactsOf(options.sourcesMax, 10)) sources.asked(id);
  expect(sources.patienceMs(a.id)).toBe(200);
});
