import { isUtf8 } from 'node:buffer';
import { QueryError } from '../../columnar/index.ts';
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
import { type OpenFile, type OpenReader, piecesOf, readBytes, throwIfCancelled } from './reader.ts';
import { markBytes } from './text-chunks.ts';

/** A JSON document is read whole, as one string; a longer one belongs into NDJSON. */
const jsonBytesMax = 256 * 1024 * 1024;

/** A JSON array of objects. Unlike the other formats it is read whole, whatever part is wanted. */
export const openJson: OpenReader = async (file, earlier) => {
  const objects = await readObjects(file);
  const guess = new JsonGuess();
  for (const object of objects) guess.observe(object);
  const fields = earlier ? matchFields(guess.fields(), earlier) : guess.fields();
  if (fields.length === 0) throw fileError(file.path, 'holds no object with a key');
  const numRows = objects.length;
  return {
    schema: { fields: fields.map(({ name, type }) => ({ name, type })) },
    numRows,
    async *read(now, columns, range, signal) {
      const wanted = columns.map((index) => fields[index] as JsonField);
      const rows = wanted.length === 0 ? [] : await readObjects(now);
      if (wanted.length > 0 && rows.length !== numRows) throw fileError(file.path, 'was changed while it was read');
      for (const { start, end } of piecesOf([numRows], range, batchRowsMax)) {
        throwIfCancelled(signal);
        const fail = (index: number, message: string) =>
          fileError(file.path, `element ${start + index + 1} of the array: ${message}`);
        yield { numRows: end - start, columns: jsonColumns(rows.slice(start, end), wanted, fail) };
      }
    },
  };
};

async function readObjects(file: OpenFile): Promise<JsonObject[]> {
  if (file.bytes > jsonBytesMax) {
    throw new QueryError('file', `${file.path}: is ${file.bytes} bytes long; JSON is read up to ${jsonBytesMax}`, {
      hint: 'Write it as NDJSON, one object a line, in a file named .ndjson.',
    });
  }
  const bytes = await readBytes(file, 0, file.bytes);
  if (!isUtf8(bytes.subarray(markBytes(file.path, bytes)))) throw fileError(file.path, 'the text is not UTF-8');
  const value = parse(file.path, new TextDecoder().decode(bytes));
  if (!Array.isArray(value)) throw fileError(file.path, `expected an array of objects, found ${jsonKind(value)}`);
  const objects: unknown[] = value;
  const stranger = objects.findIndex((element) => !isJsonObject(element));
  if (stranger >= 0) {
    const kind = jsonKind(objects[stranger]);
    throw fileError(file.path, `element ${stranger + 1} of the array: expected an object, found ${kind}`);
  }
  return objects as JsonObject[];
}

function parse(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new QueryError('file', `${path}: is not JSON: ${(error as Error).message}`, {
      cause: error,
      hint: 'A file of one object a line is NDJSON: name it .ndjson.',
    });
  }
}
