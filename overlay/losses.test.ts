import fc from 'fast-check';
import { expect, test } from 'vitest';
import { inRegion } from './keys.ts';
import { Losses, lossesMax } from './losses.ts';
import type { Loss, Region } from './overlay.ts';
import { RegionSet } from './region.ts';
import { positions, region } from './testing/positions.ts';

const regions = fc.array(region, { maxLength: 4 });
const lossList: fc.Arbitrary<Loss[]> = fc.array(fc.record({ region, atMs: fc.integer({ min: 1, max: 5 }) }), {
  maxLength: 5,
});

/** The naive model of a copy: by key, undefined without a copy, 0 where it is whole, else before when items may miss. */
type Copy = readonly (number | undefined)[];

function copyOf(keys: readonly Region[], losses: readonly Loss[]): Copy {
  return positions.map((key) => {
    if (!keys.some((one) => inRegion(key, one))) return undefined;
    return Math.max(0, ...losses.filter((loss) => inRegion(key, loss.region)).map(({ atMs }) => atMs));
  });
}

test('a union lacks what both lack, since the earlier time; what only one has keeps its marks', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(regions, lossList), { maxLength: 4 }), regions, (copies, kept) => {
      const losses = new Losses();
      const keys = new RegionSet();
      let model: Copy = positions.map(() => undefined);
      for (const [theirs, flaws] of copies) {
        losses.unite(keys, new RegionSet(theirs), flaws);
        losses.checkInvariants();
        const other = copyOf(theirs, flaws);
        model = model.map((mine, i) =>
          mine === undefined || other[i] === undefined ? (mine ?? other[i]) : Math.min(mine, other[i]),
        );
        for (const one of theirs) keys.add(one);
      }
      expect(copyOf(keys.regions(), losses.within(RegionSet.whole()))).toEqual(model);
      const left = keys.intersect(new RegionSet(kept));
      losses.retain(left);
      losses.checkInvariants();
      expect(left.missingFrom(losses.keys()).isEmpty).toBe(true);
      expect(copyOf(left.regions(), losses.within(keys))).toEqual(
        model.map((at, i) => (left.has(positions[i] as string) ? at : undefined)),
      );
    }),
  );
});

test('marks too many to tell apart become one, of the latest time', () => {
  const losses = new Losses();
  const at = (i: number): string => i.toString(16).padStart(4, '0').padEnd(40, '0');
  for (let i = 0; i <= lossesMax; i++) {
    const one = { from: at(2 * i), to: at(2 * i + 1) };
    losses.unite(new RegionSet(), new RegionSet([one]), [{ region: one, atMs: i }]);
  }
  losses.checkInvariants();
  const marks = losses.within(RegionSet.whole());
  expect(marks).toHaveLength(lossesMax + 1);
  expect(new Set(marks.map(({ atMs }) => atMs))).toEqual(new Set([lossesMax]));
});
