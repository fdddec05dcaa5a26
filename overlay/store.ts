import { decode, encode } from './codec.ts';
import { objectStoreApp, writesApp } from './control.ts';
import { type Item, Items, isLive, itemOf, recordOf, resourceKey } from './items.ts';
import { inRegion } from './keys.ts';
import type { OverlayNode } from './node.ts';
import { type Contact, type Key, OverlayError, type Region } from './overlay.ts';
import { ReplicatedWrites, type WritableStore } from './replicated-writes.ts';
import type { Timer } from './runtime.ts';
import {
  type GetReply,
  type GetRequest,
  getReply,
  getRequest,
  type ItemRecord,
  itemRecords,
  namesFit,
  recordBytes,
  type StoreWrite,
  storeWrite,
} from './store-messages.ts';

export interface StoredItem {
  readonly key: Key;
  readonly namespace: string;
  readonly resourceId: string;
  /** Tells apart the items of one resource. */
  readonly instanceId: string;
  readonly value: Uint8Array;
  /** Milliseconds until the item expires, unless it is renewed. */
  readonly lifetimeLeftMs: number;
}

/**
 * Soft state in the ring: PIER's provider with OpenDHT's removes. Every item lives at the owner of
 * `hash(namespace, resourceId)` and at its replicas until its lifetime is over or it is removed.
 *
 * Removes are kept as tombstones for as long as what they removed would have lived, so no late copy
 * brings it back. Of two versions the one written later at an owner wins.
 * @see Huebsch et al., "The Architecture of PIER", 2005; Rhea et al., "OpenDHT", 2005
 */
export class ObjectStore implements WritableStore {
  readonly #node: OverlayNode;
  readonly #writes: ReplicatedWrites;
  readonly #items = new Items();
  readonly #watchers = new Map<string, Set<(item: StoredItem) => void>>();
  #expiry: Timer | null = null;

