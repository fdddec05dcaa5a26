import { batchRowsMax } from '../table.ts';
import { fileError } from './failure.ts';
import {
  isJsonObject,
  type JsonField,
  JsonGuess,
  type JsonObject,
  jsonColumns,
  jsonKind,
  matchFields,
} from './json-columns.ts';
import {
  type FileReader,
  type OpenFile,
  type OpenReader,
  piecesOf,
  type RowRange,
  readBytes,
  throwIfCancelled,
} from './reader.ts';
import { type Chunk, checkUtf8, markBytes, type TakeRecords, walkChunks } from './text-chunks.ts';

const lineFeed = 0x0a;

/**
 * One JSON object a line. The whole file is read once at opening, to learn every key and its type and where
 * lines begin. Blank lines are skipped.
 */
export const openNdjson: OpenReader = async (file, earlier) => {
  const mark = markBytes(file.path, await readBytes(file, 0, Math.min(3, file.bytes)));
  const guess = new JsonGuess();
  const chunks: Chunk[] = [];
  let taken: Uint8Array = new Uint8Array();
  const take: TakeRecords = (bytes, final, rowsMax) => {
    const lines = takeLines(bytes, final, rowsMax);
    taken = bytes.subarray(0, lines.bytesTaken);
    return lines;
  };
  for await (const chunk of walkChunks(file, mark, 1, take)) {
    chunks.push(chunk);
    for (const { object } of objectsIn(file.path, taken, chunk.line)) guess.observe(object);
  }
  const fields = earlier ? matchFields(guess.fields(), earlier) : guess.fields();
  if (fields.length === 0) throw fileError(file.path, 'holds no object with a key');
  return {
    schema: { fields: fields.map(({ name, type }) => ({ name, type })) },
    numRows: chunks.reduce((sum, chunk) => sum + chunk.rows, 0),
    read: (now, columns, range, signal) =>
      readChunks(
        now,
        chunks,
        columns.map((index) => fields[index] as JsonField),
        range,
        signal,
      ),
  };
};

async function* readChunks(
  file: OpenFile,
  chunks: readonly Chunk[],
  fields: readonly JsonField[],
  range: RowRange,
  signal: AbortSignal,
): ReturnType<FileReader['read']> {
  const blockRows = chunks.map(({ rows }) => rows);
  for (const { block, start, end } of piecesOf(blockRows, range, batchRowsMax)) {
    throwIfCancelled(signal);
    const chunk = chunks[block] as Chunk;
    if (fields.length === 0) {
      yield { numRows: end - start, columns: [] };
      continue;
    }
    const bytes = await readBytes(file, chunk.byteStart, chunk.byteEnd);
    checkUtf8(file.path, bytes, chunk.line);
    const all = objectsIn(file.path, bytes, chunk.line);
    if (all.length !== chunk.rows) throw fileError(file.path, 'was changed while it was read', chunk.line);
    const rows = all.slice(start, end);
    const fail = (index: number, message: string) => fileError(file.path, message, rows[index]?.line ?? null);
    yield {
      numRows: rows.length,
      columns: jsonColumns(
        rows.map(({ object }) => object),
        fields,
        fail,
      ),
    };
  }
}

function takeLines(bytes: Uint8Array, final: boolean, rowsMax: number): { bytesTaken: number; rows: number } {
  let bytesTaken = 0;
  let rows = 0;
  while (rows < rowsMax && bytesTaken < bytes.length) {
    const newline = bytes.indexOf(lineFeed, bytesTaken);
    if (newline < 0 && !final) break;
    const end = newline < 0 ? bytes.length : newline;
    if (!isBlank(bytes, bytesTaken, end)) rows++;
    bytesTaken = newline < 0 ? end : end + 1;
  }
  return { bytesTaken, rows };
}

function isBlank(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0;
    if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0d) return false;
  }
  return true;
}

function objectsIn(path: string, bytes: Uint8Array, firstLine: number): { object: JsonObject; line: number }[] {
  const objects: { object: JsonObject; line: number }[] = [];
  let start = 0;
  for (let line = firstLine; start < bytes.length; line++) {
    const newline = bytes.indexOf(lineFeed, start);
    const end = newline < 0 ? bytes.length : newline;
    if (!isBlank(bytes, start, end)) {
      objects.push({ object: parseLine(path, bytes.subarray(start, end), line), line });
    }
    start = end + 1;
  }
  return objects;
}

function parseLine(path: string, bytes: Uint8Array, line: number): JsonObject {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw fileError(path, `is not JSON: ${(error as Error).message}`, line, error);
  }
  if (!isJsonObject(value)) throw fileError(path, `expected a JSON object, found ${jsonKind(value)}`, line);
  return value;
}
