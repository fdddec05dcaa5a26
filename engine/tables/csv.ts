import type { Schema, SqlType } from '../../columnar/index.ts';
import { batchRowsMax } from '../table.ts';
import { csvColumn } from './csv-columns.ts';
import { CsvRecords, fieldForm } from './csv-records.ts';
import { TypeGuess } from './csv-types.ts';
import { asFileError, fileError } from './failure.ts';
import { columnNames } from './names.ts';
import { type FileReader, type OpenFile, type OpenReader, piecesOf, readBytes, throwIfCancelled } from './reader.ts';
import { type Chunk, checkUtf8, countLines, markBytes, walkChunks } from './text-chunks.ts';

/**
 * Comma-separated values, or with `;`, tab or `|`, whichever the header holds most of. The first line names the
 * columns. The whole file is read once at opening, to choose types that hold every value and to learn
 * where rows begin.
 */
export const openCsv: OpenReader = (file, schema) => open(file, schema, null);

/** As `openCsv`, with tabs. */
export const openTsv: OpenReader = (file, schema) => open(file, schema, '\t'.charCodeAt(0));

interface Header {
  readonly names: readonly string[];
  readonly delimiter: number;
  readonly bytes: number;
  readonly lines: number;
}

async function open(file: OpenFile, earlier: Schema | null, delimiter: number | null): Promise<FileReader> {
  const header = await readHeader(file, delimiter);
  const names = columnNames(header.names);
  if (earlier && !sameNames(names, earlier)) {
    throw fileError(file.path, 'its columns changed since the table was opened', 1);
  }
  const records = new CsvRecords(file.path, header.delimiter);
  records.width = names.length;
  const guesses = earlier ? [] : names.map(() => new TypeGuess());
  const chunks: Chunk[] = [];
  for await (const chunk of walkChunks(file, header.bytes, header.lines + 1, (...args) => records.take(...args))) {
    chunks.push(chunk);
    for (const [column, guess] of guesses.entries()) guess.observe(records, chunk.rows, column);
  }
  const schema = earlier ?? { fields: names.map((name, i) => ({ name, type: guesses[i]?.type() as SqlType })) };
  const numRows = chunks.reduce((sum, chunk) => sum + chunk.rows, 0);
  return { schema, numRows, read: (...args) => readChunks(header.delimiter, schema, chunks, ...args) };
}

async function* readChunks(
  delimiter: number,
  schema: Schema,
  chunks: readonly Chunk[],
  ...[file, columns, range, signal]: Parameters<FileReader['read']>
): ReturnType<FileReader['read']> {
  const blockRows = chunks.map(({ rows }) => rows);
  const fields = columns.map((index) => ({ index, ...field(schema, index) }));
  for (const { block, start, end } of piecesOf(blockRows, range, batchRowsMax)) {
    throwIfCancelled(signal);
    const chunk = chunks[block] as Chunk;
    if (fields.length === 0) {
      yield { numRows: end - start, columns: [] };
      continue;
    }
    const records = new CsvRecords(file.path, delimiter);
    records.width = schema.fields.length;
    const bytes = await readBytes(file, chunk.byteStart, chunk.byteEnd);
    checkUtf8(file.path, bytes, chunk.line);
    const { rows } = records.take(bytes, true, batchRowsMax, chunk.line);
    if (rows !== chunk.rows) throw fileError(file.path, 'was changed while it was read', chunk.line);
    yield { numRows: end - start, columns: fields.map((wanted) => csvColumn(file.path, records, wanted, start, end)) };
  }
}

function field(schema: Schema, index: number): Schema['fields'][number] {
  const found = schema.fields[index];
  if (!found) throw new RangeError(`column ${index} of ${schema.fields.length}`);
  return found;
}

function sameNames(names: readonly string[], schema: Schema): boolean {
  return names.length === schema.fields.length && names.every((name, i) => name === schema.fields[i]?.name);
}

const headerBytesMax = 1024 * 1024;

async function readHeader(file: OpenFile, given: number | null): Promise<Header> {
  const whole = file.bytes <= headerBytesMax;
  const start = await readBytes(file, 0, Math.min(file.bytes, headerBytesMax)).catch((error: unknown) => {
    throw asFileError(file.path, error, 'cannot read the header');
  });
  const mark = markBytes(file.path, start);
  const bytes = start.subarray(mark);
  const delimiter = given ?? likeliestDelimiter(bytes);
  const records = new CsvRecords(file.path, delimiter);
  const { rows, bytesTaken } = records.take(bytes, whole, 1, 1);
  if (rows === 0) {
    throw fileError(file.path, whole ? 'has no header line' : `the header is longer than ${headerBytesMax} bytes`, 1);
  }
  checkUtf8(file.path, bytes.subarray(0, bytesTaken), 1);
  const names = Array.from({ length: records.width }, (_, i) => {
    const name = new TextDecoder().decode(bytes.subarray(records.starts[i], records.ends[i]));
    return records.forms[i] === fieldForm.escaped ? name.replaceAll('""', '"') : name;
  });
  return { names, delimiter, bytes: mark + bytesTaken, lines: countLines(bytes, bytesTaken) };
}

/** Of comma, semicolon, tab and bar the one that is most frequent in the first line outside quotes; comma in doubt. */
function likeliestDelimiter(bytes: Uint8Array): number {
  const candidates = [...',;\t|'].map((char) => char.charCodeAt(0));
  const counts = new Map(candidates.map((byte) => [byte, 0]));
  let quoted = false;
  for (const byte of bytes) {
    if (byte === 0x22) quoted = !quoted;
    else if (!quoted && (byte === 0x0a || byte === 0x0d)) break;
    else if (!quoted && counts.has(byte)) counts.set(byte, (counts.get(byte) ?? 0) + 1);
  }
  return candidates.reduce((best, byte) => ((counts.get(byte) ?? 0) > (counts.get(best) ?? 0) ? byte : best));
}
