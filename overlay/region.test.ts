import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { inRegion } from './keys.ts';
import type { Region } from './overlay.ts';
import { RegionSet } from './region.ts';
import { positions, region } from './testing/positions.ts';

const at = (i: number): string => positions[i] as string;
const regions = fc.array(region, { maxLength: 6 });

/** The naive model: which of the positions belong. Every edge is a position, so positions tell all. */
function members(set: RegionSet | readonly Region[]): string {
  const list = set instanceof RegionSet ? set.regions() : set;
  return positions.map((key) => (list.some((one) => inRegion(key, one)) ? '1' : '0')).join('');
}

function combine(a: string, b: string, op: (x: boolean, y: boolean) => boolean): string {
  return [...a].map((digit, i) => (op(digit === '1', b[i] === '1') ? '1' : '0')).join('');
}

describe('RegionSet agrees with a naive model', () => {
  test('add and its overlap report', () => {
    fc.assert(
      fc.property(regions, region, (start, added) => {
        const set = new RegionSet(start);
        const before = members(set);
        const overlapped = set.add(added);
        set.checkInvariants();
        expect(before).toBe(members(start));
        expect(members(set)).toBe(combine(before, members([added]), (x, y) => x || y));
        expect(overlapped).toBe(combine(before, members([added]), (x, y) => x && y).includes('1'));
      }),
    );
  });

  test('remove, intersect, missingFrom, covers, overlaps, has', () => {
    fc.assert(
      fc.property(regions, region, (start, other) => {
        const set = new RegionSet(start);
        const before = members(set);
        const those = members([other]);
        const both = combine(before, those, (x, y) => x && y);
        expect(members(set.intersect(other))).toBe(both);
        expect(set.overlaps(other)).toBe(both.includes('1'));
        expect(set.covers(other)).toBe(both === those);
        expect(members(set.missingFrom(other))).toBe(combine(those, before, (x, y) => x && !y));
        for (const key of positions) expect(set.has(key)).toBe(start.some((one) => inRegion(key, one)));
        set.remove(other);
        set.checkInvariants();
        expect(members(set)).toBe(combine(before, those, (x, y) => x && !y));
      }),
    );
  });

  test('operations on two sets', () => {
    fc.assert(
      fc.property(regions, regions, (left, right) => {
        const a = new RegionSet(left);
        const b = new RegionSet(right);
        expect(members(a.intersect(b))).toBe(combine(members(a), members(b), (x, y) => x && y));
        expect(members(a.missingFrom(b))).toBe(combine(members(b), members(a), (x, y) => x && !y));
        const union = a.clone();
        expect(union.addAll(b)).toBe(!a.intersect(b).isEmpty);
        expect(members(union)).toBe(combine(members(a), members(b), (x, y) => x || y));
        union.removeAll(b);
        expect(members(union)).toBe(combine(members(a), members(b), (x, y) => x && !y));
      }),
    );
  });

  test('equal sets have one form, whatever way they were made', () => {
    fc.assert(
      fc.property(regions, (list) => {
        const set = new RegionSet(list);
        expect(new RegionSet([...list].reverse()).equals(set)).toBe(true);
        expect(new RegionSet(set.regions()).equals(set)).toBe(true);
        expect(RegionSet.fromEdges(set.edges, set.insideAtEnd).equals(set)).toBe(true);
        for (const a of set) for (const b of set) expect(a === b || a.to !== b.from).toBe(true);
      }),
    );
  });
});

test('the empty set and the whole ring', () => {
  const set = new RegionSet();
  expect([set.isEmpty, set.isWhole, set.regions()]).toEqual([true, false, []]);
  set.add({ from: at(3), to: at(3) });
  expect([set.isEmpty, set.isWhole, set.covers({ from: at(9), to: at(2) })]).toEqual([false, true, true]);
  set.remove({ from: at(3), to: at(5) });
  expect(set.regions()).toEqual([{ from: at(5), to: at(3) }]);
  set.add({ from: at(3), to: at(5) });
  expect(set.isWhole).toBe(true);
});

test('edges that are no set are refused', () => {
  expect(() => RegionSet.fromEdges([at(1)], false)).toThrow(RangeError);
  expect(() => RegionSet.fromEdges([at(2), at(1)], false)).toThrow(RangeError);
});
