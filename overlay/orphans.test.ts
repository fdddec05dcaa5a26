import { expect, test } from 'vitest';
import { Orphans } from './orphans.ts';
import type { Region } from './overlay.ts';
import { RegionSet } from './region.ts';

const region = (from: string, to: string): Region => ({ from: from.repeat(40), to: to.repeat(40) });
const set = (...regions: Region[]): RegionSet => new RegionSet(regions);
const adoptAfterMs = 100;

test('a region is due when nobody has had it for long enough, once', () => {
  const orphans = new Orphans();
  expect(orphans.update(set(region('1', '5')), adoptAfterMs, 0)).toEqual([]);
  expect(orphans.update(set(region('1', '5')), adoptAfterMs, 99)).toEqual([]);
  expect(orphans.update(set(region('1', '5')), adoptAfterMs, 100)).toEqual([region('1', '5')]);
  expect(orphans.update(set(), adoptAfterMs, 101)).toEqual([]);
});

test('parts that came later, or were found meanwhile, have their own time', () => {
  const orphans = new Orphans();
  orphans.update(set(region('1', '5')), adoptAfterMs, 0);
  orphans.update(set(region('3', '8')), adoptAfterMs, 50);
  expect(orphans.isSince(region('4', '5'), 0)).toBe(true);
  expect(orphans.isSince(region('1', '3'), 50)).toBe(false);
  expect(orphans.isSince(region('6', '7'), 49)).toBe(false);
  expect(orphans.update(set(region('1', '8')), adoptAfterMs, 100)).toEqual([region('3', '5')]);
});
