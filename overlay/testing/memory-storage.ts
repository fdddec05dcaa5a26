import type { Storage, StorageEntry, StorageWrite } from '../storage.ts';

/** A disk that is always in time. */
export class MemoryStorage implements Storage {
  readonly failure = null;
  /** By keys in hexadecimal digits. */
  readonly entriesThere = new Map<string, Uint8Array>();
  rounds = 0;

  async write(batch: readonly StorageWrite[]): Promise<void> {
    this.rounds += 1;
    for (const { key, value } of batch) {
      const name = Buffer.from(key).toString('hex');
      if (value) this.entriesThere.set(name, Uint8Array.from(value));
      else this.entriesThere.delete(name);
    }
  }

  async *entries(prefix: number): AsyncGenerator<StorageEntry> {
    for (const [name, value] of [...this.entriesThere].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const key = Buffer.from(name, 'hex');
      if (key[0] === prefix) yield { key, value };
    }
  }

  async close(): Promise<void> {}
}
