import type { KeyObject } from 'node:crypto';
import { decode, encode } from '../codec.ts';
import { objectStoreApp, valuesApp, writesApp } from '../control.ts';
import { horizonOf } from '../expiry.ts';
import type { OverlayNode } from '../node.ts';
import { type Contact, type Digest, type Key, OverlayError, type Region } from '../overlay.ts';
import type { RegionSet } from '../region.ts';
import { ReplicatedWrites, type WritableStore } from '../replicated-writes.ts';
import type { Timer } from '../runtime.ts';
import { checkLifetime, checkSize, recordAfter, remembers } from './accept.ts';
import {
  flawOf,
  hashOfImmutable,
  immutableOfHash,
  immutableResource,
  isHashOfImmutable,
  isImmutable,
  mayFollow,
  signedInstance,
} from './authenticity.ts';
import { DiskItems } from './disk-items.ts';
import { FairShare, storedBytes } from './fair-share.ts';
import {
  hasValue,
  type Item,
  Items,
  isLive,
  isNewer,
  itemOf,
  type ReadItem,
  readingOf,
  recordOf,
  resourceKey,
  type ValuedItem,
} from './items.ts';
import {
  type GetRequest,
  type Guard,
  getReply,
  getRequest,
  type ItemRecord,
  isGuard,
  isVersion,
  itemRecords,
  itemsMax,
  nameFlaw,
  recordBytes,
  type StoreWrite,
  secretBytesMax,
  storeWrite,
  type ValueRequest,
  type Version,
  valueReply,
  valueRequest,
  versionOf,
} from './messages.ts';
import { Reader, type What } from './reader.ts';
import { publicKeyOf, type Statement, signStatement } from './signed.ts';
import { type StoredItem, storedItem } from './stored-item.ts';
import { ValueReader } from './value-reader.ts';

export interface WriteConditions {
  /**
   * Done only if this is the item's version at its owner: one that a reader saw, or `absent`. Of several such
   * writes to one version one succeeds, the others fail with `conflict`.
   *
   * Best effort: an owner decides by its own copy. Two may succeed while a partition gives the item two owners, and an
   * acknowledged one may be undone if a node becomes owner without a copy (every replica failed within one repair
   * period) or while members disagree on who the owner is.
   */
  readonly expected?: Version;
  /** What an item that was put with a `guard` asks for. From now on it is known to the nodes that keep the item. */
  readonly secret?: string;
}

export interface PutOptions extends WriteConditions {
  /** SHA-256 of a secret (see `guardOf`): whoever replaces or removes the item must show it. */
  readonly guard?: Guard;
}

export interface PageOptions {
  /** At least 1. */
  readonly itemsMax: number;
  /** Where the page before ended: its `next`. */
  readonly after?: string | null;
}

export interface Page {
  readonly items: readonly StoredItem[];
  /** Asks for what follows; null after the last item. Means something for this resource only. */
  readonly next: string | null;
}

export interface StoreCounters {
  /** Items that other members sent and that were not what they claimed to be. */
  itemsRejected: number;
}

/**
 * Soft state in the ring: PIER's provider with OpenDHT's removes. Every item lives at the owner of
 * `hash(namespace, resourceId)` and at its replicas until its lifetime is over or it is removed.
 *
 * Removes are kept as tombstones for as long as what they removed would have lived, so no late copy
 * brings it back. Of two versions the one written later at an owner wins. Items that certify themselves, immutable and
 * signed ones, are verified by the owner, by every copy that receives them, and by the reader.
 * @see Huebsch et al., "The Architecture of PIER", 2005; Rhea et al., "OpenDHT", 2005
 */
export class ObjectStore implements WritableStore {
  readonly #node: OverlayNode;
  readonly #writes: ReplicatedWrites;
  readonly counters: StoreCounters = { itemsRejected: 0 };
  readonly #reader: Reader;
  readonly #values: ValueReader;
  readonly #items = new Items((item, isThere) => this.#onDisk.changed(item, isThere));
  readonly #onDisk: DiskItems;
  /** Null when storage is not limited. */
  readonly #share: FairShare | null;
  readonly #watchers = new Map<string, Set<(item: StoredItem) => void>>();
  #expiry: Timer | null = null;

