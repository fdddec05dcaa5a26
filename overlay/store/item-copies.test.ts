import { describe, expect, test } from 'vitest';
import { decode, encode } from '../codec.ts';
import { type OverlayOptions, overlayDefaults } from '../defaults.ts';
import { Journal } from '../journal.ts';
import type { Contact, Loss } from '../overlay.ts';
import { RegionSet, wholeRing } from '../region.ts';
import { contactOf } from '../testing/contacts.ts';
import { ManualRuntime } from '../testing/manual-runtime.ts';
import { someRecord } from '../testing/records.ts';
import { ItemCopies } from './item-copies.ts';
import { ItemServer } from './item-server.ts';
import { resourceKey } from './items.ts';
import {
  absent,
  type GetRequest,
  getReply,
  itemRecords,
  type StoreWrite,
  storeWrite,
  type Version,
  versionOf,
} from './messages.ts';
import type { StoredItem } from './stored-item.ts';

const lifetimeMs = 60_000;
const namespace = 'books';

class Node {
  readonly copies: ItemCopies;
  readonly runtime = new ManualRuntime();
  readonly self = contactOf(1);
  readonly options: OverlayOptions;
  readonly journal = new Journal(null, () => {});
  readonly logged: string[] = [];
  lossy: readonly Loss[] = [];
  gone: readonly Contact[] = [];
  #writes = 0n;

  constructor(options: Partial<OverlayOptions> = {}) {
    this.options = { ...overlayDefaults, ...options };
    this.copies = new ItemCopies(this);
  }

  log(level: string, message: string): void {
    this.logged.push(`${level}: ${message}`);
  }

  losses(): readonly Loss[] {
    return this.lossy;
  }

  missing(): readonly Contact[] {
    return this.gone;
  }

