import { DigestTree } from '../digest-tree.ts';
import { ExpirySteps } from '../expiry.ts';
import type { Digest, Region } from '../overlay.ts';
import type { Item } from './items.ts';

/** Digests of the items of an object store, tombstones included: of all but what had expired by the horizon. */
export class ItemDigests {
  readonly #tree = new DigestTree();
  readonly #expiring = new ExpirySteps<Item>();
  #horizonMs = 0;

  add(item: Item): void {
    if (item.endsAtMs <= this.#horizonMs) return;
    this.#expiring.add(item, item.endsAtMs);
    this.#tree.add(Buffer.from(item.key, 'hex'), 0, lowOf(item.hash), highOf(item.hash));
  }

  remove(item: Item): void {
    if (this.#expiring.delete(item, item.endsAtMs)) this.#leave(item);
  }

  /** @see Replicated.digest */
  digest(region: Region, horizonMs: number): Digest {
    if (horizonMs > this.#horizonMs) {
      this.#horizonMs = horizonMs;
      for (const item of this.#expiring.take(horizonMs)) this.#leave(item);
    }
    return this.#tree.digest(region);
  }

  #leave(item: Item): void {
    this.#tree.remove(Buffer.from(item.key, 'hex'), 0, lowOf(item.hash), highOf(item.hash));
  }
}

function lowOf(hash: bigint): number {
  return Number(hash & 0xffff_ffffn);
}

function highOf(hash: bigint): number {
  return Number(hash >> 32n);
}
