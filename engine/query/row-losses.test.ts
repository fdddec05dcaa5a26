import { expect, test } from 'vitest';
import { concerns } from './row-losses.ts';

const hourMs = 3_600_000;
const loss = { atMs: 1_000_000_000_000 };
const table = (createdAfterMs: number, lifetimeMs: number | null = null) => ({
  retention: { createdAtMs: loss.atMs + createdAfterMs, lifetimeMs },
});

test('a loss concerns tables that were there and whose rows would still be alive', () => {
  const dayLaterMs = loss.atMs + 24 * hourMs;
  expect(concerns(loss, table(-hourMs), dayLaterMs)).toBe(true);
  expect(concerns(loss, table(hourMs), dayLaterMs)).toBe(false);
  expect(concerns(loss, table(-hourMs, hourMs), loss.atMs + hourMs / 2)).toBe(true);
  expect(concerns(loss, table(-hourMs, hourMs), dayLaterMs)).toBe(false);
  expect(concerns(loss, { retention: null }, dayLaterMs)).toBe(false);
});

test('clocks that are a little apart err on the side of telling', () => {
  expect(concerns(loss, table(1_000), loss.atMs + hourMs)).toBe(true);
  expect(concerns(loss, table(-hourMs, hourMs), loss.atMs + hourMs + 1_000)).toBe(true);
});