  /** At most one a node, built before the node enters the ring. */
  constructor(node: OverlayNode) {
    this.#node = node;
    this.#writes = new ReplicatedWrites(node, writesApp, this);
    node.register(objectStoreApp, {
      answer: (_from, payload) => encode(getReply, this.#answer(decode(getRequest, payload))),
    });
  }

  // ---- For any node

  /**
   * Stores an item at all its replicas, in place of an older one with the same three names.
   * @throws OverlayError `refused` for a value or lifetime beyond the limits, `timeout` when some copy stays silent
   */
  async put(
    namespace: string,
    resourceId: string,
    instanceId: string,
    value: Uint8Array,
    lifetimeMs: number,
  ): Promise<void> {
    const { valueBytesMax } = this.#node.options;
    if (value.length > valueBytesMax)
      throw new OverlayError('refused', `a value of ${value.length} bytes exceeds ${valueBytesMax}`);
    await this.#write({ type: 'put', namespace, resourceId, instanceId, value, lifetimeMs });
  }

  /** Prolongs an item's life; false when there is no such item. @throws OverlayError `timeout` */
  async renew(namespace: string, resourceId: string, instanceId: string, lifetimeMs: number): Promise<boolean> {
    try {
      await this.#write({ type: 'renew', namespace, resourceId, instanceId, lifetimeMs });
      return true;
    } catch (error) {
      if (error instanceof OverlayError && error.code === 'refused') return false;
      throw error;
    }
  }

  /** Removes an item from all its replicas, if it is there. @throws OverlayError `timeout` */
  async remove(namespace: string, resourceId: string, instanceId: string): Promise<void> {
    await this.#write({ type: 'remove', namespace, resourceId, instanceId });
  }

  /**
   * The items of a resource, by instance.
   * @throws OverlayError `unreachable` while no copy is known, `timeout` when nobody answers
   */
  async get(namespace: string, resourceId: string): Promise<StoredItem[]> {
    if (!namesFit(namespace, resourceId, '')) return [];
    const key = resourceKey(namespace, resourceId);
    const items: StoredItem[] = [];
    let after: string | null = null;
    for (;;) {
      const page = await this.#getPage(key, { namespace, resourceId, after });
      for (const { instanceId, value, lifetimeLeftMs } of page.items) {
        items.push({ key, namespace, resourceId, instanceId, value: value ?? new Uint8Array(0), lifetimeLeftMs });
      }
      if (page.isLast || page.items.length === 0) return items;
      after = page.items.at(-1)?.instanceId ?? null;
    }
  }

  // ---- For this node alone

  /** Items in this node's copies, other than expired ones, perhaps only those of a region. */
  *scan(namespace: string, region?: Region): Generator<StoredItem> {
    const nowMs = this.#node.runtime.now();
    for (const item of this.#items.in(namespace)) {
      if (isLive(item, nowMs) && (!region || inRegion(item.key, region))) yield storedItem(item, nowMs);
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

  accept(key: Key, chunk: Uint8Array): Uint8Array {
    const write = decode(storeWrite, chunk);
    const { namespace, resourceId, instanceId } = write;
    if (key !== resourceKey(namespace, resourceId))
      throw new OverlayError('refused', 'the key is not that of the item');
    const nowMs = this.#node.runtime.now();
    const old = this.#items.find(namespace, resourceId, instanceId);
    const live = old && isLive(old, nowMs) ? old : undefined;
    const { value, lifetimeLeftMs } = this.#decide(write, live, nowMs);
    const record: ItemRecord = {
      namespace,
      resourceId,
      instanceId,
      value,
      // Later than what it replaces, although that may have been written by a clock that is ahead.
      writtenAtMs: Math.max(nowMs, (old?.writtenAtMs ?? 0) + 1),
      writer: this.#node.self.id,
      lifetimeLeftMs,
    };
    this.#merge(record, nowMs);
    return encode(itemRecords, [record], recordBytes + (value?.length ?? 0));
  }

  digest(region: Region): { items: number; hash: bigint } {
    const nowMs = this.#node.runtime.now();
    let items = 0;
    let hash = 0n;
    for (const item of this.#items.within(region)) {
      if (!isLive(item, nowMs)) continue;
      items += 1;
      hash += item.hash;
    }
    return { items, hash: BigInt.asUintN(64, hash) };
  }

  *export(region: Region): Generator<Uint8Array> {
    const { chunkBytes } = this.#node.options;
    let records: ItemRecord[] = [];
    let bytes = 0;
    for (const item of this.#items.within(region)) {
      records.push(recordOf(item, this.#node.runtime.now()));
      bytes += recordBytes + (item.value?.length ?? 0);
      if (bytes < chunkBytes) continue;
      yield encode(itemRecords, records, bytes);
      records = [];
      bytes = 0;
    }
    if (records.length > 0) yield encode(itemRecords, records, bytes);
  }

  import(chunk: Uint8Array): void {
    const nowMs = this.#node.runtime.now();
    for (const record of decode(itemRecords, chunk)) this.#merge(record, nowMs);
  }

  drop(region: Region): void {
    for (const item of [...this.#items.within(region)]) this.#items.remove(item);
  }

  // ---- Inside

  async #write(write: StoreWrite): Promise<void> {
    if (!namesFit(write.namespace, write.resourceId, write.instanceId)) {
      throw new OverlayError('refused', 'a name of the item is too long');
    }
    const key = resourceKey(write.namespace, write.resourceId);
    const bytes = recordBytes + ('value' in write ? write.value.length : 0);
    await this.#writes.write([{ first: key, last: key, chunk: encode(storeWrite, write, bytes) }]);
  }

  /** @throws OverlayError `refused` */
  #decide(
    write: StoreWrite,
    live: Item | undefined,
    nowMs: number,
  ): { value: Uint8Array | null; lifetimeLeftMs: number } {
    const { lifetimeMaxMs, valueBytesMax, tombstoneExtraMs } = this.#node.options;
    if (write.type === 'remove') {
      return { value: null, lifetimeLeftMs: live ? live.expiresAtMs - nowMs + tombstoneExtraMs : 0 };
    }
    const { lifetimeMs } = write;
    if (lifetimeMs > lifetimeMaxMs)
      throw new OverlayError('refused', `a lifetime of ${lifetimeMs} ms exceeds ${lifetimeMaxMs}`);
    const value = write.type === 'put' ? write.value : live?.value;
    if (!value) throw new OverlayError('refused', 'there is no such item to renew');
    if (value.length > valueBytesMax)
      throw new OverlayError('refused', `a value of ${value.length} bytes exceeds ${valueBytesMax}`);
    return { value, lifetimeLeftMs: lifetimeMs };
  }

  #merge(record: ItemRecord, nowMs: number): void {
    if (record.lifetimeLeftMs <= 0) return;
    // What was decoded is a view of a whole frame.
    const item = itemOf({ ...record, value: record.value && Uint8Array.from(record.value) }, nowMs);
    if (!this.#items.merge(item)) return;
    this.#expiry ??= this.#node.runtime.after(this.#node.options.expireEveryMs, () => this.#expire());
    if (item.value === null) return;
    for (const onItem of this.#watchers.get(item.namespace) ?? []) onItem(storedItem(item, nowMs));
  }

  #expire(): void {
    const nowMs = this.#node.runtime.now();
    for (const item of this.#items.all()) if (item.expiresAtMs <= nowMs) this.#items.remove(item);
    const { expireEveryMs } = this.#node.options;
    this.#expiry = this.#items.count > 0 ? this.#node.runtime.after(expireEveryMs, () => this.#expire()) : null;
  }

  /** Follows the owner, and holders that it names, until one has the items. */
  async #getPage(
    key: Key,
    what: Omit<GetRequest, 'asHolder'>,
  ): Promise<{ items: readonly ItemRecord[]; isLast: boolean }> {
    const { writeTimeoutMs, writeRetryMs, requestTimeoutMs } = this.#node.options;
    const deadlineMs = this.#node.runtime.now() + writeTimeoutMs;
    let failure: OverlayError | null = null;
    for (let attempt = 0; this.#node.runtime.now() < deadlineMs; attempt++) {
      try {
        const owner = attempt === 0 ? (this.#node.replicas(key, 1)[0] as Contact) : await this.#node.lookup(key);
        let reply = await this.#ask(owner, { ...what, asHolder: false }, requestTimeoutMs);
        if (reply.type === 'ask') reply = await this.#ask(reply.holder, { ...what, asHolder: true }, requestTimeoutMs);
        if (reply.type === 'items') return reply;
        if (reply.type === 'lost') failure = new OverlayError('unreachable', 'no copy of the item is known');
      } catch (error) {
        if (!(error instanceof OverlayError) || error.code === 'closed') throw error;
        failure = error;
      }
      await new Promise<void>((resolve) => this.#node.runtime.after(writeRetryMs, resolve));
    }
    throw failure ?? new OverlayError('timeout', 'nobody answered in time');
  }

  async #ask(to: Contact, request: GetRequest, timeoutMs: number): Promise<GetReply> {
    return decode(getReply, await this.#node.request(to, objectStoreApp, encode(getRequest, request), { timeoutMs }));
  }

  #answer({ namespace, resourceId, asHolder, after }: GetRequest): GetReply {
    const key = resourceKey(namespace, resourceId);
    if (!asHolder && !this.#node.owns(key)) return { type: 'moved' };
    if (!this.#node.holds(key)) {
      const holder = asHolder ? undefined : this.#node.holderOf(key);
      return holder ? { type: 'ask', holder } : { type: 'lost' };
    }
    const nowMs = this.#node.runtime.now();
    const found = [...this.#items.at(key)]
      .filter((item) => item.namespace === namespace && item.resourceId === resourceId && isLive(item, nowMs))
      .filter((item) => after === null || item.instanceId > after)
      .sort((a, b) => (a.instanceId < b.instanceId ? -1 : 1));
    let bytes = 0;
    let count = 0;
    while (count < found.length && bytes < this.#node.options.chunkBytes) {
      bytes += recordBytes + (found[count]?.value?.length ?? 0);
      count += 1;
    }
    const items = found.slice(0, count).map((item) => recordOf(item, nowMs));
    return { type: 'items', items, isLast: count === found.length };
  }
}

function storedItem(item: Item, nowMs: number): StoredItem {
  const { key, namespace, resourceId, instanceId, value } = item;
  return {
    key,
    namespace,
    resourceId,
    instanceId,
    value: value ?? new Uint8Array(0),
    lifetimeLeftMs: item.expiresAtMs - nowMs,
  };
}
