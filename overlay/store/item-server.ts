import { encode } from '../codec.ts';
import type { OverlayNode } from '../node.ts';
import type { Key } from '../overlay.ts';
import { immutableOfHash } from './authenticity.ts';
import type { ItemCopies } from './item-copies.ts';
import { hasValue, readingOf, resourceKey, type ValuedItem } from './items.ts';
import { type GetRequest, getReply, recordBytes, type ValueRequest, valueReply } from './messages.ts';

type ServingNode = Pick<OverlayNode, 'runtime' | 'options' | 'owns' | 'holds' | 'holderOf'>;

/** Lets other members read items of this node's copies: the other end of `Reader` and of `ValueReader`. */
export class ItemServer {
  readonly #node: ServingNode;
  readonly #copies: ItemCopies;

  constructor(node: ServingNode, copies: ItemCopies) {
    this.#node = node;
    this.#copies = copies;
  }

  answer(request: GetRequest): Uint8Array {
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
  answerValue({ key, namespace, sha256 }: ValueRequest): Uint8Array {
    const value = this.#copies.value(key, namespace, immutableOfHash(sha256));
    return encode(valueReply, value, recordBytes + (value?.length ?? 0));
  }

  /** By instance. Also what its signer removed: the reader may have heard something older from another copy. */
  #asked(key: Key, { namespace, resourceId, instanceId, after }: GetRequest, nowMs: number): ValuedItem[] {
    const found: ValuedItem[] = [];
    for (const item of this.#copies.at(key)) {
      if (item.namespace !== namespace || item.resourceId !== resourceId) continue;
      if (instanceId !== null && item.instanceId !== instanceId) continue;
      if (after !== null && item.instanceId <= after) continue;
      if (hasValue(item) && item.expiresAtMs > nowMs) found.push(item);
    }
    return found.sort((a, b) => (a.instanceId < b.instanceId ? -1 : 1));
  }
}
