import { strict as assert } from 'node:assert';
import type { Loss } from './overlay.ts';
import { RegionSet } from './region.ts';

/** Marks beyond which their times are made one, the latest. */
export const lossesMax = 256;

/**
 * The flaws of a copy: for some keys a time before which what was stored may be missing. Keys without a mark are
 * whole. Marks follow the copy: who reads a marked copy inherits them, and where two copies are united only what
 * both lack can be missing, so that the earlier time holds, or none.
 */
export class Losses {
  /** Disjoint, by time; none empty. */
  readonly #marks = new Map<number, RegionSet>();

  /** All keys that are marked. */
  keys(): RegionSet {
    const keys = new RegionSet();
    for (const marked of this.#marks.values()) keys.addAll(marked);
    return keys;
  }

  within(keys: RegionSet): Loss[] {
    return [...this.#marks].flatMap(([atMs, marked]) =>
      marked
        .intersect(keys)
        .regions()
        .map((region) => ({ region, atMs })),
    );
  }

  /** A copy of `theirs`, flawed by `losses`, has been added to a copy of `mine`, which this describes. */
  unite(mine: RegionSet, theirs: RegionSet, losses: readonly Loss[]): void {
    const added = new Losses();
    for (const { region, atMs } of losses) added.#mark(theirs.intersect(region), atMs);
    for (const [atMs, marked] of [...this.#marks]) {
      const inBoth = marked.intersect(mine.intersect(theirs));
      marked.removeAll(inBoth);
      for (const other of added.within(inBoth)) this.#mark(new RegionSet([other.region]), Math.min(atMs, other.atMs));
    }
    const fresh = mine.missingFrom(theirs);
    for (const { region, atMs } of added.within(fresh)) this.#mark(new RegionSet([region]), atMs);
    this.#tidy();
  }

  /** Only these keys are in the copy any more. */
  retain(keys: RegionSet): void {
    for (const marked of this.#marks.values()) marked.removeAll(keys.missingFrom(marked));
    this.#tidy();
  }

  checkInvariants(): void {
    const seen = new RegionSet();
    for (const marked of this.#marks.values()) {
      assert(!marked.isEmpty, 'a time has keys');
      assert(!seen.addAll(marked), 'a key has one time');
    }
  }

  /** Of two times for a key the later stays. */
  #mark(keys: RegionSet, atMs: number): void {
    for (const [otherMs, marked] of this.#marks) {
      if (otherMs > atMs) keys.removeAll(marked);
      else marked.removeAll(keys);
    }
    const marked = this.#marks.get(atMs);
    if (marked) marked.addAll(keys);
    else this.#marks.set(atMs, keys);
  }

  #tidy(): void {
    let count = 0;
    for (const [atMs, marked] of this.#marks) {
      count += marked.regions().length;
      if (marked.isEmpty) this.#marks.delete(atMs);
    }
    if (count > lossesMax) this.#mark(this.keys(), Math.max(...this.#marks.keys()));
    for (const [atMs, marked] of this.#marks) if (marked.isEmpty) this.#marks.delete(atMs);
  }
}

/** Of copies of these keys that may lack anything. */
export function flawed(keys: RegionSet, atMs: number): Loss[] {
  return keys.regions().map((region) => ({ region, atMs }));
}
