import type { KeyObject } from 'node:crypto';
import { decode } from '../codec.ts';
import { objectStoreApp, valuesApp } from '../control.ts';
import type { OverlayNode } from '../node.ts';
import { OverlayError } from '../overlay.ts';
import type { RegionSet } from '../region.ts';
import { checkSize } from './accept.ts';
import { checkBytes, checkFlag, checkFunction, checkOptions, checkSigning } from './arguments.ts';
import { hashOfImmutable, immutableResource, isHashOfImmutable, signedInstance } from './authenticity.ts';
import { ItemCopies, type StoreCounters } from './item-copies.ts';
import { ItemServer } from './item-server.ts';
import { isLive, isNewer, type ReadItem, resourceKey } from './items.ts';
import { type Guard, getRequest, itemsMax, nameFlaw, type Version, valueRequest } from './messages.ts';
import { instanceOf, type Page, type PageOptions, tokenAfter } from './pages.ts';
import { Reader, type What } from './reader.ts';
import { publicKeyOf, type Statement, signStatement } from './signed.ts';
import { type StoredItem, storedItem } from './stored-item.ts';
import { ValueReader } from './value-reader.ts';
import { Writer } from './writer.ts';

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

export interface RenewOptions {
  /**
   * Soft state: this writer puts or renews it again before long. A node whose disk has failed takes it all the same, in
   * memory, so that it goes on being known. False when absent.
   */
  readonly isSoft?: boolean;
}

export interface PutOptions extends WriteConditions, RenewOptions {
  /** SHA-256 of a secret (see `guardOf`): whoever replaces or removes the item must show it. */
  readonly guard?: Guard;
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
export class ObjectStore {
  readonly #node: OverlayNode;
  readonly #copies: ItemCopies;
  readonly #writer: Writer;
  readonly #reader: Reader;
  readonly #values: ValueReader;

