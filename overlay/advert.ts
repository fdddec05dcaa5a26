import { type Codec, CodecError, list, regionsMax, roundKey, struct, u8 } from './codec.ts';
import type { Key } from './overlay.ts';
import { type ReadonlyRegionSet, RegionSet } from './region.ts';

/** What a member tells of its copies. */
export interface Advert {
  /** Regions that it must keep, completely and up to date. */
  readonly held: ReadonlyRegionSet;
  /** Regions that it need not keep any more but of which it has the last complete copy. */
  readonly spare: ReadonlyRegionSet;
  /** Regions of which it has what was complete until another took them over. */
  readonly retired: ReadonlyRegionSet;
  /** Held or spare regions of which it may lack something, since all copies of them had been lost. */
  readonly lossy: ReadonlyRegionSet;
  /** Its disk has failed: its copies would not survive a crash, and are no reason for others to give up theirs. */
  readonly isVolatile: boolean;
}

/** In the order of their bits. */
const parts = ['held', 'spare', 'retired', 'lossy'] as const;
const partsMask = 2 ** parts.length - 1;
/** Beside the bits of what is inside at the end of the ring. */
const volatileBit = partsMask + 1;

/** A key at which some of the sets begin or end. */
interface Edge {
  readonly key: Key;
  readonly parts: number;
}

const edges = list(struct<Edge>({ key: roundKey, parts: u8 }), 2 * regionsMax * parts.length);

/**
 * Where one region ends another often begins, held before and spare now: each edge is written once, with the sets that
 * change there.
 */
export const advertCodec: Codec<Advert> = {
  write: (writer, advert) => {
    const sets = parts.map((part) => limited(advert[part], part === 'lossy'));
    const changes = new Map<Key, number>();
    for (const [i, set] of sets.entries()) {
      for (const key of set.edges) changes.set(key, (changes.get(key) ?? 0) | (1 << i));
    }
    const insideAtEnd = sets.reduce((bits, set, i) => bits | (set.insideAtEnd ? 1 << i : 0), 0);
    u8.write(writer, insideAtEnd | (advert.isVolatile ? volatileBit : 0));
    const ascending = [...changes].sort(([a], [b]) => (a < b ? -1 : 1));
    edges.write(
      writer,
      ascending.map(([key, which]) => ({ key, parts: which })),
    );
  },
  read: (reader) => {
    const bits = u8.read(reader);
    const all = edges.read(reader);
    if (bits >= 2 * volatileBit || all.some((edge) => edge.parts === 0 || edge.parts > partsMask)) {
      throw new CodecError('an advert has four sets');
    }
    const [held, spare, retired, lossy] = parts.map((_, i) => {
      const own = all.filter((edge) => (edge.parts >> i) & 1).map(({ key }) => key);
      return setOf(own, ((bits >> i) & 1) === 1);
    }) as [RegionSet, RegionSet, RegionSet, RegionSet];
    return { held, spare, retired, lossy, isVolatile: (bits & volatileBit) !== 0 };
  },
};

/** What is too much to say is left out; of flaws, which must not pass for whole, there are then everywhere. */
function limited(set: ReadonlyRegionSet, isLossy: boolean): ReadonlyRegionSet {
  if (set.edges.length <= 2 * regionsMax) return set;
  return isLossy ? RegionSet.whole() : new RegionSet(set.regions().slice(0, regionsMax));
}

function setOf(own: readonly Key[], insideAtEnd: boolean): RegionSet {
  if (own.length > 2 * regionsMax) throw new CodecError('too many regions');
  try {
    return RegionSet.fromEdges(own, insideAtEnd);
  } catch (cause) {
    if (cause instanceof RangeError) throw new CodecError(cause.message, { cause });
    throw cause;
  }
}
