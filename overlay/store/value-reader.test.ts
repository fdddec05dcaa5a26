import { hash } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Codec } from '../codec.ts';
import { overlayDefaults } from '../defaults.ts';
import { keyOf } from '../keys.ts';
import { type AppId, type Contact, type Key, OverlayError, type RequestOptions } from '../overlay.ts';
import { contactOf, contactsOf } from '../testing/contacts.ts';
import { ManualRuntime } from '../testing/manual-runtime.ts';
import { type ReadingNode, ValueReader } from './value-reader.ts';

const value = Buffer.from('a value');
const what = { key: keyOf('resource'), namespace: 'n', sha256: hash('sha256', value, 'hex') };
/** More than anybody is waited for, and less than a request may take. */
const longMs = 1_000;

/** What a copy does with a question. */
type Manner = Uint8Array | null | OverlayError | 'silent';

/** A node whose questions copies answer, usually after a millisecond. */
class Asking implements ReadingNode {
  readonly runtime = new ManualRuntime();
  readonly options = { ...overlayDefaults };
  readonly self = contactOf(0);
  readonly copies = contactsOf(3, 1);
  delayMs = 1;
  readonly manners = new Map<Key, Manner>();
  readonly suspects = new Set<Key>();
  /** In the order in which they were asked. */
  readonly asked: Contact[] = [];
  /** For each question, the latest first: whether its answer is still of use. */
  readonly wanted: (() => boolean)[] = [];

  replicas(): readonly Contact[] {
    return this.copies;
  }

  isSuspect(id: Key): boolean {
    return this.suspects.has(id);
  }

  ask<T>(to: Contact, _app: AppId, _payload: Uint8Array, _answer: Codec<T>, options: RequestOptions): Promise<T> {
    this.asked.push(to);
    if (options.isWanted) this.wanted.unshift(options.isWanted);
    const manner = this.manners.has(to.id) ? (this.manners.get(to.id) as Manner) : value;
    return new Promise((resolve, reject) => {
      if (manner === 'silent') return;
      this.runtime.after(this.delayMs, () => {
        if (manner instanceof OverlayError) reject(manner);
        else resolve(manner as T);
      });
    });
  }

  /** Has all copies but some do the same. */
  everybody(manner: Manner, but: readonly Contact[] = []): void {
    for (const copy of this.copies) if (!but.includes(copy)) this.manners.set(copy.id, manner);
  }
}

describe('a value', () => {
  let node: Asking;
  let reader: ValueReader;
  beforeEach(() => {
    node = new Asking();
    reader = new ValueReader(node);
  });

  async function read(forMs = longMs): Promise<Uint8Array | null | undefined> {
    let found: Uint8Array | null | undefined;
    const reading = reader.read(what).then((one) => {
      found = one;
    });
    await node.runtime.pass(forMs);
    if (found !== undefined) await reading;
    return found;
  }

  test('comes from one copy, and from the same one again', async () => {
    expect(await read()).toBe(value);
    expect(await read()).toBe(value);
    expect(node.asked).toEqual([node.copies[0], node.copies[0]]);
    expect(reader.counters.hedges).toBe(0);
  });

  test('that the first copy is silent about comes from a second one', async () => {
    await read();
    node.manners.set((node.copies[0] as Contact).id, 'silent');
    const reading = read(10);
    expect(node.wanted[0]?.()).toBe(true);
    expect(await reading).toBe(value);
    expect(node.asked).toHaveLength(3);
    expect(reader.counters.hedges).toBe(1);
    expect(node.wanted.map((isWanted) => isWanted())).toEqual([false, false, false]);
  });

  test('is never believed of who lies, nor of who has none or fails', async () => {
    const [first, second, third] = node.copies as [Contact, Contact, Contact];
    node.manners.set(first.id, Buffer.from('another'));
    node.manners.set(second.id, null);
    expect(await read()).toBe(value);
    expect(new Set(node.asked)).toEqual(new Set(node.copies));
    expect(await read()).toBe(value);
    expect(node.asked.slice(3)).toEqual([third]);
    node.manners.set(third.id, new OverlayError('unreachable', 'gone'));
    expect(await read()).toBeNull();
    node.everybody(Buffer.from('another'));
    expect(await read()).toBeNull();
  });

  test('is asked next time of another copy than one that had none', async () => {
    const [first, second, third] = node.copies as [Contact, Contact, Contact];
    node.manners.set(first.id, null);
    node.copies.splice(0, 3, first, second);
    expect(await read()).toBe(value);
    node.copies.splice(0, 2, third, first);
    expect(await read()).toBe(value);
    expect(node.asked).toEqual([first, second, third]);
  });

  test('is not asked of this node itself, nor of a suspect while there is another', async () => {
    const [first, second, third] = node.copies as [Contact, Contact, Contact];
    node.copies[1] = node.self;
    node.suspects.add(first.id);
    expect(await read()).toBe(value);
    expect(node.asked).toEqual([third]);
    node.suspects.add(second.id).add(third.id);
    expect(await read()).toBe(value);
    expect(node.asked).not.toContain(node.self);
  });

  test('fails to be read when the node closes, and only then', async () => {
    node.everybody(new OverlayError('timeout', 'no answer'));
    expect(await read()).toBeNull();
    node.everybody(new OverlayError('closed', 'this node is closed'));
    const reading = reader.read(what);
    const failed = expect(reading).rejects.toMatchObject({ code: 'closed' });
    await node.runtime.pass(longMs);
    await failed;
    expect(node.runtime.pending).toBe(0);
  });

  test('is not asked of anybody when nobody is there', async () => {
    node.copies.splice(0);
    expect(await read()).toBeNull();
  });
});

test('second questions are few in the long run; beyond that a second copy is asked when the first is overdue', async () => {
  const node = new Asking();
  const reader = new ValueReader(node);
  const { hedgesBurst, hedgesShare } = node.options;
  const reads = 400;
  for (let i = 0; i < reads; i++) {
    // Whoever is asked first is silent: there is always reason to ask another.
    node.everybody('silent');
    const reading = reader.read(what);
    node.manners.clear();
    await node.runtime.pass(longMs);
    expect(await reading).toBe(value);
  }
  expect(node.asked).toHaveLength(2 * reads);
  expect(reader.counters.hedges).toBeGreaterThanOrEqual(hedgesBurst);
  expect(reader.counters.hedges).toBeLessThanOrEqual(hedgesBurst + hedgesShare * reads);
});

test('between continents, too, second questions are few in the long run', async () => {
  const node = new Asking();
  node.delayMs = 300;
  const reader = new ValueReader(node);
  const { hedgesBurst, hedgesShare } = node.options;
  const reads = 400;
  for (let i = 0; i < reads; i++) {
    const reading = reader.read(what);
    await node.runtime.pass(longMs);
    expect(await reading).toBe(value);
  }
  expect(node.asked.length).toBeLessThanOrEqual(reads + hedgesBurst + hedgesShare * reads);
});

test('whoever never answers, though not suspected, is soon left alone, be the others far', async () => {
  const node = new Asking();
  node.delayMs = 50;
  const [first] = node.copies as [Contact];
  node.manners.set(first.id, 'silent');
  const reader = new ValueReader(node);
  for (let i = 0; i < 40; i++) {
    const reading = reader.read(what);
    await node.runtime.pass(longMs);
    expect(await reading).toBe(value);
  }
  expect(node.asked.filter((copy) => copy === first).length).toBeLessThan(10);
});
