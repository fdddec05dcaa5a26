import { decode, encode } from '../codec.ts';
import { ExpirySteps, horizonPassesAtMs } from '../expiry.ts';
import { between } from '../keys.ts';
import type { OverlayNode } from '../node.ts';
import { type Contact, type Digest, type Key, OverlayError, type Region } from '../overlay.ts';
import { RegionSet } from '../region.ts';
import type { WritableStore } from '../replicated-writes.ts';
import type { Timer } from '../runtime.ts';
import { recordAfter, remembers } from './accept.ts';
import { flawOf, isImmutable, mayFollow } from './authenticity.ts';
import { DiskItems } from './disk-items.ts';
import { FairShare, storedBytes } from './fair-share.ts';
import { type Item, Items, isLive, isNewer, itemOf, recordOf, resourceKey } from './items.ts';
import { absent, type ItemRecord, itemRecords, recordBytes, storeWrite } from './messages.ts';
import { type StoredItem, storedItem } from './stored-item.ts';

export interface StoreCounters {
  /** Items that other members sent and that were not what they claimed to be. */
  itemsRejected: number;
}

type KeepingNode = Pick<OverlayNode, 'self' | 'runtime' | 'options' | 'journal' | 'log' | 'losses' | 'missing'>;

/**
 * This node's copies of items: takes writes as their owner, follows other owners, tells those who watch, and forgets
 * what has expired. What other members send is checked as far as it can be.
 */
export class ItemCopies implements WritableStore {
  readonly counters: StoreCounters = { itemsRejected: 0 };
  readonly #node: KeepingNode;
  readonly #items = new Items((item, isThere) => this.#onDisk.changed(item, isThere));
  readonly #onDisk: DiskItems;
  /** Null when storage is not limited. */
  readonly #share: FairShare | null;
  readonly #watchers = new Map<string, Set<(item: StoredItem) => void>>();
  readonly #toForget = new ExpirySteps<Item>();
  #expiry: Timer | null = null;

  constructor(node: KeepingNode) {
    this.#node = node;
    this.#onDisk = new DiskItems(node.journal, () => node.runtime.now());
    const isLimited = Number.isFinite(node.options.storageBytesMax);
    this.#share = isLimited ? new FairShare(node.runtime, node.options) : null;
  }

  // ---- For this node

  /** All that is remembered under a key: live, expired, and tombstones. */
  at(key: Key): Iterable<Item> {
    return this.#items.at(key);
  }

