import { strict as assert } from 'node:assert';
import { decode, encode, list, struct, u8, u64 } from './codec.ts';
import type { Log } from './defaults.ts';
import { Inventory, sealed, sealOf, sumOf, unsealed } from './seals.ts';
import { damaged, type Storage, type StorageEntry, StorageError, type StorageWrite } from './storage.ts';

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

interface Sum {
  readonly prefix: number;
  /** Of the seals of all entries there. */
  readonly sum: bigint;
}

const sumsCodec = list(struct<Sum>({ prefix: u8, sum: u64 }), 256);

/** A round of writing, under way or to come, and those who wait for its end. */
interface Round {
  readonly writes: StorageWrite[];
  readonly done: Promise<void>;
  readonly end: (error: StorageError | null) => void;
}

/**
 * What a node keeps on its disk: writes are taken at once and reach the disk in their order, many of them with one sync: all
 * that come while one round is being written make up the next (group commit). Without a storage everything is
 * forgotten, and nothing waits.
 *
 * Values are sealed with a checksum, and each round writes the sums of the seals under all prefixes: if any earlier round
 * is lost, the sums of the next one tell. After a failed write or damage the journal has failed for good: it takes
 * nothing more, and `flushed` says why.
 */
export class Journal {
  readonly #storage: Storage | null;
  readonly #log: Log;
  /** By prefix, of those that have been read. */
  readonly #inventories = new Map<number, Inventory>();
  /** By prefix, as an earlier life left them. */
  #sums: ReadonlyMap<number, bigint> | null = null;
  #failure: StorageError | null = null;
  #next: Round | null = null;
  #running: Round | null = null;
  #isScheduled = false;
  #isClosed = false;

  constructor(storage: Storage | null, log: Log) {
    this.#storage = storage;
    this.#log = log;
    if (storage?.failure) this.#fail(storage.failure);
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
    const inventory = this.#inventories.get(key[0] ?? 0);
    assert(inventory, 'a prefix is read before it is written');
    inventory.set(key, bytes);
    this.#next ??= newRound();
    this.#next.writes.push({ key, value: bytes });
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
    this.#sums ??= await this.#readSums(this.#storage);
    const sum = this.#sums.get(prefix) ?? 0n;
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
    this.#fail(damaged(what));
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
    const sums = new Map(this.#sums);
    for (const [prefix, { sum }] of this.#inventories) sums.set(prefix, sum);
    const listed = [...sums].map(([prefix, sum]) => ({ prefix, sum }));
    round.writes.push({ key: sumsKey, value: sealed(sumsKey, encode(sumsCodec, listed)) });
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

  async #readSums(storage: Storage): Promise<ReadonlyMap<number, bigint>> {
    for await (const { key, value } of storage.entries(diskPrefix.sums)) {
      const bytes = unsealed(key, value);
      if (bytes) return new Map(decode(sumsCodec, bytes).map(({ prefix, sum }) => [prefix, sum]));
      this.damaged('the sums are wrong');
    }
    return new Map();
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
  return { writes: [], done, end };
}

/** A key on disk. */
export function diskKey(prefix: number, ...rest: Uint8Array[]): Uint8Array {
  return Buffer.concat([Uint8Array.of(prefix), ...rest]);
}

const sumsKey = diskKey(diskPrefix.sums);
