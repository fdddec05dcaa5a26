import type { Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { extname } from 'node:path';
import { type Batch, type Column, QueryError, type Schema } from '../../columnar/index.ts';
import type { ScanRequest, TableSource } from '../table.ts';
import { openArrow } from './arrow.ts';
import { ColumnCache, columnBytes } from './column-cache.ts';
import { openCsv, openTsv } from './csv.ts';
import { asFileError, fileError } from './failure.ts';
import { openJson } from './json.ts';
import { openNdjson } from './ndjson.ts';
import { openParquet } from './parquet.ts';
import type { FileReader, OpenFile, OpenReader, RowRange, Rows } from './reader.ts';

export interface FileOptions {
  /** The table's name. */
  readonly name: string;
  /** Expose only one of `of` contiguous parts of the rows: several nodes of one machine share a file. `index` counts from 0. */
  readonly slice?: { readonly index: number; readonly of: number };
  /** Memory for columns that were read, in bytes; those that do not fit are read again at each scan. */
  readonly cachedBytesMax?: number;
}

const cachedBytesMaxDefault = 256 * 1024 * 1024;

const readersByExtension: Readonly<Record<string, OpenReader>> = {
  '.parquet': openParquet,
  '.csv': openCsv,
  '.tsv': openTsv,
  '.ndjson': openNdjson,
  '.jsonl': openNdjson,
  '.json': openJson,
  '.arrow': openArrow,
  '.feather': openArrow,
  '.ipc': openArrow,
};

/**
 * A file as a table. Its format follows from its extension; its columns and their types are settled now, its
 * rows are read at each scan, from memory where they were read before. A file that has changed since is
 * read anew, as long as its columns still fit.
 * @throws QueryError `file` when it is missing, empty, of an unknown kind or not what its extension says;
 *   `configuration` for a slice that does not exist
 */
export async function openFile(path: string, options: FileOptions): Promise<TableSource> {
  const { index, of } = options.slice ?? wholeFile;
  if (!(Number.isInteger(index) && Number.isInteger(of) && index >= 0 && index < of)) {
    throw new QueryError('configuration', `${path}: there is no part ${index} of ${of}`);
  }
  const openReader = readersByExtension[extname(path).toLowerCase()];
  if (!openReader) {
    throw new QueryError('file', `${path}: a table cannot be read from a file of this kind`, {
      hint: `Known extensions: ${Object.keys(readersByExtension).join(', ')}.`,
    });
  }
  const first = await withFile(path, (file, stats) => readVersion(file, stats, openReader, null, options));
  return new FileTable(path, options, openReader, first);
}

const wholeFile = { index: 0, of: 1 } as const;

/** A file as it was at one time, and what is known of it. */
interface Version {
  readonly stamp: string;
  readonly reader: FileReader;
  readonly cache: ColumnCache;
}

class FileTable implements TableSource {
  readonly name: string;
  readonly schema: Schema;
  readonly #path: string;
  readonly #options: FileOptions;
  readonly #openReader: OpenReader;
  #version: Version;
  /** Scans that find the file changed wait for one reading of it. */
  #refreshing: { readonly stamp: string; readonly version: Promise<Version> } | null = null;

  constructor(path: string, options: FileOptions, openReader: OpenReader, version: Version) {
    this.name = options.name;
    this.schema = version.reader.schema;
    this.#path = path;
    this.#options = options;
    this.#openReader = openReader;
    this.#version = version;
  }

  async *scan({ columns, signal }: ScanRequest): AsyncGenerator<Batch> {
    const { file, stats } = await openHandle(this.#path);
    try {
      const version = await this.#current(file, stats);
      const schema = { fields: columns.map((index) => fieldOf(this.schema, index)) };
      for await (const rows of this.#rows(file, version, columns, signal)) yield { schema, ...rows };
    } catch (error) {
      throw asFileError(this.#path, error, 'cannot be read');
    } finally {
      await file.handle.close();
    }
  }

  async #current(file: OpenFile, stats: Stats): Promise<Version> {
    const stamp = stampOf(stats);
    if (stamp === this.#version.stamp) return this.#version;
    if (this.#refreshing?.stamp !== stamp) {
      const version = readVersion(file, stats, this.#openReader, this.schema, this.#options);
      this.#refreshing = { stamp, version };
    }
    try {
      this.#version = await this.#refreshing.version;
      return this.#version;
    } finally {
      this.#refreshing = null;
    }
  }

  async *#rows(
    file: OpenFile,
    { stamp, reader, cache }: Version,
    columns: readonly number[],
    signal: AbortSignal,
  ): AsyncGenerator<Rows> {
    const known = new Map<number, readonly Column[]>();
    for (const column of columns) {
      const pieces = cache.get(column);
      if (pieces) known.set(column, pieces);
    }
    const missing = [...new Set(columns)].filter((column) => !known.has(column));
    const range = rangeOf(reader.numRows, this.#options.slice ?? wholeFile);
    const keep = new Keep(missing, this.#options.cachedBytesMax ?? cachedBytesMaxDefault);
    let piece = 0;
    for await (const rows of reader.read(file, missing, range, signal)) {
      keep.add(rows.columns);
      const read = new Map(missing.map((column, i) => [column, rows.columns[i] as Column]));
      yield {
        numRows: rows.numRows,
        columns: columns.map((column) => (read.get(column) ?? known.get(column)?.[piece]) as Column),
      };
      piece++;
    }
    // What was read while the file changed belongs to no version.
    if (stampOf(await file.handle.stat()) === stamp) keep.moveTo(cache);
  }
}

/** Columns gathered during a scan, to be cached at its end; given up once they are too large. */
class Keep {
  readonly #bytesMax: number;
  readonly #gathered: { readonly column: number; readonly pieces: Column[]; bytes: number }[];

  constructor(columns: readonly number[], bytesMax: number) {
    this.#bytesMax = bytesMax;
    this.#gathered = columns.map((column) => ({ column, pieces: [], bytes: 0 }));
  }

  add(columns: readonly Column[]): void {
    let bytes = 0;
    for (const [i, gathered] of this.#gathered.entries()) {
      const column = columns[i] as Column;
      gathered.pieces.push(column);
      gathered.bytes += columnBytes(column);
      bytes += gathered.bytes;
    }
    if (bytes > this.#bytesMax) this.#gathered.length = 0;
  }

  moveTo(cache: ColumnCache): void {
    for (const { column, pieces, bytes } of this.#gathered) cache.put(column, pieces, bytes);
  }
}

async function readVersion(
  file: OpenFile,
  stats: Stats,
  openReader: OpenReader,
  earlier: Schema | null,
  options: FileOptions,
): Promise<Version> {
  if (file.bytes === 0) throw fileError(file.path, 'is empty');
  const reader = await openReader(file, earlier);
  return {
    stamp: stampOf(stats),
    reader,
    cache: new ColumnCache(options.cachedBytesMax ?? cachedBytesMaxDefault),
  };
}

function stampOf(stats: Stats): string {
  return `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeMs}`;
}

function rangeOf(numRows: number, { index, of }: { readonly index: number; readonly of: number }): RowRange {
  return { start: Math.floor((numRows * index) / of), end: Math.floor((numRows * (index + 1)) / of) };
}

async function openHandle(path: string): Promise<{ file: OpenFile; stats: Stats }> {
  let handle: FileHandle | null = null;
  try {
    handle = await open(path, 'r');
    const stats = await handle.stat();
    if (!stats.isFile()) throw fileError(path, stats.isDirectory() ? 'is a directory, not a file' : 'is not a file');
    return { file: { path, handle, bytes: stats.size }, stats };
  } catch (error) {
    await handle?.close();
    throw asFileError(path, error, 'cannot be opened');
  }
}

async function withFile<T>(path: string, use: (file: OpenFile, stats: Stats) => Promise<T>): Promise<T> {
  const { file, stats } = await openHandle(path);
  try {
    return await use(file, stats);
  } catch (error) {
    throw asFileError(path, error, 'cannot be read');
  } finally {
    await file.handle.close();
  }
}

function fieldOf(schema: Schema, index: number): Schema['fields'][number] {
  const field = schema.fields[index];
  if (!field) throw new RangeError(`column ${index} of a table with ${schema.fields.length}`);
  return field;
}
