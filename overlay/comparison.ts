import { CodecError } from './codec.ts';
import { horizonOf } from './expiry.ts';
import { clockwise, keyAt, keyBits, pointOf } from './keys.ts';
import type { Region, Replicated } from './overlay.ts';
import {
  type CompareReply,
  type KindDigest,
  partsMax,
  type ReplicationRequest,
  regionsMax,
} from './replication-messages.ts';

type CompareRequest = Pick<Extract<ReplicationRequest, { type: 'compare' }>, 'regions' | 'parts' | 'horizonMs'>;
type CompareAnswer = Pick<CompareReply, 'horizonMs' | 'digests'>;

export interface ComparisonOptions {
  readonly exchangeItemsMax: number;
}

/** Request regions at once after the first; each comes back as `partsMax` digests. */
const regionsPerRequest = regionsMax / 4;

/**
 * Finds where two copies differ, by Merkle trees: digests of whole regions first, then of the parts of those that differ, down to
 * parts with few items. Each round trip asks for the parts of several regions, so that rounds grow with the logarithm of the
 * items, and bytes with the number of differences.
 * @see Merkle, "A Digital Signature Based on a Conventional Encryption Function", 1987; DeCandia et al., "Dynamo", 2007, §4.7
 */
export class Comparison {
  readonly #options: ComparisonOptions;
  readonly #kinds: ReadonlyMap<number, Replicated>;
  readonly #now: () => number;
  #horizonMs = 0;

  constructor(options: ComparisonOptions, kinds: ReadonlyMap<number, Replicated>, now: () => number) {
    this.#options = options;
    this.#kinds = kinds;
    this.#now = now;
  }

  /** Whether this node has any items there. */
  hasItems(region: Region): boolean {
    const horizonMs = this.#horizon();
    return [...this.#kinds.values()].some((replicated) => replicated.digest(region, horizonMs).items > 0);
  }

  /** @throws CodecError */
  answer({ regions, parts, horizonMs }: CompareRequest): CompareAnswer {
    if (parts < 1 || parts > partsMax) throw new CodecError(`cannot divide a region into ${parts} parts`);
    const used = this.#horizon(horizonMs);
    const digests = regions.flatMap((region) => divide(region, parts)).map((part) => this.#digests(part, used));
    return { horizonMs: used, digests };
  }

  /**
   * Compares this node's copy of some disjoint regions with another's, whom `ask` asks.
   * @returns disjoint regions in which the copies differ, each with few items or with no more bits to tell them apart
   */
  async differences(
    regions: readonly Region[],
    ask: (request: CompareRequest) => Promise<CompareAnswer>,
  ): Promise<readonly Region[]> {
    const differing: Region[] = [];
    let level = regions;
    for (let parts = 1; level.length > 0; parts = partsMax) {
      const next: Region[] = [];
      for (const batch of batchesOf(level, parts === 1 ? regionsMax : regionsPerRequest)) {
        const reply = await ask({ regions: batch, parts, horizonMs: this.#horizon() });
        for (const part of this.#differing(batch, parts, reply)) (part.isSmall ? differing : next).push(part.region);
      }
      level = next;
    }
    return differing;
  }

  #differing(batch: readonly Region[], parts: number, reply: CompareAnswer): { region: Region; isSmall: boolean }[] {
    const divided = batch.flatMap((region) => divide(region, parts));
    if (divided.length !== reply.digests.length) throw new CodecError('as many digests as parts were asked for');
    const horizonMs = this.#horizon(reply.horizonMs);
    // Its clock is so far ahead that what it left out may be alive here: nothing is known to be equal.
    if (reply.horizonMs !== horizonMs) return batch.map((region) => ({ region, isSmall: true }));
    return divided.flatMap((region, i) => {
      const theirs = new Map((reply.digests[i] ?? []).map((digest) => [digest.kind, digest]));
      const mine = this.#digests(region, horizonMs);
      const unequal = mine.filter(({ kind, items, hash }) => {
        const other = theirs.get(kind);
        return other?.items !== items || other.hash !== hash;
      });
      if (unequal.length === 0) return [];
      const itemsHere = unequal.reduce((sum, { items }) => sum + items, 0);
      const itemsThere = unequal.reduce((sum, { kind }) => sum + (theirs.get(kind)?.items ?? 0), 0);
      const isSmall =
        Math.max(itemsHere, itemsThere) <= this.#options.exchangeItemsMax ||
        // Nothing in it is equal.
        itemsHere === 0 ||
        itemsThere === 0 ||
        divide(region, partsMax).length === 1;
      return [{ region, isSmall }];
    });
  }

  #digests(region: Region, horizonMs: number): KindDigest[] {
    return [...this.#kinds].map(([kind, replicated]) => ({ kind, ...replicated.digest(region, horizonMs) }));
  }

  /** The latest one that was ever used here: the clock's, or a peer's whose clock is a little ahead. */
  #horizon(theirsMs = 0): number {
    const nowMs = this.#now();
    this.#horizonMs = Math.max(this.#horizonMs, horizonOf(nowMs), theirsMs <= nowMs ? theirsMs : 0);
    return this.#horizonMs;
  }
}

/** Cuts a region into at most `parts` parts of about equal size, in ring order. Every node cuts it alike. */
export function divide(region: Region, parts: number): Region[] {
  const start = pointOf(region.from);
  const length = region.from === region.to ? 1n << BigInt(keyBits) : clockwise(start, pointOf(region.to));
  const edges = Array.from({ length: parts }, (_, i) => keyAt(start + (length * BigInt(i)) / BigInt(parts)));
  const distinct = edges.filter((edge, i) => i === 0 || edge !== edges[i - 1]);
  return distinct.map((from, i) => ({ from, to: distinct[i + 1] ?? region.to }));
}

export function batchesOf<T>(items: readonly T[], lengthMax: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / lengthMax) }, (_, i) =>
    items.slice(i * lengthMax, (i + 1) * lengthMax),
  );
}
