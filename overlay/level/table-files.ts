import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StorageError } from '../storage.ts';
import { crc32c } from './crc32c.ts';

// LevelDB reads the blocks of its tables without looking at their checksums, and ends the process when one makes no sense.
// So they are checked before it sees them. Its own log and manifest it checks itself.
// The formats: https://github.com/google/leveldb/blob/main/doc, table_format.md, log_format.md; db/version_edit.cc

const logBlockBytes = 32_768;
const logHeaderBytes = 7;
const footerBytes = 48;
const magic = 0xdb4775248b80fb57n;
const plainBlock = 0;

/** Tags of what a change of version tells, but for the files of tables all of no interest here. */
const tags = {
  comparator: 1,
  logNumber: 2,
  nextFile: 3,
  lastSequence: 4,
  compactPointer: 5,
  deletedFile: 6,
  newFile: 7,
  previousLog: 9,
} as const;

/** Where a block is in its file; without its trailer. */
interface BlockHandle {
  readonly offset: number;
  readonly size: number;
}

/**
 * Checks all tables that a database in this directory uses; those that a crash left over do not count.
 * @throws StorageError `corrupt`
 */
export async function checkTables(directory: string): Promise<void> {
  for (const number of await liveTables(directory)) {
    const name = `${String(number).padStart(6, '0')}.ldb`;
    const file = await readFile(join(directory, name)).catch(() => null);
    // LevelDB knows what to say about files that are missing.
    if (file && !isWhole(file)) throw new StorageError('corrupt', `${name} is damaged`);
  }
}

/** Their numbers, as far as the manifest can be read; where it cannot, LevelDB has something to say. */
async function liveTables(directory: string): Promise<Set<number>> {
  const live = new Set<number>();
  try {
    const manifest = (await readFile(join(directory, 'CURRENT'), 'utf8')).trim();
    for (const record of logRecords(await readFile(join(directory, manifest)))) applyEdit(record, live);
  } catch {
    // The rest makes no sense.
  }
  return live;
}

/** The records of a log, put together from their fragments, up to one that a crash cut short. */
function* logRecords(log: Buffer): Iterable<Buffer> {
  const last = 4;
  const full = 1;
  let fragments: Buffer[] = [];
  for (let at = 0; at + logHeaderBytes <= log.length; ) {
    const roomInBlock = logBlockBytes - (at % logBlockBytes);
    if (roomInBlock < logHeaderBytes) {
      at += roomInBlock;
      continue;
    }
    const length = log.readUInt16LE(at + 4);
    const type = log[at + 6];
    if (at + logHeaderBytes + length > log.length) return;
    fragments.push(log.subarray(at + logHeaderBytes, at + logHeaderBytes + length));
    if (type === full || type === last) {
      yield Buffer.concat(fragments);
      fragments = [];
    }
    at += logHeaderBytes + length;
  }
}

function applyEdit(record: Buffer, live: Set<number>): void {
  const reader = new Reader(record);
  while (!reader.isAtEnd) {
    const tag = reader.varint();
    switch (tag) {
      case tags.comparator:
        reader.skip(reader.varint());
        break;
      case tags.logNumber:
      case tags.nextFile:
      case tags.lastSequence:
      case tags.previousLog:
        reader.varint();
        break;
      case tags.compactPointer:
        reader.varint();
        reader.skip(reader.varint());
        break;
      case tags.deletedFile:
        reader.varint();
        live.delete(reader.varint());
        break;
      case tags.newFile:
        reader.varint();
        live.add(reader.varint());
        reader.varint();
        for (let key = 0; key < 2; key++) reader.skip(reader.varint());
        break;
      default:
        throw new RangeError(`no such tag: ${tag}`);
    }
  }
}

/** Whether every block of a table has its checksum; those of data are found by the index, which the footer tells. */
function isWhole(file: Buffer): boolean {
  try {
    const footer = file.subarray(file.length - footerBytes);
    if (file.length < footerBytes || footer.readBigUInt64LE(footerBytes - 8) !== magic) return false;
    const reader = new Reader(footer);
    const [metaIndex, index] = [readHandle(reader), readHandle(reader)];
    return [metaIndex, index].every(
      (handle) =>
        isBlockWhole(file, handle) && handlesIn(blockOf(file, handle)).every((each) => isBlockWhole(file, each)),
    );
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

function isBlockWhole(file: Buffer, { offset, size }: BlockHandle): boolean {
  const end = offset + size + 1;
  return end + 4 <= file.length && crc32c(file.subarray(offset, end)) === unmasked(file.readUInt32LE(end));
}

/** A block that is whole and lists others. */
function blockOf(file: Buffer, { offset, size }: BlockHandle): Buffer {
  if (file[offset + size] !== plainBlock) throw new RangeError('a compressed block');
  return file.subarray(offset, offset + size);
}

function handlesIn(block: Buffer): BlockHandle[] {
  const restarts = block.readUInt32LE(block.length - 4);
  const reader = new Reader(block.subarray(0, block.length - 4 * (restarts + 1)));
  const handles: BlockHandle[] = [];
  while (!reader.isAtEnd) {
    reader.varint(); // Bytes of the key that are those of the one before.
    const keyBytes = reader.varint();
    reader.varint(); // Bytes of the handle.
    reader.skip(keyBytes);
    handles.push(readHandle(reader));
  }
  return handles;
}

function readHandle(reader: Reader): BlockHandle {
  return { offset: reader.varint(), size: reader.varint() };
}

/** LevelDB stores no checksum as it is, for the sake of checksums of checksums. */
function unmasked(masked: number): number {
  const rotated = (masked - 0xa282ead8) >>> 0;
  return ((rotated >>> 17) | (rotated << 15)) >>> 0;
}

/** Throws RangeErrors where there is nothing more to read. */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  skip(bytes: number): void {
    this.#at += bytes;
    if (this.#at > this.#bytes.length) throw new RangeError('past the end');
  }

  /** An unsigned number in groups of 7 bits, the lowest first. */
  varint(): number {
    for (let value = 0, factor = 1; ; factor *= 128) {
      const byte = this.#bytes.readUInt8(this.#at++);
      value += (byte & 127) * factor;
      if (byte < 128) return value;
      if (factor > Number.MAX_SAFE_INTEGER / 128) throw new RangeError('too long');
    }
  }
}
