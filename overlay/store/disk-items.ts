import { createHash } from 'node:crypto';
import { CodecError, decode, encode, milliseconds, struct } from '../codec.ts';
import { diskKey, diskPrefix, type Journal } from '../journal.ts';
import { type Item, recordOf } from './items.ts';
import { type ItemRecord, itemRecord, recordBytes } from './messages.ts';

/** An item and when it was written to disk, by this node's clock: its lifetime runs on while the node is down. */
const diskItem = struct<{ readonly atMs: number; readonly record: ItemRecord }>({
  atMs: milliseconds,
  record: itemRecord,
});

/** The items of an object store as kept in the node's journal, tombstones included. */
export class DiskItems {
  readonly #journal: Journal;
  readonly #now: () => number;
  #isRecovering = false;

  constructor(journal: Journal, now: () => number) {
    this.#journal = journal;
    this.#now = now;
  }

  changed(item: Item, isThere: boolean): void {
    if (!this.#journal.isDurable || this.#isRecovering) return;
    const key = keyOnDisk(item);
    if (!isThere) {
      this.#journal.write(key, null);
      return;
    }
    const atMs = this.#now();
    const bytes = recordBytes + (item.value?.length ?? 0);
    this.#journal.write(key, encode(diskItem, { atMs, record: recordOf(item, atMs) }, bytes));
  }

  /** Hands out what is on disk, and forgets what has expired meanwhile. @throws StorageError */
  async recover(take: (record: ItemRecord, nowMs: number) => void): Promise<void> {
    const nowMs = this.#now();
    for await (const { key, value } of this.#journal.read(diskPrefix.objects)) {
      try {
        const { atMs, record } = decode(diskItem, value);
        const lifetimeLeftMs = record.lifetimeLeftMs - Math.max(0, nowMs - atMs);
        if (lifetimeLeftMs <= 0) {
          this.#journal.write(key, null);
          continue;
        }
        this.#isRecovering = true;
        take({ ...record, lifetimeLeftMs }, nowMs);
      } catch (error) {
        if (!(error instanceof CodecError)) throw error;
        this.#journal.damaged(error.message);
      } finally {
        this.#isRecovering = false;
      }
    }
  }
}

/** By place on the ring, then by name. */
function keyOnDisk({ key, namespace, resourceId, instanceId }: Item): Uint8Array {
  const name = createHash('sha1')
    .update(JSON.stringify([namespace, resourceId, instanceId]))
    .digest();
  return diskKey(diskPrefix.objects, Buffer.from(key, 'hex'), name);
}
