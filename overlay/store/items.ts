import { strict as assert } from 'node:assert';
import { hash } from 'node:crypto';
import { keyOf, zeroKey } from '../keys.ts';
import type { Digest, Key, Region } from '../overlay.ts';
import { SortedMap } from '../sorted-map.ts';
import { isSigned } from './authenticity.ts';
import { ItemDigests } from './item-digests.ts';
import type { ItemRecord, Reading } from './messages.ts';
import { readSigned, type Signed } from './signed.ts';

/** An item as it was left by one write, or the tombstone of a removed one. */
export interface Item extends Omit<ItemRecord, 'lifetimeLeftMs'> {
  readonly key: Key;
  /** By this node's clock. */
  readonly expiresAtMs: number;
  /** What its signer says, if its name is that of a key. */
  readonly signed: Signed | null;
  /** Of name and write: what different writes left differs. */
  readonly hash: bigint;
}

/** As much of an item as readers are told. */
export type ReadItem = Omit<Item, 'earlier' | 'shown' | 'endsAtMs' | 'hash'>;

/** Where the items of a resource live. */
export function resourceKey(namespace: string, resourceId: string): Key {
  return keyOf(`${namespace.length}:${namespace}${resourceId}`);
}

// Field by field, here and below: copying the rest of an object is slow.

export function itemOf(record: ItemRecord, nowMs: number): Item {
  const { namespace, resourceId, instanceId, value, version, earlier, guard, shown, writtenAtMs, writer, endsAtMs } =
    record;
  const name = JSON.stringify([namespace, resourceId, instanceId, writtenAtMs, writer]);
  const signed = signedIn(record);
  return {
    namespace,
    resourceId,
    instanceId,
    value,
    version,
    earlier,
    guard,
    shown,
    writtenAtMs,
    writer,
    endsAtMs,
    key: resourceKey(namespace, resourceId),
    expiresAtMs: expiryOf(record, signed, nowMs),
    signed,
    hash: hash('sha1', name, 'buffer').readBigUInt64LE(0),
  };
}

export function recordOf(item: Item, nowMs: number): ItemRecord {
  const { namespace, resourceId, instanceId, value, version, earlier, guard, shown, writtenAtMs, writer, endsAtMs } =
    item;
  return {
    namespace,
    resourceId,
    instanceId,
    value,
    version,
    earlier,
    guard,
    shown,
    writtenAtMs,
    writer,
    endsAtMs,
    lifetimeLeftMs: Math.max(0, item.expiresAtMs - nowMs),
  };
}

/** An item that was not removed, unless by its signer. */
export type ValuedItem = Item & { readonly value: Uint8Array };

export function hasValue(item: Item): item is ValuedItem {
  return item.value !== null;
}

/** What a copy tells a reader. */
export function readingOf(item: ValuedItem, nowMs: number): Reading {
  const { instanceId, value, version, guard, writtenAtMs, writer, expiresAtMs } = item;
  const lifetimeLeftMs = Math.max(0, expiresAtMs - nowMs);
  return { instanceId, value, version, guard, writtenAtMs, writer, lifetimeLeftMs };
}

/** @param place where it was read; `key` is its `resourceKey` */
export function readItemOf(
  reading: Reading,
  { key, namespace, resourceId }: Pick<Item, 'key' | 'namespace' | 'resourceId'>,
  nowMs: number,
): ReadItem {
  const { instanceId, value, version, guard, writtenAtMs, writer } = reading;
  const signed = signedIn(reading);
  const expiresAtMs = expiryOf(reading, signed, nowMs);
  return {
    key,
    namespace,
    resourceId,
    instanceId,
    value,
    version,
    guard,
    writtenAtMs,
    writer,
    expiresAtMs,
    signed,
  };
}

function signedIn(said: Pick<ItemRecord, 'instanceId' | 'value'>): Signed | null {
  return isSigned(said) && said.value ? readSigned(said.value) : null;
}

function expiryOf(
  { lifetimeLeftMs }: Pick<ItemRecord, 'lifetimeLeftMs'>,
  signed: Signed | null,
  nowMs: number,
): number {
  return Math.min(nowMs + lifetimeLeftMs, signed?.expiresAtMs ?? Number.POSITIVE_INFINITY);
}

export function isLive(item: Pick<Item, 'value' | 'signed' | 'expiresAtMs'>, nowMs: number): boolean {
  return item.value !== null && item.signed?.value !== null && item.expiresAtMs > nowMs;
}

