import type { Region } from './overlay.ts';
import { RegionSet } from './region.ts';

interface Orphan {
  readonly region: Region;
  readonly sinceMs: number;
}

/** Parts of this node's own region that no reachable member holds, and for how long. */
export class Orphans {
  #orphans: readonly Orphan[] = [];

  /** These are all there are. Returns those that have been orphans for `adoptAfterMs`, and are from now on no more. */
  update(orphans: RegionSet, adoptAfterMs: number, nowMs: number): Region[] {
    const known = new RegionSet();
    const still: Orphan[] = [];
    const due: Region[] = [];
    for (const { region, sinceMs } of this.#orphans) {
      for (const part of orphans.intersect(region)) {
        known.add(part);
        if (nowMs - sinceMs < adoptAfterMs) still.push({ region: part, sinceMs });
        else due.push(part);
      }
    }
    for (const region of known.missingFrom(orphans)) still.push({ region, sinceMs: nowMs });
    this.#orphans = still;
    return due;
  }

  /** Whether some of a region has been an orphan since then. */
  isSince(region: Region, sinceMs: number): boolean {
    return this.#orphans.some((orphan) => orphan.sinceMs <= sinceMs && new RegionSet([orphan.region]).overlaps(region));
  }
}
