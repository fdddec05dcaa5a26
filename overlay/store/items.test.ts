import fc from 'fast-check';
import { expect, test } from 'vitest';
import { inRegion } from '../keys.ts';
import { someRecord } from '../testing/records.ts';
import { Items, itemOf, resourceKey } from './items.ts';

const resource = fc.integer({ min: 0, max: 60 }).map(String);
const keyOfResource = resource.map((resourceId) => resourceKey(someRecord.namespace, resourceId));

test('a region is walked in ring order, over what is there when it is reached', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(resource, fc.constantFrom('x', 'y')), { minLength: 1, maxLength: 80 }),
      fc.record({ from: keyOfResource, to: keyOfResource }),
      fc.nat(),
      (names, region, nth) => {
        const items = new Items();
        for (const [resourceId, instanceId] of names) items.merge(itemOf({ ...someRecord, resourceId, instanceId }, 0));
        const all = names.map(([resourceId]) => resourceKey(someRecord.namespace, resourceId)).sort();
        const inside = [...new Set(all)].filter((key) => inRegion(key, region));
        const inRingOrder = [
          ...inside.filter((key) => key >= region.from),
          ...inside.filter((key) => key < region.from),
        ];
        expect([...new Set([...items.within(region)].map(({ key }) => key))]).toEqual(inRingOrder);

        items.checkInvariants();

        // One key goes once the walk is under way, and comes back when it is over.
        const gone = inRingOrder[nth % Math.max(1, inRingOrder.length)];
        const met = new Set<string>();
        for (const { key } of items.within(region)) {
          if (met.size === 0 && gone) for (const item of [...items.at(gone)]) if (gone !== key) items.remove(item);
          met.add(key);
        }
        expect([...met]).toEqual(inRingOrder.filter((key, i) => i === 0 || key !== gone));
        items.checkInvariants();
        const again = new Set<string>();
        for (const { key } of items.within(region)) {
          if (again.size === 0) for (const [resourceId] of names) items.merge(itemOf({ ...someRecord, resourceId }, 0));
          again.add(key);
        }
        // What comes before the first that is met comes too late.
        const [first] = again;
        expect([...again]).toEqual(first === undefined ? [] : inRingOrder.slice(inRingOrder.indexOf(first)));
      },
    ),
  );
});
