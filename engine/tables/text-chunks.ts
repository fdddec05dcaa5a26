import { isUtf8 } from 'node:buffer';
import { batchRowsMax } from '../table.ts';
import { fileError } from './failure.ts';
import type { OpenFile } from './reader.ts';

/** Whole records of a text file, at most `batchRowsMax`, that are read and decoded together. */
export interface Chunk {
  readonly byteStart: number;
  readonly byteEnd: number;
  /** Line of the first byte, from 1. */
  readonly line: number;
  readonly rows: number;
}

/**
 * Finds up to `rowsMax` whole records at the start of `bytes`; remembers where their fields are.
 * `final`: nothing follows `bytes`, so the last record need not end in a newline. `bytesTaken` is 0 when
 * not even one record is whole.
 */
export type TakeRecords = (
  bytes: Uint8Array,
  final: boolean,
  rowsMax: number,
  line: number,
) => { readonly bytesTaken: number; readonly rows: number };

const blockBytes = 4 * 1024 * 1024;
/** A longer record is an error: most likely a quote that is never closed. */
export const recordBytesMax = 64 * 1024 * 1024;

/**
 * Walks a text file once, from `byteStart` to its end, and yields each chunk right after `take` saw it.
 * @throws QueryError `file` for a record that is too long and for bytes that are not UTF-8
 */
export async function* walkChunks(
  file: OpenFile,
  byteStart: number,
  lineStart: number,
  take: TakeRecords,
): AsyncGenerator<Chunk> {
  let buffer = new Uint8Array(Math.min(blockBytes, file.bytes - byteStart));
  let from = 0; // buffer[from, filled) is read and not yet taken
  let filled = 0;
  let position = byteStart; // in the file, of buffer[from]
  let line = lineStart;
  while (position < file.bytes) {
    const final = position + (filled - from) >= file.bytes;
    const taken = filled > from ? take(buffer.subarray(from, filled), final, batchRowsMax, line) : nothing;
    // A chunk cut short only because the block ended is put off until more is read, to keep chunks large.
    const mayGrow = taken.bytesTaken === 0 || (from > 0 && (filled - from) * 2 <= buffer.length);
    if (!final && taken.rows < batchRowsMax && mayGrow) {
      buffer = roomFor(file, buffer, from, filled, line);
      filled -= from;
      from = 0;
      filled += await fill(file, buffer, filled, position + filled);
      continue;
    }
    const bytes = buffer.subarray(from, from + taken.bytesTaken);
    checkUtf8(file.path, bytes, line);
    if (taken.rows > 0) {
      yield { byteStart: position, byteEnd: position + taken.bytesTaken, line, rows: taken.rows };
    }
    line += countLines(bytes, bytes.length);
    from += taken.bytesTaken;
    position += taken.bytesTaken;
  }
}

const nothing = { bytesTaken: 0, rows: 0 } as const;

/** The buffer with the untaken bytes moved to its start, doubled when they fill more than half of it. */
function roomFor(
  file: OpenFile,
  buffer: Uint8Array<ArrayBuffer>,
  from: number,
  filled: number,
  line: number,
): Uint8Array<ArrayBuffer> {
  const left = filled - from;
  if (left > recordBytesMax) {
    throw fileError(file.path, `a record is longer than ${recordBytesMax} bytes; is a quote never closed?`, line);
  }
  if (left * 2 <= buffer.length) {
    buffer.copyWithin(0, from, filled);
    return buffer;
  }
  const larger = new Uint8Array(Math.max(buffer.length * 2, blockBytes));
  larger.set(buffer.subarray(from, filled));
  return larger;
}

async function fill(file: OpenFile, buffer: Uint8Array, at: number, position: number): Promise<number> {
  const length = Math.min(buffer.length - at, file.bytes - position);
  let read = 0;
  while (read < length) {
    const { bytesRead } = await file.handle.read(buffer, at + read, length - read, position + read);
    if (bytesRead === 0) throw fileError(file.path, 'was truncated while it was read');
    read += bytesRead;
  }
  return read;
}

/** @throws QueryError `file` naming the line of the first bytes that are not UTF-8 */
export function checkUtf8(path: string, bytes: Uint8Array, line: number): void {
  if (isUtf8(bytes)) return;
  let start = 0;
  for (let at = line; ; at++) {
    const newline = bytes.indexOf(0x0a, start);
    const end = newline < 0 ? bytes.length : newline + 1;
    if (!isUtf8(bytes.subarray(start, end)) || newline < 0) throw fileError(path, 'the text is not UTF-8', at);
    start = end;
  }
}

/** Newlines in the first `end` bytes. */
export function countLines(bytes: Uint8Array, end: number): number {
  let lines = 0;
  for (let at = bytes.indexOf(0x0a); at >= 0 && at < end; at = bytes.indexOf(0x0a, at + 1)) lines++;
  return lines;
}

/** Bytes of a UTF-8 byte order mark at the start. @throws QueryError `file` for UTF-16 */
export function markBytes(path: string, start: Uint8Array): number {
  if (start[0] === 0xef && start[1] === 0xbb && start[2] === 0xbf) return 3;
  if ((start[0] === 0xff && start[1] === 0xfe) || (start[0] === 0xfe && start[1] === 0xff)) {
    throw fileError(path, 'the text is UTF-16; only UTF-8 is read');
  }
  return 0;
}