  /** At most one a node, built before the node enters the ring. */
  constructor(node: OverlayNode) {
    this.#node = node;
    this.#onDisk = new DiskItems(node.journal, () => node.runtime.now());
    this.#writes = new ReplicatedWrites(node, writesApp, this);
    this.#reader = new Reader(node);
    this.#values = new ValueReader(node);
    const isLimited = Number.isFinite(node.options.storageBytesMax);
    this.#share = isLimited ? new FairShare(node.runtime, node.options) : null;
    node.register(objectStoreApp, {
      answer: (_from, payload) => this.#answer(decode(getRequest, payload)),
    });
    node.register(valuesApp, {
      read: (_from, payload) => this.#answerValue(decode(valueRequest, payload)),
    });
  }

  // ---- For any node

  /**
   * Stores an item at all its replicas, in place of an older one with the same three names. A put whose
   * acknowledgement is lost on the way is repeated, and takes effect once.
   * @returns its version from now on
   * @throws OverlayError `refused` for names, value or lifetime beyond the limits or a secret not shown, `conflict` when the item is not as
   *   expected, `timeout` when some copy stays silent: the put may or may not have been done
   */
  async put(
    namespace: string,
    resourceId: string,
    instanceId: string,
    value: Uint8Array,
    lifetimeMs: number,
    { expected, guard, secret }: PutOptions = {},
  ): Promise<Version> {
    const version = this.#newVersion();
    await this.#write({
      type: 'put',
      namespace,
      resourceId,
      instanceId,
      version,
      expected: expected ?? null,
      guard: guard ?? null,
      secret: secret ?? null,
      value,
      lifetimeMs,
    });
    return version;
  }

  /**
   * Prolongs an item's life; false when there is no such item. Anybody may; a guarded or immutable one is never
   * shortened, a signed one has to be signed anew.
   * @throws OverlayError `refused`, `timeout`
   */
  async renew(namespace: string, resourceId: string, instanceId: string, lifetimeMs: number): Promise<boolean> {
    try {
      await this.#write({ type: 'renew', namespace, resourceId, instanceId, lifetimeMs });
      return true;
    } catch (error) {
      if (error instanceof OverlayError && error.code === 'conflict') return false;
      throw error;
    }
  }

  /**
   * Removes an item from all its replicas, if it is there.
   * @throws OverlayError `refused` without its secret, `conflict`, `timeout`: see `put`
   */
  async remove(
    namespace: string,
    resourceId: string,
    instanceId: string,
    { expected, secret }: WriteConditions = {},
  ): Promise<void> {
    const name = { namespace, resourceId, instanceId };
    const version = this.#newVersion();
    await this.#write({ type: 'remove', ...name, version, expected: expected ?? null, secret: secret ?? null });
  }

  /**
   * All items of a resource, by instance.
   * @throws OverlayError `unreachable` while no copy is known, `timeout` when nobody answers
   */
  async get(namespace: string, resourceId: string): Promise<StoredItem[]> {
    const items: StoredItem[] = [];
    let after: string | null = null;
    do {
      const page: Page = await this.getPage(namespace, resourceId, { itemsMax, after });
      items.push(...page.items);
      after = page.next;
    } while (after !== null);
    return items;
  }

  /**
   * Some items of a resource, in order of their instance ids: whatever is there from the first page to the last is
   * on one of them exactly once, whatever else comes and goes meanwhile. A page may have fewer than `itemsMax`.
   * @throws OverlayError like `get`; `refused` when `after` is no `next` of a page
   */
  async getPage(namespace: string, resourceId: string, { itemsMax: max, after = null }: PageOptions): Promise<Page> {
    if (nameFlaw({ namespace, resourceId, instanceId: '' }) !== null) return { items: [], next: null };
    if (!(Number.isInteger(max) && max >= 1)) throw new OverlayError('refused', `${max} items make no page`);
    const found = await this.#reader.read({
      key: resourceKey(namespace, resourceId),
      namespace,
      resourceId,
      instanceId: null,
      after: after === null ? null : instanceOf(after),
      itemsMax: Math.min(max, itemsMax),
    });
    const nowMs = this.#node.runtime.now();
    const last = found.items.at(-1);
    const next = found.isLast || !last ? null : tokenAfter(last.instanceId);
    return { items: found.items.filter((item) => isLive(item, nowMs)).map((item) => storedItem(item, nowMs)), next };
  }

  /** One item; null when it is not there. @throws OverlayError like `get` */
  async getInstance(namespace: string, resourceId: string, instanceId: string): Promise<StoredItem | null> {
    const { items } = await this.#reader.read(only(namespace, resourceId, instanceId));
    const nowMs = this.#node.runtime.now();
    const item = items.find((one) => isLive(one, nowMs));
    return item ? storedItem(item, nowMs) : null;
  }

  // ---- Items that certify themselves

  /**
   * Stores a value under its own SHA-256; again: prolongs its life. It cannot be removed, it expires.
   * @returns the resource by which it is read
   * @throws OverlayError like `put`
   */
  async putImmutable(namespace: string, value: Uint8Array, lifetimeMs: number): Promise<string> {
    const resourceId = immutableResource(value);
    await this.put(namespace, resourceId, '', value, lifetimeMs);
    return resourceId;
  }

  /**
   * What was put as immutable, not to be changed; null when no copy that answers has it.
   * @throws OverlayError like `get`
   */
  async getImmutable(namespace: string, resourceId: string): Promise<Uint8Array | null> {
    const what = only(namespace, resourceId, '');
    if (isHashOfImmutable(resourceId)) {
      // Nobody could have anything newer than this node's own copy.
      const own = this.#value(what.key, namespace, resourceId);
      if (own) return new Uint8Array(own);
      const sha256 = hashOfImmutable(resourceId);
      const value = await this.#values.read({ key: what.key, namespace, sha256 });
      if (value) return value;
    }
    // Perhaps a copy is elsewhere than this node's table says.
    const [item] = (await this.#reader.read(what)).items;
    return item?.value ?? null;
  }

  /**
   * Stores what the holder of an Ed25519 key says of a resource, in place of what it said before. A null value
   * removes it; that should expire no earlier than what it removes, which could be played back otherwise.
   * @throws OverlayError like `put`; `conflict` when the key has signed this sequence or a higher one
   */
  async putSigned(namespace: string, resourceId: string, said: Statement, privateKey: KeyObject): Promise<void> {
    const name = { namespace, resourceId, instanceId: signedInstance(publicKeyOf(privateKey)) };
    const lifetimeMs = said.expiresAtMs - this.#node.runtime.now();
    const { valueBytesMax } = this.#node.options;
    checkSize(said.value?.length ?? 0, { valueBytesMax });
    const value = signStatement(name, said, privateKey);
    await this.put(namespace, resourceId, name.instanceId, value, lifetimeMs);
  }

  /**
   * The latest that the holder of a key said of a resource, of all copies that answer.
   * @param publicKey raw Ed25519 public key, see `publicKeyOf`
   * @throws OverlayError like `get`
   */
  async getSigned(namespace: string, resourceId: string, publicKey: Uint8Array): Promise<StoredItem | null> {
    const what = only(namespace, resourceId, signedInstance(publicKey));
    const items = await this.#reader.readEverywhere(what);
    const latest = items.reduce<ReadItem | null>((best, item) => (best && !isNewer(item, best) ? best : item), null);
    const nowMs = this.#node.runtime.now();
    return latest && isLive(latest, nowMs) ? storedItem(latest, nowMs) : null;
  }

  // ---- For this node alone

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
    const record = recordAfter(write, old, { writer: this.#node.self.id, nowMs }, this.#node.options);
    this.#keep(ownItem(record, nowMs), nowMs);
    return encode(itemRecords, [record], recordBytes + (record.value?.length ?? 0));
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

  async #write(write: StoreWrite): Promise<void> {
    const flaw = nameFlaw(write);
    if (flaw !== null) throw new OverlayError('refused', flaw);
    if (write.type !== 'remove') checkLifetime(write.lifetimeMs, this.#node.options);
    if (write.type === 'put') checkSize(write.value.length, this.#node.options);
    if (write.type !== 'renew') checkConditions(write);
    const key = resourceKey(write.namespace, write.resourceId);
    const bytes = recordBytes + ('value' in write ? write.value.length : 0);
    await this.#writes.write([{ first: key, last: key, chunk: encode(storeWrite, write, bytes) }]);
  }

  #newVersion(): Version {
    const half = (): bigint => BigInt(Math.floor(this.#node.runtime.random() * 2 ** 32));
    return versionOf((half() << 32n) | half() | 1n);
  }

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
    if (item.expiresAtMs > nowMs) this.#share?.keep(item, old);
    else if (old) this.#share?.forget(old);
    this.#expiry ??= this.#node.runtime.after(this.#node.options.expireEveryMs, () => this.#expire());
    if (!isLive(item, nowMs)) return;
    for (const onItem of this.#watchers.get(item.namespace) ?? []) onItem(storedItem(item, nowMs));
  }

  #remove(item: Item): void {
    this.#items.remove(item);
    this.#share?.forget(item);
  }

  #expire(): void {
    const nowMs = this.#node.runtime.now();
    for (const item of this.#items.all()) {
      if (isForgotten(item, nowMs)) this.#remove(item);
      else if (item.expiresAtMs <= nowMs) this.#share?.forget(item);
    }
    const { expireEveryMs } = this.#node.options;
    this.#expiry = this.#items.count > 0 ? this.#node.runtime.after(expireEveryMs, () => this.#expire()) : null;
  }

  #answer(request: GetRequest): Uint8Array {
    const { namespace, resourceId, asHolder } = request;
    const key = resourceKey(namespace, resourceId);
    if (!asHolder && !this.#node.owns(key)) return encode(getReply, { type: 'moved' });
    if (!this.#node.holds(key)) {
      const holder = asHolder ? undefined : this.#node.holderOf(key);
      return encode(getReply, holder ? { type: 'ask', holder } : { type: 'lost' });
    }
    const nowMs = this.#node.runtime.now();
    const found = this.#asked(key, request, nowMs);
    let bytes = 0;
    let count = 0;
    while (count < Math.min(found.length, request.itemsMax) && bytes < this.#node.options.chunkBytes) {
      bytes += recordBytes + (found[count]?.value.length ?? 0);
      count += 1;
    }
    const items = found.slice(0, count).map((item) => readingOf(item, nowMs));
    return encode(getReply, { type: 'items', items, isLast: count === found.length }, recordBytes + bytes);
  }

  /** Also from a copy that is not complete: the value proves itself. */
  #answerValue({ key, namespace, sha256 }: ValueRequest): Uint8Array {
    const value = this.#value(key, namespace, immutableOfHash(sha256));
    return encode(valueReply, value, recordBytes + (value?.length ?? 0));
  }

  /** Of a live immutable item in this node's copies. */
  #value(key: Key, namespace: string, resourceId: string): Uint8Array | null {
    // There is one at most, found more quickly than by its whole name.
    const [item] = this.#items.at(key);
    if (!item || item.resourceId !== resourceId || item.namespace !== namespace) return null;
    return isLive(item, this.#node.runtime.now()) ? item.value : null;
  }

  /** By instance. Also what its signer removed: the reader may have heard something older from another copy. */
  #asked(key: Key, { namespace, resourceId, instanceId, after }: GetRequest, nowMs: number): ValuedItem[] {
    const found: ValuedItem[] = [];
    for (const item of this.#items.at(key)) {
      if (item.namespace !== namespace || item.resourceId !== resourceId) continue;
      if (instanceId !== null && item.instanceId !== instanceId) continue;
      if (after !== null && item.instanceId <= after) continue;
      if (hasValue(item) && item.expiresAtMs > nowMs) found.push(item);
    }
    return found.sort((a, b) => (a.instanceId < b.instanceId ? -1 : 1));
  }
}