  /** Returns what the other copies are told. */
  put(
    resourceId: string,
    instanceId = '',
    text = 'text',
    expected: Version | null = null,
    forMs = lifetimeMs,
  ): Uint8Array {
    this.#writes += 1n;
    const version = versionOf(this.#writes);
    const value = Buffer.from(text);
    return this.accept({
      type: 'put',
      namespace,
      resourceId,
      instanceId,
      version,
      expected,
      guard: null,
      secret: null,
      value,
      lifetimeMs: forMs,
    });
  }

  accept(write: StoreWrite): Uint8Array {
    return this.copies.accept(resourceKey(write.namespace, write.resourceId), encode(storeWrite, write));
  }

  texts(): string[] {
    return [...this.copies.scan(namespace)].map(({ value }) => Buffer.from(value).toString()).sort();
  }
}

describe('copies of items', () => {
  test('call nothing absent that missing members may have', () => {
    const node = new Node();
    node.put('here');
    node.lossy = [{ region: wholeRing, atMs: 0 }];
    node.put('lost for good', '', 'text', absent);
    node.gone = [contactOf(2)];
    expect(() => node.put('other', '', 'text', absent)).toThrow(/only members that are missing know/);
    // What is here is not absent, and whoever does not care may write.
    expect(() => node.put('here', '', 'text', absent)).toThrow('the item is at');
    node.put('other');
    node.lossy = [];
    node.put('third', '', 'text', absent);
  });

  test('follow their owner, and are equal to one that is exported and imported in chunks', () => {
    const [owner, follower, newcomer] = [new Node({ chunkBytes: 1_000 }), new Node(), new Node()];
    for (let i = 0; i < 30; i++) follower.copies.import(owner.put(`r${i}`, '', `t${i}`));
    const remove = {
      namespace,
      resourceId: 'r7',
      instanceId: '',
      version: versionOf(99n),
      expected: null,
      secret: null,
    };
    follower.copies.import(owner.accept({ type: 'remove', ...remove }));
    const chunks = [...owner.copies.export([wholeRing])];
    expect(chunks.length).toBeGreaterThan(3);
    for (const chunk of chunks.reverse()) newcomer.copies.import(chunk);
    for (const { copies } of [follower, newcomer]) {
      expect(copies.digest(wholeRing, 0)).toEqual(owner.copies.digest(wholeRing, 0));
    }
    expect(newcomer.texts()).toEqual(owner.texts());
    expect(newcomer.texts()).not.toContain('t7');
  });

  test('tell those who watch of what is new, once, until they stop', () => {
    const [owner, follower] = [new Node(), new Node()];
    const seen: string[] = [];
    const stop = follower.copies.watch(namespace, ({ resourceId }: StoredItem) => seen.push(resourceId));
    const first = owner.put('r1');
    follower.copies.import(first);
    follower.copies.import(first);
    follower.copies.import(owner.put('r1', '', 'again'));
    stop();
    follower.copies.import(owner.put('r2'));
    expect(seen).toEqual(['r1', 'r1']);
  });

  test('are kept, and told to others, though a watcher fails', () => {
    const node = new Node();
    const seen: string[] = [];
    node.copies.watch(namespace, () => {
      throw new Error('mine');
    });
    node.copies.watch(namespace, ({ resourceId }) => seen.push(resourceId));
    node.put('r1');
    expect(node.texts()).toEqual(['text']);
    expect(seen).toEqual(['r1']);
    expect(node.logged).toEqual(['error: a watcher of items failed']);
  });

  test('keep no view of a frame, drop what lies in a region, and tell only of some keys if asked', () => {
    const node = new Node();
    const chunk = new Node().put('r1');
    node.copies.import(chunk);
    chunk.fill(0);
    node.put('r2', '', 'other');
    expect(node.texts()).toEqual(['other', 'text']);
    const key = resourceKey(namespace, 'r1');
    const place = { from: key, to: resourceKey(namespace, 'r2') };
    expect([...node.copies.scan(namespace, new RegionSet([place]))].map(({ key }) => key)).toEqual([key]);
    node.copies.drop(place);
    expect(node.texts()).toEqual(['other']);
  });

  test('expire, are forgotten a while later, and leave no timer behind', async () => {
    const node = new Node();
    node.put('r1');
    expect(node.runtime.pending).toBe(1);
    await node.runtime.pass(lifetimeMs);
    expect(node.texts()).toEqual([]);
    expect([...node.copies.at(resourceKey(namespace, 'r1'))]).toHaveLength(1);
    await node.runtime.pass(2 * node.options.expireEveryMs + 60_000);
    expect([...node.copies.at(resourceKey(namespace, 'r1'))]).toEqual([]);
    expect(node.runtime.pending).toBe(0);
  });

  test('outlive the end of an older version of theirs', async () => {
    const node = new Node();
    node.put('renewed');
    node.put('written again');
    await node.runtime.pass(lifetimeMs / 2);
    node.accept({ type: 'renew', namespace, resourceId: 'renewed', instanceId: '', lifetimeMs: 10 * lifetimeMs });
    node.put('written again', '', 'other', null, 10 * lifetimeMs);
    await node.runtime.pass(5 * lifetimeMs);
    expect(node.texts()).toEqual(['other', 'text']);
  });

  test('are forgotten by and by when many end at once', async () => {
    const node = new Node();
    for (let i = 0; i < 2_500; i++) node.put(`r${i}`);
    const left = (): number =>
      [...node.copies.export([wholeRing])].flatMap((chunk) => decode(itemRecords, chunk)).length;
    await node.runtime.pass(lifetimeMs);
    expect(left()).toBe(2_500);
    for (let i = 0; left() === 2_500 && i < 20; i++) await node.runtime.pass(node.options.expireEveryMs);
    const seen = [left()];
    for (let i = 0; i < 2; i++) {
      await node.runtime.pass(1);
      seen.push(left());
    }
    expect(seen).toEqual([1_500, 500, 0]);
    expect(node.runtime.pending).toBe(0);
  });

  test('take nothing that is not what it claims to be', () => {
    const node = new Node();
    const immutable = { namespace, resourceId: `sha256:${'0'.repeat(64)}`, instanceId: '' };
    node.copies.import(encode(itemRecords, [{ ...someRecord, ...immutable }]));
    expect(node.copies.counters.itemsRejected).toBe(1);
    const lost = { ...immutable, resourceId: 'r', type: 'renew' as const, lifetimeMs };
    expect(() => node.copies.accept(resourceKey(namespace, 'other'), encode(storeWrite, lost))).toThrow(
      expect.objectContaining({ code: 'refused' }),
    );
    expect([...node.copies.export([wholeRing])]).toEqual([]);
  });
});

describe('a reader', () => {
  const request: GetRequest = {
    namespace,
    resourceId: 'r',
    asHolder: false,
    instanceId: null,
    after: null,
    itemsMax: 100,
  };

  function serverOf(
    node: Node,
    { owns = true, holds = true, holder = undefined as typeof node.self | undefined } = {},
  ) {
    const { runtime, options } = node;
    const serving = { runtime, options, owns: () => owns, holds: () => holds, holderOf: () => holder };
    const server = new ItemServer(serving, node.copies);
    return (asked: Partial<GetRequest> = {}) => decode(getReply, server.answer({ ...request, ...asked }));
  }

  test('gets items by instance, page by page, each as large as asked for or as a chunk', () => {
    const node = new Node({ chunkBytes: 1_200 });
    for (const instance of ['c', 'a', 'e', 'b', 'd', 'f', 'g', 'h']) node.put('r', instance);
    node.put('other', 'x');
    const ask = serverOf(node);
    const page = (asked: Partial<GetRequest>) => {
      const reply = ask(asked);
      return reply.type === 'items' ? [reply.items.map(({ instanceId }) => instanceId).join(''), reply.isLast] : reply;
    };
    expect(page({ itemsMax: 3 })).toEqual(['abc', false]);
    expect(page({ itemsMax: 3, after: 'e' })).toEqual(['fgh', true]);
    expect(page({})).toEqual(['abcdefg', false]);
    expect(page({ instanceId: 'd' })).toEqual(['d', true]);
    expect(page({ instanceId: 'z' })).toEqual(['', true]);
  });

  test('is told who may have it where this node has not', () => {
    const node = new Node();
    const holder = contactOf(2);
    expect(serverOf(node, { owns: false })()).toEqual({ type: 'moved' });
    expect(serverOf(node, { owns: false })({ asHolder: true })).toEqual({ type: 'items', items: [], isLast: true });
    expect(serverOf(node, { holds: false, holder })()).toEqual({ type: 'ask', holder });
    expect(serverOf(node, { holds: false })()).toEqual({ type: 'lost' });
    // It was sent here by the owner: no further.
    expect(serverOf(node, { holds: false, holder })({ asHolder: true })).toEqual({ type: 'lost' });
  });
});
