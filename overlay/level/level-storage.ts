import { readdir } from 'node:fs/promises';
import { ClassicLevel } from 'classic-level';
import { type Storage, type StorageEntry, StorageError, type StorageWrite } from '../storage.ts';

/** A directory of a LevelDB database: one process at a time, synced at every write. */
export class LevelStorage implements Storage {
  readonly #level: ClassicLevel<Uint8Array, Uint8Array>;

  private constructor(level: ClassicLevel<Uint8Array, Uint8Array>) {
    this.#level = level;
  }

  /** Opens the database, or makes a new one in a directory whose parent exists. @throws StorageError */
  static async open(directory: string): Promise<LevelStorage> {
    await checkWhole(directory);
    const level = new ClassicLevel<Uint8Array, Uint8Array>(directory, {
      keyEncoding: 'view',
      valueEncoding: 'view',
    });
    try {
      await level.open();
    } catch (error) {
      throw failureOf(error);
    }
    return new LevelStorage(level);
  }

  async write(batch: readonly StorageWrite[]): Promise<void> {
    try {
      await this.#level.batch(
        batch.map(({ key, value }) => (value ? { type: 'put', key, value } : { type: 'del', key })),
        { sync: true },
      );
    } catch (error) {
      throw failureOf(error);
    }
  }

  async *entries(prefix: number): AsyncIterable<StorageEntry> {
    const range = { gte: Uint8Array.of(prefix), lt: Uint8Array.of(prefix + 1) };
    try {
      for await (const [key, value] of this.#level.iterator(range)) yield { key, value };
    } catch (error) {
      throw failureOf(error);
    }
  }

  async close(): Promise<void> {
    try {
      await this.#level.close();
    } catch (error) {
      throw failureOf(error);
    }
  }
}

/**
 * LevelDB takes files without the one that says which are in use for an empty database, and deletes them.
 * @throws StorageError
 */
async function checkWhole(directory: string): Promise<void> {
  const names = await readdir(directory).catch((): string[] => []); // Not there yet, or LevelDB will say.
  if (!names.includes('CURRENT') && names.some((name) => /^MANIFEST-|\.(ldb|sst)$/.test(name))) {
    throw new StorageError('corrupt', 'CURRENT is missing beside the files of a database');
  }
}

/** LevelDB tells the kind of a failure by a code, perhaps of a cause, and the operating system's error by its text alone. */
function failureOf(error: unknown): StorageError {
  if (error instanceof StorageError) return error;
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const text = cause instanceof Error ? cause.message : String(cause);
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (/no space left|disk quota exceeded|file too large/i.test(text)) return new StorageError('full', text, { cause });
  if (code === 'LEVEL_LOCKED') return new StorageError('locked', text, { cause });
  if (code === 'LEVEL_CORRUPTION') return new StorageError('corrupt', text, { cause });
  return new StorageError('io', text, { cause });
}
