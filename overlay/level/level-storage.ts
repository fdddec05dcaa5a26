import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { damaged, type Storage, type StorageEntry, StorageError, type StorageWrite } from '../storage.ts';
import { AcknowledgedCount, bytesOf, countOf } from './acknowledged-count.ts';
import { checkTables } from './table-files.ts';

type Level = ClassicLevel<Uint8Array, Uint8Array>;

/** Among the files of the database, which knows its own by their names. */
const acknowledgedName = 'acknowledged';
/** Of the number of batches written so far. Prefixes of entries are others. */
const batchesKey = Uint8Array.of(0);

/**
 * A directory of a LevelDB database: one process at a time, synced at every write. LevelDB drops the end of its log in
 * silence when that is damaged; then fewer batches are there than were acknowledged.
 */
export class LevelStorage implements Storage {
  readonly failure: StorageError | null;
  readonly #level: Level;
  readonly #acknowledged: AcknowledgedCount;
  #batches: number;

  private constructor(level: Level, acknowledged: AcknowledgedCount, batches: number) {
    this.#level = level;
    this.#acknowledged = acknowledged;
    this.#batches = batches;
    const { atStart } = acknowledged;
    if (atStart === null) this.failure = damaged(`${acknowledgedName} is missing or damaged`);
    else if (atStart > batches) this.failure = damaged(`the last ${atStart - batches} of ${atStart} batches are gone`);
    else this.failure = null;
  }

  /**
   * Opens the database, or makes a new one in a directory whose parent exists.
   * @param isExpected there has to be one
   * @throws StorageError
   */
  static async open(directory: string, isExpected = false): Promise<LevelStorage> {
    await checkWhole(directory);
    await checkTables(directory);
    const level: Level = new ClassicLevel(directory, {
      keyEncoding: 'view',
      valueEncoding: 'view',
      // So that `checkTables` can follow the index of a table.
      compression: false,
      createIfMissing: !isExpected,
    });
    try {
      await level.open();
      const batches = countOf(await level.get(batchesKey));
      return new LevelStorage(
        level,
        await AcknowledgedCount.open(join(directory, acknowledgedName), batches === 0),
        batches,
      );
    } catch (error) {
      await level.close();
      throw failureOf(error);
    }
  }

  async write(batch: readonly StorageWrite[]): Promise<void> {
    const batches = this.#batches + 1;
    try {
      await this.#level.batch(
        [...batch, { key: batchesKey, value: bytesOf(batches) }].map(({ key, value }) =>
          value ? { type: 'put', key, value } : { type: 'del', key },
        ),
        { sync: true },
      );
      this.#batches = batches;
      this.#acknowledged.set(batches);
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
      await this.#acknowledged.close();
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
  // The database is not there, or a file of it that others name.
  if (code === 'LEVEL_CORRUPTION' || /no such file|does not exist/i.test(text)) {
    return new StorageError('corrupt', text, { cause });
  }
  return new StorageError('io', text, { cause });
}
