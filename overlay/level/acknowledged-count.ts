import { hash } from 'node:crypto';
import { constants, type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';

const countBytes = 8;
const checksumBytes = 8;
/** Each write makes the next sync of the database dearer. */
const writeEveryMs = 100;

/**
 * How many batches a database has acknowledged, in a file beside it. A database that drops the end of its log, since a
 * write was torn there or a byte has changed, cannot tell one from the other; the count can. It is written now and then and
 * not synced: after a crash it may be of an earlier time, which proves less and nothing wrong.
 */
export class AcknowledgedCount {
  /** Of an earlier life; null when the file is missing or damaged. */
  readonly atStart: number | null;
  readonly #file: FileHandle;
  #count = 0;
  #timer: NodeJS.Timeout | null = null;

  private constructor(file: FileHandle, atStart: number | null) {
    this.#file = file;
    this.atStart = atStart;
  }

  /** @param isNew nothing has been acknowledged so far, as far as the database knows: the file is made, to last */
  static async open(path: string, isNew: boolean): Promise<AcknowledgedCount> {
    const file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o644);
    try {
      const count = await AcknowledgedCount.#in(file, isNew);
      if (count.atStart === 0) await syncDirectory(dirname(path));
      return count;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  static async #in(file: FileHandle, isNew: boolean): Promise<AcknowledgedCount> {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(countBytes + checksumBytes), 0, undefined, 0);
    const count = buffer.subarray(0, countBytes);
    if (bytesRead === buffer.length && checksum(count).equals(buffer.subarray(countBytes))) {
      return new AcknowledgedCount(file, countOf(count));
    }
    if (!isNew) return new AcknowledgedCount(file, null);
    const created = new AcknowledgedCount(file, 0);
    await created.#write();
    await file.sync();
    return created;
  }

  set(count: number): void {
    this.#count = count;
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      void this.#tryToWrite();
    }, writeEveryMs).unref();
  }

  async close(): Promise<void> {
    if (this.#timer) {
      clearTimeout(this.#timer);
      await this.#tryToWrite();
    }
    await this.#file.close();
  }

  /** An older count proves less and nothing wrong; the database will tell of the disk. */
  async #tryToWrite(): Promise<void> {
    await this.#write().catch(() => {});
  }

  async #write(): Promise<void> {
    const count = bytesOf(this.#count);
    await this.#file.write(Buffer.concat([count, checksum(count)]), 0, undefined, 0);
  }
}

export function bytesOf(count: number): Buffer {
  const bytes = Buffer.alloc(countBytes);
  bytes.writeBigUInt64BE(BigInt(count));
  return bytes;
}

/** @param bytes undefined for a count that was never written */
export function countOf(bytes: Uint8Array | undefined): number {
  return bytes?.length === countBytes ? Number(Buffer.from(bytes).readBigUInt64BE()) : 0;
}

/** So that a loss of power leaves its new files there. Windows has nothing like it. */
async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const directory = await open(path, constants.O_RDONLY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function checksum(count: Buffer): Buffer {
  return hash('sha1', count, 'buffer').subarray(0, checksumBytes);
}
