import { describe, expect, test } from 'vitest';
import { diskKey, diskPrefix, Journal } from './journal.ts';
import { sealed } from './seals.ts';
import { damaged, type Storage, StorageError, type StorageWrite } from './storage.ts';
import { MemoryStorage } from './testing/memory-storage.ts';

const log = () => {};
const keyOf = (n: number): Uint8Array => diskKey(diskPrefix.rows, Uint8Array.of(n));
const bytesOf = (n: number): Uint8Array => Uint8Array.of(n, n);

/** Writes when it is told to. */
class ManualStorage extends MemoryStorage {
  /** Changes of each round, the journal's own left out. */
  readonly changes: number[] = [];
  isClosed = false;
  #end: ((error?: Error) => void) | null = null;

  override write(batch: readonly StorageWrite[]): Promise<void> {
    expect(this.#end).toBeNull();
    this.changes.push(batch.filter(({ key }) => key[0] !== diskPrefix.sums).length);
    return new Promise((resolve, reject) => {
      this.#end = (error) => (error ? reject(error) : resolve(super.write(batch)));
    });
  }
  override async close(): Promise<void> {
    this.isClosed = true;
  }

  async end(error?: Error): Promise<void> {
    await settle();
    const end = this.#end;
    this.#end = null;
    end?.(error);
    await settle();
  }
}

/** What the next life finds among the rows, and whether all is well. */
async function nextLife(storage: Storage): Promise<{ rows: number[]; journal: Journal; failure: StorageError | null }> {
  const journal = new Journal(storage, log);
  const rows: number[] = [];
  for await (const { value } of journal.read(diskPrefix.rows)) rows.push(value[0] as number);
  return { rows, journal, failure: journal.failure };
}

async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}

