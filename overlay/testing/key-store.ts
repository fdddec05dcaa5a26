import { DigestTree } from '../digest-tree.ts';
import { ExpirySteps } from '../expiry.ts';
import { inRegion } from '../keys.ts';
import type { Digest, Key, Region, Replicated } from '../overlay.ts';

export interface KeyItem {
  readonly key: Key;
  readonly expiresAtMs: number;
}

/** As simple as replicated data can be: keys that are there or not. */
export class KeyStore implements Replicated {
  readonly items = new Map<Key, KeyItem>();
  readonly #tree = new DigestTree();
  readonly #expiring = new ExpirySteps<KeyItem>();

  put(item: KeyItem): void {
    if (this.items.has(item.key)) return;
    this.items.set(item.key, item);
    this.#expiring.add(item, item.expiresAtMs);
    this.#tree.add(...leafOf(item));
  }

  digest(region: Region, horizonMs: number): Digest {
    for (const item of this.#expiring.take(horizonMs)) this.#tree.remove(...leafOf(item));
    return this.#tree.digest(region);
  }

  *export(regions: readonly Region[]): Generator<Uint8Array> {
    const items = [...this.items.values()].filter(({ key }) => regions.some((region) => inRegion(key, region)));
    if (items.length > 0) yield Buffer.from(JSON.stringify(items));
  }

  import(chunk: Uint8Array): void {
    for (const item of itemsIn(chunk)) this.put(item);
  }

  drop(region: Region): void {
    for (const item of [...this.items.values()]) {
      if (!inRegion(item.key, region)) continue;
      this.items.delete(item.key);
      if (this.#expiring.delete(item, item.expiresAtMs)) this.#tree.remove(...leafOf(item));
    }
  }
}

/** Of an exported chunk. */
export function itemsIn(chunk: Uint8Array): KeyItem[] {
  return JSON.parse(Buffer.from(chunk).toString()) as KeyItem[];
}

function leafOf({ key }: KeyItem): [Uint8Array, number, number, number] {
  const bytes = Buffer.from(key, 'hex');
  return [bytes, 0, bytes.readUInt32LE(4), bytes.readUInt32LE(8)];
}