  /** Of a live immutable item. */
  value(key: Key, namespace: string, resourceId: string): Uint8Array | null {
    // There is one at most, found more quickly than by its whole name.
    const [item] = this.#items.at(key);
    if (!item || item.resourceId !== resourceId || item.namespace !== namespace) return null;
    return isLive(item, this.#node.runtime.now()) ? item.value : null;
  }

  /** Items in this node's copies, other than expired ones, perhaps only those of some keys. */
  *scan(namespace: string, keys?: RegionSet): Generator<StoredItem> {
    const nowMs = this.#node.runtime.now();
    for (const item of this.#items.in(namespace)) {
      if (isLive(item, nowMs) && (keys?.has(item.key) ?? true)) yield storedItem(item, nowMs);
    }
  }

  /** Tells of every item, and every new version, that reaches this node's copies. Returns the way to stop. */
  watch(namespace: string, onItem: (item: StoredItem) => void): () => void {
    const watcher = (item: StoredItem): void => onItem(item);
    const watchers = this.#watchers.get(namespace) ?? new Set();
    this.#watchers.set(namespace, watchers);
    watchers.add(watcher);
    return () => {
      watchers.delete(watcher);
      if (watchers.size === 0 && this.#watchers.get(namespace) === watchers) this.#watchers.delete(namespace);
    };
  }

  // ---- For the overlay

  admit(from: Contact, chunk: Uint8Array): Promise<() => void> | null {
    if (!this.#share) return null;
    const write = decode(storeWrite, chunk);
    if (write.type === 'remove') return null;
    const { namespace, resourceId, instanceId } = write;
    const old = this.#items.find(namespace, resourceId, instanceId);
    if (old && write.type === 'put' && remembers(old, write.version)) return null;
    const value = write.type === 'put' ? write.value : (old?.value ?? null);
    return this.#share.admit(
      from.address,
      storedBytes(value),
      Math.min(write.lifetimeMs, this.#node.options.lifetimeMaxMs),
    );
  }

  accept(key: Key, chunk: Uint8Array): Uint8Array {
    const write = decode(storeWrite, chunk);
    const { namespace, resourceId, instanceId } = write;
    if (key !== resourceKey(namespace, resourceId))
      throw new OverlayError('refused', 'the key is not that of the item');
    const nowMs = this.#node.runtime.now();
    const old = this.#items.find(namespace, resourceId, instanceId);
    if (!old && write.type === 'put' && write.expected === absent) this.#checkAbsent(key);
    const record = recordAfter(write, old, { writer: this.#node.self.id, nowMs }, this.#node.options);
    this.#keep(ownItem(record, nowMs), nowMs);
    return encode(itemRecords, [record], recordBytes + (record.value?.length ?? 0));
  }

  /** What only members that are missing have is not absent: it comes back with them, and one of the two would go. */
  #checkAbsent(key: Key): void {
    const isLossy = this.#node.losses(new RegionSet([between(key, key)])).length > 0;
    if (!isLossy || this.#node.missing().length === 0) return;
    throw new OverlayError(
      'refused',
      'only members that are missing know whether there is such an item: wait until they are back, or given up',
    );
  }

  /** Counts tombstones, too: a copy without them might bring back what was removed. */
  digest(region: Region, horizonMs: number): Digest {
    return this.#items.digest(region, horizonMs);
  }

  *export(regions: readonly Region[]): Generator<Uint8Array> {
    const { chunkBytes } = this.#node.options;
    let records: ItemRecord[] = [];
    let bytes = 0;
    for (const region of regions) {
      for (const item of this.#items.within(region)) {
        records.push(recordOf(item, this.#node.runtime.now()));
        bytes += recordBytes + (item.value?.length ?? 0);
        if (bytes < chunkBytes) continue;
        yield encode(itemRecords, records, bytes);
        records = [];
        bytes = 0;
      }
    }
    if (records.length > 0) yield encode(itemRecords, records, bytes);
  }

  import(chunk: Uint8Array): void {
    const nowMs = this.#node.runtime.now();
    for (const record of decode(itemRecords, chunk)) this.#merge(record, nowMs);
  }

  drop(region: Region): void {
    for (const item of [...this.#items.within(region)]) this.#remove(item);
  }

  async recover(): Promise<void> {
    await this.#onDisk.recover((record, nowMs) => this.#merge(record, nowMs));
  }

  // ---- Inside

  /** Takes what another member says of an item, if it can be true. */
  #merge(record: ItemRecord, nowMs: number): void {
    const here = this.#items.find(record.namespace, record.resourceId, record.instanceId);
    const item = ownItem(record, nowMs);
    if (isForgotten(item, nowMs) || (here && !isNewer(item, here))) return;
    if (flawOf(record) !== null || (here && !mayFollow(record, here, nowMs))) {
      this.counters.itemsRejected += 1;
      return;
    }
    const isProtected = here && (isImmutable(here) || (here.guard !== null && here.version === item.version));
    if (!isProtected) this.#keep(item, nowMs);
    else {
      const expiresAtMs = Math.max(item.expiresAtMs, here.expiresAtMs);
      const endsAtMs = Math.max(item.endsAtMs, here.endsAtMs);
      this.#keep({ ...item, expiresAtMs, endsAtMs }, nowMs);
    }
  }

  #keep(item: Item, nowMs: number): void {
    const old = this.#items.find(item.namespace, item.resourceId, item.instanceId);
    if (isForgotten(item, nowMs) || !this.#items.merge(item)) return;
    if (old) this.#toForget.delete(old, forgottenAtMs(old));
    this.#toForget.add(item, forgottenAtMs(item));
    if (item.expiresAtMs > nowMs) this.#share?.keep(item, old);
    else if (old) this.#share?.forget(old);
    this.#expiry ??= this.#node.runtime.after(this.#node.options.expireEveryMs, () => this.#expire());
    if (!isLive(item, nowMs)) return;
    for (const onItem of this.#watchers.get(item.namespace) ?? []) this.#tell(onItem, item, nowMs);
  }

  /** A watcher that fails is no reason for a writer to wait. */
  #tell(onItem: (item: StoredItem) => void, item: Item, nowMs: number): void {
    try {
      onItem(storedItem(item, nowMs));
    } catch (error) {
      const { namespace } = item;
      const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.#node.log('error', 'a watcher of items failed', { namespace, reason });
    }
  }

  #remove(item: Item): void {
    this.#items.remove(item);
    this.#toForget.delete(item, forgottenAtMs(item));
    this.#share?.forget(item);
  }

  #expire(): void {
    const nowMs = this.#node.runtime.now();
    let left = itemsAtOnceMax;
    for (const item of this.#toForget.take(nowMs)) {
      this.#remove(item);
      left -= 1;
      if (left === 0) break;
    }
    const delayMs = left === 0 ? 1 : this.#node.options.expireEveryMs;
    this.#expiry = this.#items.count > 0 ? this.#node.runtime.after(delayMs, () => this.#expire()) : null;
  }
}

/** Of many that are to be forgotten: in between others have their turn. */
const itemsAtOnceMax = 1_000;
/** Beyond this a writer's clock is simply wrong. */
const clocksDifferMsMax = 3_600_000;

/** When it has been expired for so long that it is part of no digest any more; a writer's word on that does not count for ever. */
function forgottenAtMs({ expiresAtMs, endsAtMs }: Item): number {
  return Math.max(expiresAtMs, Math.min(horizonPassesAtMs(endsAtMs), expiresAtMs + clocksDifferMsMax));
}

function isForgotten(item: Item, nowMs: number): boolean {
  return forgottenAtMs(item) <= nowMs;
}

/** What was decoded is a view of a whole frame; what is kept is not. */
function ownItem(record: ItemRecord, nowMs: number): Item {
  return itemOf({ ...record, value: record.value && Uint8Array.from(record.value) }, nowMs);
}
