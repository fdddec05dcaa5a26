import { expect, test } from 'vitest';
import { keyOf } from '../keys.ts';
import { type News, nameOf } from '../messages.ts';
import type { Contact } from '../overlay.ts';
import { nameIn, Rumours } from './rumours.ts';

const contact = (i: number): Contact => ({ id: keyOf(`${i}`), address: `n${i}:1` });
const joined = (i: number, agoMs = 0): News => ({ kind: 'joined', contact: contact(i), agoMs });
const failed = (i: number, agoMs = 0): News => ({ kind: 'failed', name: nameOf(contact(i).id), agoMs });
const options = { newsMax: 100, newsRepeats: 2, newsAgeMaxMs: 30_000 };
const nobody = keyOf('nobody');

test('deaths are told first, and nobody is told of itself', () => {
  const rumours = new Rumours(options);
  rumours.add(joined(1), 0, 100);
  rumours.add(failed(2, 500), 0, 100);
  expect(rumours.tell(nobody, 5, 1_000)).toEqual([failed(2, 1_500), joined(1, 1_000)]);
  expect(rumours.tell(nobody, 1, 1_000)).toEqual([failed(2, 1_500)]);
  expect(rumours.tell(contact(2).id, 5, 1_000)).toEqual([joined(1, 1_000)]);
});

test('a piece is told until as many listeners as `newsRepeats` knew it, or so many times the logarithm', () => {
  const rumours = new Rumours(options);
  rumours.add(failed(1), 0, 7);
  rumours.wear([nameIn(failed(1))]);
  expect(rumours.isQuiet).toBe(false);
  rumours.wear([nameIn(failed(1))]);
  expect(rumours.isQuiet).toBe(true);
  rumours.add(failed(2), 0, 7);
  for (let i = 0; i < 6; i++) expect(rumours.tell(nobody, 5, 0)).toHaveLength(1);
  expect(rumours.tell(nobody, 5, 0)).toEqual([]);
});

test('the same event is no news twice, a later one of the same member is', () => {
  const rumours = new Rumours(options);
  rumours.add(joined(1, 1_000), 10_000, 10);
  expect(rumours.isKnown(joined(1, 900), 10_000)).toBe(true);
  expect(rumours.isKnown(failed(1, 5_000), 10_000)).toBe(true);
  expect(rumours.isKnown(failed(1), 10_000)).toBe(false);
  rumours.add(failed(1), 10_000, 10);
  expect(rumours.isKnown(joined(1, 5_000), 20_000)).toBe(false);
  expect(rumours.tell(nobody, 5, 10_000)).toEqual([failed(1)]);
});

test('what is old is forgotten, and the oldest gives way', () => {
  const rumours = new Rumours({ ...options, newsMax: 2 });
  for (let i = 1; i <= 3; i++) rumours.add(joined(i), i, 10);
  expect(rumours.tell(nobody, 5, 10).map(nameIn).sort()).toEqual([joined(2), joined(3)].map(nameIn).sort());
  expect(rumours.isKnown(joined(1), 10)).toBe(false);
  expect(rumours.tell(nobody, 5, 60_000)).toEqual([]);
  rumours.add(failed(4, 40_000), 60_000, 10);
  expect(rumours.isQuiet).toBe(true);
});