describe('a journal', () => {
  test('gathers what comes during one round into the next, so that many share a sync', async () => {
    const storage = new ManualStorage();
    const { journal } = await nextLife(storage);
    const order: string[] = [];
    const note = (name: string) => void journal.flushed().then(() => order.push(name));
    for (let i = 0; i < 3; i++) journal.write(keyOf(i), bytesOf(i));
    note('first');
    await settle();
    for (let i = 3; i < 100; i++) {
      journal.write(keyOf(i), bytesOf(i));
      note(`second`);
    }
    expect(storage.changes).toEqual([3]);
    expect(order).toEqual([]);
    await storage.end();
    expect(order).toEqual(['first']);
    await storage.end();
    expect(storage.changes).toEqual([3, 97]);
    expect(order).toHaveLength(98);
    await journal.flushed();
    expect((await nextLife(storage)).rows).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  test('that could not write fails for good: nothing is acknowledged, nothing written any more', async () => {
    const storage = new ManualStorage();
    const { journal } = await nextLife(storage);
    journal.write(keyOf(1), bytesOf(1));
    const first = journal.flushed();
    await settle();
    journal.write(keyOf(2), bytesOf(2));
    const second = journal.flushed();
    await storage.end(new StorageError('full', 'no room'));
    for (const flushed of [first, second, journal.flushed()])
      await expect(flushed).rejects.toMatchObject({ code: 'full' });
    journal.write(keyOf(3), bytesOf(3));
    await settle();
    expect(storage.changes).toHaveLength(1);
    expect(journal.failure?.message).toBe('no room');
  });

  test('leaves damaged entries out, and takes no writes afterwards', async () => {
    const storage = new ManualStorage();
    const { journal } = await nextLife(storage);
    for (let i = 0; i < 5; i++) journal.write(keyOf(i), bytesOf(i));
    await storage.end();
    const damaged = storage.entriesThere.get(Buffer.from(keyOf(3)).toString('hex')) as Uint8Array;
    damaged[damaged.length - 1] = 77;
    const again = await nextLife(storage);
    expect(again.rows).toEqual([0, 1, 2, 4]);
    await expect(again.journal.flushed()).rejects.toMatchObject({ code: 'corrupt' });
  });

  test.each<[string, (entries: Map<string, Uint8Array>, nameOf: (n: number) => string) => void]>([
    ['has gone', (entries, nameOf) => entries.delete(nameOf(2))],
    ['is of an earlier time', (entries, nameOf) => entries.set(nameOf(1), sealed(keyOf(1), bytesOf(1)))],
    ['has come back', (entries, nameOf) => entries.set(nameOf(0), sealed(keyOf(0), bytesOf(0)))],
    ['is under the key of another', (entries, nameOf) => entries.set(nameOf(2), entries.get(nameOf(3)) as Uint8Array)],
  ])('takes no writes when an entry %s', async (_what, harm) => {
    const storage = new MemoryStorage();
    let { journal } = await nextLife(storage);
    for (let i = 0; i < 4; i++) journal.write(keyOf(i), bytesOf(i));
    await journal.flushed();
    ({ journal } = await nextLife(storage));
    journal.write(keyOf(1), bytesOf(10));
    journal.write(keyOf(0), null);
    await journal.flushed();
    expect(await nextLife(storage)).toMatchObject({ rows: [10, 2, 3], failure: null });
    harm(storage.entriesThere, (n) => Buffer.from(keyOf(n)).toString('hex'));
    const { failure } = await nextLife(storage);
    expect(failure).toMatchObject({
      code: 'corrupt',
      message: expect.stringContaining('the data on disk is damaged: '),
    });
  });

  test('notices a round that was lost, also when those after it changed other things', async () => {
    const storage = new MemoryStorage();
    const { journal } = await nextLife(storage);
    for await (const _ of journal.read(diskPrefix.objects));
    const object = diskKey(diskPrefix.objects, Uint8Array.of(1));
    journal.write(object, bytesOf(1));
    await journal.flushed();
    const before = new Map(storage.entriesThere);
    journal.write(object, bytesOf(2));
    await journal.flushed();
    journal.write(keyOf(1), bytesOf(1));
    await journal.flushed();
    const name = Buffer.from(object).toString('hex');
    storage.entriesThere.set(name, before.get(name) as Uint8Array);
    const again = new Journal(storage, log);
    for await (const _ of again.read(diskPrefix.objects));
    expect(again.failure).toMatchObject({ code: 'corrupt' });
  });

  test('takes what is read away while it is read', async () => {
    const storage = new MemoryStorage();
    const { journal } = await nextLife(storage);
    for (let i = 0; i < 6; i++) journal.write(keyOf(i), bytesOf(i));
    await journal.flushed();
    const second = new Journal(storage, log);
    for await (const { key, value } of second.read(diskPrefix.rows)) {
      if ((value[0] as number) % 2 === 0) second.write(key, null);
    }
    await second.flushed();
    expect(await nextLife(storage)).toMatchObject({ rows: [1, 3, 5], failure: null });
  });

  test('says what its storage has found', async () => {
    const storage = Object.assign(new MemoryStorage(), { failure: damaged('the end has gone') });
    await expect(new Journal(storage, log).flushed()).rejects.toMatchObject({
      code: 'corrupt',
      message: 'the data on disk is damaged: the end has gone',
    });
  });

  test('waits for what is under way before it closes', async () => {
    const storage = new ManualStorage();
    const { journal } = await nextLife(storage);
    journal.write(keyOf(1), bytesOf(1));
    const closed = journal.close();
    await settle();
    expect(storage.isClosed).toBe(false);
    await storage.end();
    await closed;
    expect(storage.isClosed).toBe(true);
  });

  test('without a storage keeps nothing and lets nobody wait', async () => {
    const journal = new Journal(null, log);
    journal.write(keyOf(1), bytesOf(1));
    await journal.flushed();
    for await (const _ of journal.read(diskPrefix.rows)) throw new Error('there is nothing');
    expect(journal.isDurable).toBe(false);
    await journal.close();
  });
});
