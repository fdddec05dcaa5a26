import { strict as assert } from 'node:assert';
import { hash } from 'node:crypto';
import type { Log } from './defaults.ts';
import { type Storage, type StorageEntry, StorageError, type StorageWrite } from './storage.ts';

/** First byte of a key on disk: whose entry it is. */
export const diskPrefix = {
  identity: 1,
  regions: 2,
  members: 3,
  objects: 4,
  rows: 5,
  droppedTables: 6,
} as const;

/** A round of writing, under way or to come, and those who wait for its end. */
interface Round {
  readonly writes: StorageWrite[];
  readonly done: Promise<void>;
  readonly end: (error: StorageError | null) => void;
}

const checksumBytes = 8;

/**
 * What a node keeps on its disk: writes are taken at once and reach the disk in their order, many of them with one sync: all
 * that come while one round is being written make up the next (group commit). Without a storage everything is
 * forgotten, and nothing waits.
 *
 * Values carry a checksum. After a failed write or a damaged entry the journal has failed for good: it takes nothing
 * more, and `flushed` says why.
 */
export class Journal {
  readonly #storage: Storage | null;
  readonly #log: Log;
  #failure: StorageError | null = null;
  #next: Round | null = null;
  #running: Round | null = null;
  #isScheduled = false;
  #isClosed = false;

  constructor(storage: Storage | null, log: Log) {
    this.#storage = storage;
    this.#log = log;
  }

  /** Whether anything outlives the node. */
  get isDurable(): boolean {
    return this.#storage !== null;
  }

  /** Why nothing can be written any more; null while all is well. */
  get failure(): StorageError | null {
    return this.#failure;
  }

  /** Sets an entry, or removes it. `value` must not change until it is written. */
  write(key: Uint8Array, value: Uint8Array | null): void {
    if (!this.#storage || this.#failure || this.#isClosed) return;
    this.#next ??= newRound();
    this.#next.writes.push({ key, value: value && sealed(value) });
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

  /** What an earlier life wrote. An entry that is damaged is left out, and is a failure. @throws StorageError */
  async *read(prefix: number): AsyncIterable<StorageEntry> {
    if (!this.#storage) return;
    for await (const { key, value } of this.#storage.entries(prefix)) {
      const content = unsealed(value);
      if (content) yield { key, value: content };
      else this.damaged('the checksum of an entry is wrong');
    }
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

function sealed(value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(checksumBytes + value.length);
  bytes.set(checksum(value));
  bytes.set(value, checksumBytes);
  return bytes;
}

function unsealed(bytes: Uint8Array): Uint8Array | null {
  if (bytes.length < checksumBytes) return null;
  const value = bytes.subarray(checksumBytes);
  return checksum(value).equals(bytes.subarray(0, checksumBytes)) ? value : null;
}

function checksum(value: Uint8Array): Buffer {
  return hash('sha1', value, 'buffer').subarray(0, checksumBytes);
}

/** A key on disk. */
export function diskKey(prefix: number, ...rest: Uint8Array[]): Uint8Array {
  return Buffer.concat([Uint8Array.of(prefix), ...rest]);
}