  /** At most one a node, built before the node enters the ring. */
  constructor(node: OverlayNode) {
    this.#node = node;
    this.#copies = new ItemCopies(node);
    this.#writer = new Writer(node, this.#copies);
    this.#reader = new Reader(node);
    this.#values = new ValueReader(node);
    const server = new ItemServer(node, this.#copies);
    node.register(objectStoreApp, { answer: (_from, payload) => server.answer(decode(getRequest, payload)) });
    node.register(valuesApp, { read: (_from, payload) => server.answerValue(decode(valueRequest, payload)) });
  }

  get counters(): StoreCounters {
    return this.#copies.counters;
  }

  // ---- For any node

  /**
   * Stores an item at all its replicas, in place of an older one with the same three names. A put whose
   * acknowledgement is lost on the way is repeated, and takes effect once.
   * @returns its version from now on
   * @throws OverlayError `refused` for names, value or lifetime beyond the limits or a secret not shown, `full` when there
   *   is no room for it, `conflict` when the item is not as expected, `timeout` when some copy stays silent. A disk that
   *   has failed is `refused`, or `full` if it was: after that, as after `timeout`, the put may or may not have been done
   */
  async put(
    namespace: string,
    resourceId: string,
    instanceId: string,
    value: Uint8Array,
    lifetimeMs: number,
    options: PutOptions = {},
  ): Promise<Version> {
    checkOptions(options, ['expected', 'guard', 'secret', 'isSoft']);
    const { expected, guard, secret, isSoft = false } = options;
    checkFlag('isSoft', isSoft);
    const version = this.#writer.newVersion();
    const put = {
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
    } as const;
    await this.#writer.write(put, { isSoft });
    return version;
  }

  /**
   * Prolongs an item's life; false when there is no such item. Anybody may; a guarded or immutable one is never
   * shortened, a signed one has to be signed anew.
   * @throws OverlayError `refused`, `full`, `timeout`: see `put`
   */
  async renew(
    namespace: string,
    resourceId: string,
    instanceId: string,
    lifetimeMs: number,
    options: RenewOptions = {},
  ): Promise<boolean> {
    checkOptions(options, ['isSoft']);
    const { isSoft = false } = options;
    checkFlag('isSoft', isSoft);
    try {
      await this.#writer.write({ type: 'renew', namespace, resourceId, instanceId, lifetimeMs }, { isSoft });
      return true;
    } catch (error) {
      if (error instanceof OverlayError && error.code === 'conflict') return false;
      throw error;
    }
  }

  /**
   * Removes an item from all its replicas, if it is there.
   * @throws OverlayError `refused` without its secret, `full` when a disk is full, `conflict`, `timeout`: see `put`
   */
  async remove(
    namespace: string,
    resourceId: string,
    instanceId: string,
    options: WriteConditions = {},
  ): Promise<void> {
    checkOptions(options, ['expected', 'secret']);
    const { expected, secret } = options;
    const name = { namespace, resourceId, instanceId };
    const version = this.#writer.newVersion();
    await this.#writer.write({ type: 'remove', ...name, version, expected: expected ?? null, secret: secret ?? null });
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
  async getPage(namespace: string, resourceId: string, options: PageOptions): Promise<Page> {
    checkOptions(options, ['itemsMax', 'after']);
    const { itemsMax: max, after = null } = options;
    if (nameFlaw({ namespace, resourceId, instanceId: '' }) !== null) return { items: [], next: null };
    if (!(Number.isInteger(max) && max >= 1)) {
      throw new OverlayError('refused', `the items of a page are a number of at least 1, not ${String(max)}`);
    }
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
    if (nameFlaw({ namespace, resourceId, instanceId }) !== null) return null;
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
    checkBytes(value);
    const resourceId = immutableResource(value);
    await this.put(namespace, resourceId, '', value, lifetimeMs);
    return resourceId;
  }

  /**
   * What was put as immutable, not to be changed; null when no copy that answers has it.
   * @throws OverlayError like `get`
   */
  async getImmutable(namespace: string, resourceId: string): Promise<Uint8Array | null> {
    if (nameFlaw({ namespace, resourceId, instanceId: '' }) !== null) return null;
    const what = only(namespace, resourceId, '');
    if (isHashOfImmutable(resourceId)) {
      // Nobody could have anything newer than this node's own copy.
      const own = this.#copies.value(what.key, namespace, resourceId);
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
    checkSigning(said, privateKey);
    const name = { namespace, resourceId, instanceId: signedInstance(publicKeyOf(privateKey)) };
    const lifetimeMs = said.expiresAtMs - this.#node.runtime.now();
    if (lifetimeMs <= 0) throw new OverlayError('refused', 'what was signed has expired');
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
    if (nameFlaw({ namespace, resourceId, instanceId: '' }) !== null) return null;
    const what = only(namespace, resourceId, signedInstance(publicKey));
    const items = await this.#reader.readEverywhere(what);
    const latest = items.reduce<ReadItem | null>((best, item) => (best && !isNewer(item, best) ? best : item), null);
    const nowMs = this.#node.runtime.now();
    return latest && isLive(latest, nowMs) ? storedItem(latest, nowMs) : null;
  }

  // ---- For this node alone

  /**
   * Items in this node's copies, other than expired ones, perhaps only those of some keys. Their values are the copies
   * themselves, not to be changed.
   */
  scan(namespace: string, keys?: RegionSet): Generator<StoredItem> {
    return this.#copies.scan(namespace, keys);
  }

  /**
   * Tells of every item, and every new version, that reaches this node's copies. Returns the way to stop. What `onItem`
   * throws is logged, and no writer hears of it.
   */
  watch(namespace: string, onItem: (item: StoredItem) => void): () => void {
    checkFunction(onItem);
    return this.#copies.watch(namespace, onItem);
  }
}

function only(namespace: string, resourceId: string, instanceId: string): What {
  return { key: resourceKey(namespace, resourceId), namespace, resourceId, instanceId, after: null, itemsMax: 1 };
}
