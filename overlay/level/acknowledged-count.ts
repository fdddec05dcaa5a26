import { hash } from 'node:crypto';
import { constants, type FileHandle, open } from 'node:fs/promises';

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
  /** Of an earlier life; 0 when that is not known. */
  readonly atStart: number;
  readonly #file: FileHandle;
  #count: number;
  #timer: NodeJS.Timeout | null = null;

  private constructor(file: FileHandle, atStart: number) {
    this.#file = file;
    this.atStart = atStart;
    this.#count = atStart;
  }

  static async open(path: string): Promise<AcknowledgedCount> {
    const file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o644);
    const { bytesRead, buffer } = await file.read(Buffer.alloc(countBytes + checksumBytes), 0, undefined, 0);
    const count = buffer.subarray(0, countBytes);
    const isWhole = bytesRead === buffer.length && checksum(count).equals(buffer.subarray(countBytes));
    return new AcknowledgedCount(file, isWhole ? countOf(count) : 0);
  }

  set(count: number): void {
    this.#count = count;
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      void this.#write();
    }, writeEveryMs).unref();
  }

  async close(): Promise<void> {
    if (this.#timer) {
      clearTimeout(this.#timer);
      await this.#write();
    }
    await this.#file.close();
  }

  async #write(): Promise<void> {
    const count = bytesOf(this.#count);
    // What cannot be written proves nothing. The database will tell of the disk.
    await this.#file.write(Buffer.concat([count, checksum(count)]), 0, undefined, 0).catch(() => {});
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

function checksum(count: Buffer): Buffer {
  return hash('sha1', count, 'buffer').subarray(0, checksumBytes);
}
