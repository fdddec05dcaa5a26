import { describe, expect, test } from 'vitest';
import { diskKey, diskPrefix, Journal } from './journal.ts';
import { type Storage, type StorageEntry, StorageError, type StorageWrite } from './storage.ts';

const log = () => {};
const keyOf = (n: number): Uint8Array => diskKey(diskPrefix.rows, Uint8Array.of(n));
const bytesOf = (n: number): Uint8Array => Uint8Array.of(n, n);

/** Writes when it is told to. */
class ManualStorage implements Storage {
  readonly rounds: (readonly StorageWrite[])[] = [];
  readonly entriesThere = new Map<string, StorageEntry>();
  isClosed = false;
  #end: ((error?: Error) => void) | null = null;

  write(batch: readonly StorageWrite[]): Promise<void> {
    expect(this.#end).toBeNull();
    this.rounds.push(batch);
    return new Promise((resolve, reject) => {
      this.#end = (error) => (error ? reject(error) : resolve());
    });
  }
  async *entries(): AsyncGenerator<StorageEntry> {
    yield* this.entriesThere.values();
  }
  async close(): Promise<void> {
    this.isClosed = true;
  }

  async end(error?: Error): Promise<void> {
    await settle();
    const end = this.#end;
    this.#end = null;
    end?.(error);
    if (!error) {
      for (const { key, value } of this.rounds.at(-1) ?? []) {
        if (value) this.entriesThere.set(Buffer.from(key).toString('hex'), { key, value });
      }
    }
    await settle();
  }
}

async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}

describe('a journal', () => {
  test('gathers what comes during one round into the next, so that many share a sync', async () => {
    const storage = new ManualStorage();
    const journal = new Journal(storage, log);
    const order: string[] = [];
    const note = (name: string) => void journal.flushed().then(() => order.push(name));
    for (let i = 0; i < 3; i++) journal.write(keyOf(i), bytesOf(i));
    note('first');
    await settle();
    for (let i = 3; i < 100; i++) {
      journal.write(keyOf(i), bytesOf(i));
      note(`second`);
    }
    expect(storage.rounds.map((round) => round.length)).toEqual([3]);
    expect(order).toEqual([]);
    await storage.end();
    expect(order).toEqual(['first']);
    await storage.end();
    expect(storage.rounds.map((round) => round.length)).toEqual([3, 97]);
    expect(order).toHaveLength(98);
    await journal.flushed();
    const read: number[] = [];
    for await (const { value } of journal.read(diskPrefix.rows)) read.push(value[0] as number);
    expect(read).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  test('that could not write fails for good: nothing is acknowledged, nothing written any more', async () => {
    const storage = new ManualStorage();
    const journal = new Journal(storage, log);
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
    expect(storage.rounds).toHaveLength(1);
    expect(journal.failure?.message).toBe('no room');
  });

  test('leaves damaged entries out, and takes no writes afterwards', async () => {
    const storage = new ManualStorage();
    const journal = new Journal(storage, log);
    for (let i = 0; i < 5; i++) journal.write(keyOf(i), bytesOf(i));
    await storage.end();
    const damaged = [...storage.entriesThere.values()][3]?.value as Uint8Array;
    damaged[damaged.length - 1] = 77;
    const again = new Journal(storage, log);
    const read: number[] = [];
    for await (const { value } of again.read(diskPrefix.rows)) read.push(value[0] as number);
    expect(read).toEqual([0, 1, 2, 4]);
    await expect(again.flushed()).rejects.toMatchObject({ code: 'corrupt' });
  });

  test('waits for what is under way before it closes', async () => {
    const storage = new ManualStorage();
    const journal = new Journal(storage, log);
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