/** Items in memory, found by key, by namespace and by region; none of it takes longer the more there are, but for logarithms. */
export class Items {
  readonly #changed: (item: Item, isThere: boolean) => void;
  readonly #byKey = new Map<Key, Map<string, Item>>();
  /** The same, for regions: to find a key here takes longer. */
  readonly #inOrder = new SortedMap<Key, Map<string, Item>>();
  readonly #byNamespace = new Map<string, Set<Item>>();
  #count = 0;
  readonly #digests = new ItemDigests();

  /** @param changed told of every item that came, perhaps in place of its older version, or went */
  constructor(changed: (item: Item, isThere: boolean) => void = () => {}) {
    this.#changed = changed;
  }

  get count(): number {
    return this.#count;
  }

  find(namespace: string, resourceId: string, instanceId: string): Item | undefined {
    return this.#byKey.get(resourceKey(namespace, resourceId))?.get(nameOf(namespace, resourceId, instanceId));
  }

  /** Keeps the item unless this or a newer version is there; returns whether it did. */
  merge(item: Item): boolean {
    const name = nameOf(item.namespace, item.resourceId, item.instanceId);
    let there = this.#byKey.get(item.key);
    if (!there) {
      there = new Map();
      this.#byKey.set(item.key, there);
      this.#inOrder.set(item.key, there);
    }
    const old = there.get(name);
    if (old && !isNewer(item, old)) return false;
    if (old) {
      this.#byNamespace.get(old.namespace)?.delete(old);
      this.#digests.remove(old);
    } else this.#count += 1;
    there.set(name, item);
    this.#digests.add(item);
    let namesakes = this.#byNamespace.get(item.namespace);
    if (!namesakes) {
      namesakes = new Set();
      this.#byNamespace.set(item.namespace, namesakes);
    }
    namesakes.add(item);
    this.#changed(item, true);
    return true;
  }

  remove(item: Item): void {
    const there = this.#byKey.get(item.key);
    const name = nameOf(item.namespace, item.resourceId, item.instanceId);
    // Under its name a newer version may be.
    if (there?.get(name) !== item) return;
    there.delete(name);
    this.#count -= 1;
    this.#digests.remove(item);
    if (there.size === 0) {
      this.#byKey.delete(item.key);
      this.#inOrder.delete(item.key);
    }
    const namesakes = this.#byNamespace.get(item.namespace);
    namesakes?.delete(item);
    if (namesakes?.size === 0) this.#byNamespace.delete(item.namespace);
    this.#changed(item, false);
  }

  at(key: Key): Iterable<Item> {
    return this.#byKey.get(key)?.values() ?? [];
  }

  in(namespace: string): Iterable<Item> {
    return this.#byNamespace.get(namespace) ?? [];
  }

  /** @see Replicated.digest */
  digest(region: Region, horizonMs: number): Digest {
    return this.#digests.digest(region, horizonMs);
  }

  /** Items of a region in ring order, as they are when reached: they may come and go between two steps. */
  *within({ from, to }: Region): Generator<Item> {
    if (from < to) yield* this.#between(from, to);
    else {
      yield* this.#between(from, null);
      yield* this.#between(zeroKey, to);
    }
  }

  checkInvariants(): void {
    const items = [...this.#byKey.values()].flatMap((there) => [...there.values()]);
    assert.equal(items.length, this.#count, 'items are counted');
    assert.deepEqual([...this.#inOrder.keys()], [...this.#byKey.keys()].sort(), 'all keys stand in order');
    for (const [key, there] of this.#inOrder.entries()) assert.equal(there, this.#byKey.get(key), 'with what is there');
    const named = [...this.#byNamespace.values()].flatMap((there) => [...there]);
    assert.deepEqual(new Set(named), new Set(items), 'all are found by namespace');
    assert(![...this.#byNamespace.values()].some((there) => there.size === 0), 'no namespace is empty');
  }

  *#between(from: Key, to: Key | null): Generator<Item> {
    let next = this.#inOrder.getPairOrNextHigher(from);
    while (next && (to === null || next[0] < to)) {
      const [key, there] = next;
      yield* there.values();
      next = this.#inOrder.nextHigherPair(key);
    }
  }
}

function nameOf(namespace: string, resourceId: string, instanceId: string): string {
  return `${namespace.length}:${namespace}${resourceId.length}:${resourceId}${instanceId}`;
}

type Written = Pick<Item, 'signed' | 'writtenAtMs' | 'writer'>;

/** Whether `a` was written after `b`, of which it takes the place. */
export function isNewer(a: Written, b: Written): boolean {
  // A signer's own order counts for more than that of the owners that took the statements.
  if (a.signed && b.signed && a.signed.sequence !== b.signed.sequence) return a.signed.sequence > b.signed.sequence;
  return a.writtenAtMs !== b.writtenAtMs ? a.writtenAtMs > b.writtenAtMs : a.writer > b.writer;
}
