import { strict as assert } from 'node:assert';
import type { Log } from './defaults.ts';
import { Inventory, sealed, sealOf, sumOf, unsealed } from './seals.ts';
import { type Storage, type StorageEntry, StorageError, type StorageWrite } from './storage.ts';

/** First byte of a key on disk: whose entry it is. */
export const diskPrefix = {
  identity: 1,
  regions: 2,
  members: 3,
  objects: 4,
  rows: 5,
  droppedTables: 6,
  sums: 7,
} as const;

/** A round of writing, under way or to come, and those who wait for its end. */
interface Round {
  readonly writes: StorageWrite[];
  /** Of which it changes something. */
  readonly prefixes: Set<number>;
  readonly done: Promise<void>;
  readonly end: (error: StorageError | null) => void;
}

/**
 * What a node keeps on its disk: writes are taken at once and reach the disk in their order, many of them with one sync: all
 * that come while one round is being written make up the next (group commit). Without a storage everything is
 * forgotten, and nothing waits.
 *
 * Values are sealed with a checksum, and the sum of all seals is written with each round: what an earlier life wrote is
 * all there, or it is known that it is not. After a failed write or damage the journal has failed for good: it takes
 * nothing more, and `flushed` says why.
 */
export class Journal {
  readonly #storage: Storage | null;
  readonly #log: Log;
  /** By prefix. */
  readonly #inventories = new Map<number, Inventory>();
  #failure: StorageError | null = null;
  #next: Round | null = null;
  #running: Round | null = null;
  #isScheduled = false;
  #isClosed = false;

  constructor(storage: Storage | null, log: Log) {
    this.#storage = storage;
    this.#log = log;
    if (storage?.damage) this.damaged(storage.damage);
  }

  /** Whether anything outlives the node. */
  get isDurable(): boolean {
    return this.#storage !== null;
  }

  /** Why nothing can be written any more; null while all is well. */
  get failure(): StorageError | null {
    return this.#failure;
  }

  /** Sets an entry, or removes it; what was there under its prefix has been read. */
  write(key: Uint8Array, value: Uint8Array | null): void {
    if (!this.#storage || this.#failure || this.#isClosed) return;
    const bytes = value && sealed(key, value);
    const prefix = prefixOf(key);
    this.#inventory(prefix).set(key, bytes);
    this.#next ??= newRound();
    this.#next.writes.push({ key, value: bytes });
    this.#next.prefixes.add(prefix);
    if (this.#running || this.#isScheduled) return;
    // What is written in the same instant belongs to the same round.
    this.#isScheduled = true;
    void Promise.resolve().then(() => {
      this.#isScheduled = false;
      this.#begin();
    });
  }

  /** Resolves when all that was written before is safe. @throws StorageError */
  flushed(): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    return (this.#next ?? this.#running)?.done ?? Promise.resolve();
  }

  /**
   * What an earlier life wrote; once, and to the end. Entries may be written as soon as they have been read. One that is
   * damaged is left out; that, and that there are not all, is a failure.
   * @throws StorageError
   */
  async *read(prefix: number): AsyncIterable<StorageEntry> {
    if (!this.#storage) return;
    assert(!this.#inventories.has(prefix), 'a prefix is read once');
    const sumKey = diskKey(diskPrefix.sums, Uint8Array.of(prefix));
    let sum = 0n;
    for await (const { key, value } of this.#storage.entries(diskPrefix.sums)) {
      if (Buffer.compare(key, sumKey) === 0) sum = sumFrom(unsealed(key, value));
    }
    const inventory = new Inventory(sum);
    this.#inventories.set(prefix, inventory);
    let found = 0n;
    for await (const { key, value: bytes } of this.#storage.entries(prefix)) {
      const value = unsealed(key, bytes);
      if (!value) {
        this.damaged('the checksum of an entry is wrong');
        continue;
      }
      inventory.found(key, bytes);
      found = sumOf(found, sealOf(bytes));
      yield { key, value };
    }
    if (found !== sum) this.damaged('entries have gone, or are of an earlier time');
  }

  /** Something that was read makes no sense. */
  damaged(what: string): void {
    this.#fail(new StorageError('corrupt', `the data on disk is damaged: ${what}`));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.flushed().catch(() => {});
    await this.#storage?.close().catch((error: unknown) => {
      this.#log('warn', 'could not close the storage', { reason: String(error) });
    });
  }

  #begin(): void {
    const round = this.#next;
    assert(round && this.#storage, 'there is something to write');
    this.#running = round;
    this.#next = null;
    for (const prefix of round.prefixes) {
      const key = diskKey(diskPrefix.sums, Uint8Array.of(prefix));
      round.writes.push({ key, value: sealed(key, sumBytes(this.#inventory(prefix).sum)) });
    }
    void this.#storage
      .write(round.writes)
      .then(
        () => round.end(null),
        (error: unknown) => {
          this.#fail(
            error instanceof StorageError ? error : new StorageError('io', `cannot write to disk: ${String(error)}`),
          );
          round.end(this.#failure);
          this.#next?.end(this.#failure);
          this.#next = null;
        },
      )
      .then(() => {
        this.#running = null;
        if (this.#next) this.#begin();
      });
  }

  #inventory(prefix: number): Inventory {
    const inventory = this.#inventories.get(prefix);
    assert(inventory, 'a prefix is read before it is written');
    return inventory;
  }

  #fail(failure: StorageError): void {
    if (this.#failure) return;
    this.#failure = failure;
    this.#log('error', 'the disk has failed: this node takes no writes any more', {
      code: failure.code,
      reason: failure.message,
    });
  }
}

function newRound(): Round {
  let end: Round['end'] = () => {};
  const done = new Promise<void>((resolve, reject) => {
    end = (error) => (error ? reject(error) : resolve());
  });
  // Not everybody waits for it.
  done.catch(() => {});
  return { writes: [], prefixes: new Set(), done, end };
}

function sumBytes(sum: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(sum);
  return bytes;
}

/** A sum that is damaged is none of what is there. */
function sumFrom(bytes: Uint8Array | null): bigint {
  return bytes?.length === 8 ? Buffer.from(bytes).readBigUInt64BE() : 0n;
}

function prefixOf(key: Uint8Array): number {
  const [prefix] = key;
  assert(prefix !== undefined, 'a key has a prefix');
  return prefix;
}

/** A key on disk. */
export function diskKey(prefix: number, ...rest: Uint8Array[]): Uint8Array {
  return Buffer.concat([Uint8Array.of(prefix), ...rest]);
}