/** Beyond this a writer's clock is simply wrong. */
const clocksDifferMsMax = 3_600_000;

/** Expired, and for so long that it is part of no digest any more; a writer's word on that does not count for ever. */
function isForgotten({ expiresAtMs, endsAtMs }: Item, nowMs: number): boolean {
  return expiresAtMs <= nowMs && (endsAtMs <= horizonOf(nowMs) || expiresAtMs <= nowMs - clocksDifferMsMax);
}

/** What was decoded is a view of a whole frame; what is kept is not. */
function ownItem(record: ItemRecord, nowMs: number): Item {
  return itemOf({ ...record, value: record.value && Uint8Array.from(record.value) }, nowMs);
}

function only(namespace: string, resourceId: string, instanceId: string): What {
  return { key: resourceKey(namespace, resourceId), namespace, resourceId, instanceId, after: null, itemsMax: 1 };
}

function tokenAfter(instanceId: string): string {
  return Buffer.from(instanceId).toString('base64url');
}

/** @throws OverlayError `refused` */
function instanceOf(token: string): string {
  const instanceId = Buffer.from(token, 'base64url').toString();
  if (tokenAfter(instanceId) !== token || nameFlaw({ namespace: '', resourceId: '', instanceId }) !== null) {
    throw new OverlayError('refused', `"${token}" is not where a page ended`);
  }
  return instanceId;
}

/** @throws OverlayError `refused` */
function checkConditions(write: Exclude<StoreWrite, { type: 'renew' }>): void {
  const { expected, secret } = write;
  if (expected !== null && !isVersion(expected)) {
    throw new OverlayError('refused', `"${expected}" is no version of an item`);
  }
  if (write.type === 'put' && write.guard !== null && !isGuard(write.guard)) {
    throw new OverlayError('refused', 'a guard is the SHA-256 of a secret: 64 hexadecimal digits');
  }
  if (secret !== null && Buffer.byteLength(secret) > secretBytesMax) {
    throw new OverlayError('refused', `a secret exceeds ${secretBytesMax} bytes`);
  }
}
