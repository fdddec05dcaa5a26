import { encode } from '../codec.ts';
import { objectStoreApp } from '../control.ts';
import type { OverlayNode } from '../node.ts';
import { type Contact, type Key, OverlayError } from '../overlay.ts';
import { flawOf } from './authenticity.ts';
import { type ReadItem, readItemOf } from './items.ts';
import { type GetReply, type GetRequest, getReply, getRequest, type Reading } from './messages.ts';

export interface What extends Omit<GetRequest, 'asHolder'> {
  /** Of the resource. */
  readonly key: Key;
}

/** Live items as one copy has them, by instance. */
export interface Found {
  readonly items: readonly ReadItem[];
  readonly isLast: boolean;
}

/** A node's way to items that are kept elsewhere. It believes nothing that it can check. */
export class Reader {
  readonly #node: OverlayNode;

  constructor(node: OverlayNode) {
    this.#node = node;
  }

  /**
   * From the owner, or a holder that it names; if their copy is not genuine, from another.
   * @throws OverlayError `unreachable` while no genuine copy is known, `timeout` when nobody answers
   */
  async read(what: What): Promise<Found> {
    const { writeTimeoutMs, writeRetryMs } = this.#node.options;
    const { key } = what;
    const deadlineMs = this.#node.runtime.now() + writeTimeoutMs;
    const liars = new Set<Key>();
    let failure: OverlayError | null = null;
    for (let attempt = 0; this.#node.runtime.now() < deadlineMs; attempt++) {
      try {
        const owner = attempt === 0 ? (this.#node.replicas(key, 1)[0] as Contact) : await this.#node.lookup(key);
        const found = liars.has(owner.id)
          ? await this.#fromAnother(what, liars)
          : await this.#fromOwner(owner, what, liars);
        if (found) return found;
        failure = new OverlayError('unreachable', 'no genuine copy of the item is known');
      } catch (error) {
        if (!(error instanceof OverlayError) || error.code === 'closed') throw error;
        failure = error;
      }
      await new Promise<void>((resolve) => this.#node.runtime.after(writeRetryMs, resolve));
    }
    throw failure ?? new OverlayError('timeout', 'nobody answered in time');
  }

  /** From every copy that answers, for items that prove themselves: one honest copy is enough. @throws like `read` */
  async readEverywhere(what: What): Promise<readonly ReadItem[]> {
    const copies = this.#node.replicas(what.key, this.#node.options.replicas);
    const found = await Promise.all(copies.map((copy) => this.#ask(copy, what, true).catch(() => null)));
    const items = found.flatMap((one) => (one?.type === 'items' ? (this.#genuine(one, what)?.items ?? []) : []));
    return items.length > 0 ? items : (await this.read(what)).items;
  }

  /** Null when there is no genuine copy there or where the owner points. Whoever lied is remembered. */
  async #fromOwner(owner: Contact, what: What, liars: Set<Key>): Promise<Found | null> {
    let source = owner;
    let reply = await this.#ask(owner, what, false);
    if (reply.type === 'ask') {
      source = reply.holder;
      reply = await this.#ask(source, what, true);
    }
    if (reply.type !== 'items') return null;
    const found = this.#genuine(reply, what);
    if (!found) for (const liar of [owner, source]) liars.add(liar.id);
    return found;
  }

  async #fromAnother(what: What, liars: Set<Key>): Promise<Found | null> {
    for (const copy of this.#node.replicas(what.key, this.#node.options.replicas)) {
      if (liars.has(copy.id)) continue;
      const reply = await this.#ask(copy, what, true).catch(() => null);
      const found = reply?.type === 'items' ? this.#genuine(reply, what) : null;
      if (found) return found;
    }
    liars.clear();
    return null;
  }

  #genuine(reply: Extract<GetReply, { type: 'items' }>, what: What): Found | null {
    const { namespace, resourceId, instanceId, after } = what;
    const isGenuine = (reading: Reading, i: number): boolean => {
      const before = i === 0 ? after : (reply.items[i - 1]?.instanceId ?? null);
      const isNext = before === null || reading.instanceId > before;
      const isAsked = instanceId === null || reading.instanceId === instanceId;
      const { value, guard } = reading;
      return (
        isAsked && isNext && flawOf({ namespace, resourceId, instanceId: reading.instanceId, value, guard }) === null
      );
    };
    if (!reply.items.every(isGenuine)) return null;
    const nowMs = this.#node.runtime.now();
    return { items: reply.items.map((reading) => readItemOf(reading, what, nowMs)), isLast: reply.isLast };
  }

  #ask(to: Contact, what: What, asHolder: boolean): Promise<GetReply> {
    const { requestTimeoutMs } = this.#node.options;
    const { namespace, resourceId, instanceId, after, itemsMax } = what;
    const request = encode(getRequest, { namespace, resourceId, asHolder, instanceId, after, itemsMax });
    return this.#node.ask(to, objectStoreApp, request, getReply, { timeoutMs: requestTimeoutMs });
  }
}
