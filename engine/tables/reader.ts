import type { FileHandle } from 'node:fs/promises';
import { type Column, QueryError, type Schema } from '../../columnar/index.ts';

/** Rows `start` (inclusive) to `end` (exclusive), counted from 0 over the whole file. */
export interface RowRange {
  readonly start: number;
  readonly end: number;
}

/** Some consecutive rows; `columns` are the wanted ones, in the order wanted, each `numRows` long. */
export interface Rows {
  readonly numRows: number;
  readonly columns: readonly Column[];
}

/** What one format knows of one version of a file. It holds no file open: `read` is given it anew. */
export interface FileReader {
  readonly schema: Schema;
  readonly numRows: number;
  /**
   * Reads a range of rows in pieces of at most `batchRowsMax`. Where the pieces end depends on the range
   * alone, not on `columns`: the cache puts columns of different reads side by side.
   * @throws QueryError `file` when the content is not what it was at opening
   */
  read(file: OpenFile, columns: readonly number[], range: RowRange, signal: AbortSignal): AsyncIterable<Rows>;
}

/** What a format needs of a file. */
export interface OpenFile {
  readonly path: string;
  readonly handle: FileHandle;
  readonly bytes: number;
}

/**
 * Builds a reader. `schema` is the one an earlier version of the file was opened with: types are then
 * not inferred anew.
 */
export type OpenReader = (file: OpenFile, schema: Schema | null) => Promise<FileReader>;

export function throwIfCancelled(signal: AbortSignal): void {
  if (signal.aborted) throw new QueryError('cancelled', 'the scan was cancelled');
}

/** Reads exactly `[start, end)`. @throws Error when the file ends before `end` */
export async function readBytes(file: OpenFile, start: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(end - start);
  for (let at = 0; at < bytes.length; ) {
    const { bytesRead } = await file.handle.read(bytes, at, bytes.length - at, start + at);
    if (bytesRead === 0) throw new Error(`the file ends at byte ${start + at}, expected ${end}: it was truncated`);
    at += bytesRead;
  }
  return bytes;
}

/** Cuts `range` into the parts that fall into consecutive blocks of `blockRows[i]` rows, each at most `rowsMax` long. */
export function* piecesOf(
  blockRows: readonly number[],
  range: RowRange,
  rowsMax: number,
): Generator<{ readonly block: number; readonly start: number; readonly end: number }> {
  let blockStart = 0;
  for (const [block, rows] of blockRows.entries()) {
    const end = Math.min(range.end - blockStart, rows);
    for (let start = Math.max(range.start - blockStart, 0); start < end; start += rowsMax) {
      yield { block, start, end: Math.min(start + rowsMax, end) };
    }
    blockStart += rows;
  }
}
