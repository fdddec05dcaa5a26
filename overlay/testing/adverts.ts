import fc from 'fast-check';
import type { Advert } from '../advert.ts';
import type { Region } from '../overlay.ts';
import { RegionSet } from '../region.ts';
import { region } from './positions.ts';

/** What a member says that has complete and whole copies of some regions, and of nothing else. */
export function advertOf(held: Iterable<Region>): Advert {
  const none = new RegionSet();
  return { held: new RegionSet(held), spare: none, retired: none, lossy: none, isVolatile: false };
}

const regions = fc.array(region, { maxLength: 3 }).map((list) => new RegionSet(list));

/** Of regions with edges at positions; what is not held or spare is not lossy either. */
export const advert: fc.Arbitrary<Advert> = fc
  .record({ held: regions, spare: regions, retired: regions, lossy: regions, isVolatile: fc.boolean() })
  .map(({ held, spare, retired, lossy, isVolatile }) => {
    spare.removeAll(held);
    const copies = held.clone();
    copies.addAll(spare);
    return { held, spare, retired, lossy: lossy.intersect(copies), isVolatile };
  });
