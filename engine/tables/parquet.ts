import {
  type AsyncBuffer,
  type DecodedArray,
  type FileMetaData,
  parquetMetadataAsync,
  parquetScan,
  parquetSchema,
} from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import type { Column } from '../../columnar/index.ts';
import { sameSchema } from '../same-schema.ts';
import { batchRowsMax } from '../table.ts';
import { asFileError, fileError } from './failure.ts';
import { columnNames } from './names.ts';
import { type ParquetField, parquetField } from './parquet-columns.ts';
import { type OpenFile, type OpenReader, piecesOf, readBytes, throwIfCancelled } from './reader.ts';

type Scan = Awaited<ReturnType<typeof parquetScan>>;

/**
 * Parquet. Only the row groups that a range touches are read, and of them only the wanted columns.
 * Nested columns become JSON text.
 */
export const openParquet: OpenReader = async (file, earlier) => {
  const metadata = await parquetMetadataAsync(sourceOf(file)).catch((error: unknown) => {
    throw asFileError(file.path, error, 'is not a readable Parquet file');
  });
  const { children } = parquetSchema(metadata);
  if (children.length === 0) throw fileError(file.path, 'has no columns');
  const names = columnNames(children.map((child) => child.element.name));
  const fields = children.map(parquetField);
  const schema = { fields: fields.map(({ type }, i) => ({ name: names[i] as string, type })) };
  if (earlier && !sameSchema(schema, earlier)) {
    throw fileError(file.path, 'its columns changed since the table was opened');
  }
  const physical = withoutLogicalTypes(metadata);
  const groupRows = metadata.row_groups.map((group) => Number(group.num_rows));
  return {
    schema,
    numRows: groupRows.reduce((sum, rows) => sum + rows, 0),
    async *read(now, columns, range, signal) {
      const wanted = columns.map((index) => fields[index] as ParquetField);
      const options = { file: sourceOf(now), compressors };
      const group = new GroupColumns(now, wanted, {
        // As stored, without a Date, a float or a string for each cell.
        flat: await parquetScan({ ...options, metadata: physical, utf8: false, parsers: asStored }),
        nested: await parquetScan({ ...options, metadata, parsers: readable }),
      });
      for (const { block, start, end } of piecesOf(groupRows, range, batchRowsMax)) {
        throwIfCancelled(signal);
        const blockStart = groupRows.slice(0, block).reduce((sum, rows) => sum + rows, 0);
        const part = {
          start: Math.max(range.start, blockStart),
          end: Math.min(range.end, blockStart + (groupRows[block] as number)),
        };
        await group.load(block, part, signal);
        yield { numRows: end - start, columns: group.columns(start + blockStart - part.start, end - start) };
      }
    },
  };
};

interface Scans {
  readonly flat: Scan;
  readonly nested: Scan;
}

/** The wanted part of one row group's columns, decoded. */
class GroupColumns {
  readonly #file: OpenFile;
  readonly #fields: readonly ParquetField[];
  readonly #scans: Scans;
  #block = -1;
  #data: readonly DecodedArray[] = [];

  constructor(file: OpenFile, fields: readonly ParquetField[], scans: Scans) {
    this.#file = file;
    this.#fields = fields;
    this.#scans = scans;
  }

  async load(
    block: number,
    rows: { readonly start: number; readonly end: number },
    signal: AbortSignal,
  ): Promise<void> {
    if (block === this.#block) return;
    const data: DecodedArray[] = [];
    for (const field of this.#fields) {
      throwIfCancelled(signal);
      const scan = field.nested ? this.#scans.nested : this.#scans.flat;
      const range = { column: field.column, rowStart: rows.start, rowEnd: rows.end };
      data.push(
        await scan.readColumn(range).catch((error: unknown) => {
          throw asFileError(this.#file.path, error, `column "${field.column}" cannot be decoded`);
        }),
      );
    }
    const short = data.findIndex((values) => values.length !== rows.end - rows.start);
    if (short >= 0) {
      throw fileError(this.#file.path, `column "${this.#fields[short]?.column}" holds fewer rows than its row group`);
    }
    this.#data = data;
    this.#block = block;
  }

  columns(start: number, rows: number): Column[] {
    return this.#fields.map((field, i) => {
      try {
        return field.convert(this.#data[i] as DecodedArray, start, start + rows);
      } catch (error) {
        throw asFileError(this.#file.path, error, `column "${field.column}" cannot be decoded`);
      }
    });
  }
}

function sourceOf(file: OpenFile): AsyncBuffer {
  return {
    byteLength: file.bytes,
    slice: async (start, end = file.bytes) => (await readBytes(file, start, end)).buffer,
  };
}

function withoutLogicalTypes(metadata: FileMetaData): FileMetaData {
  const schema = metadata.schema.map((element) => {
    const { converted_type: _converted, logical_type: _logical, ...physical } = element;
    return element.num_children ? element : physical;
  });
  return { ...metadata, schema };
}

const same = <T>(value: T): T => value;
const asStored = { timestampFromNanoseconds: same };

const readable = {
  timestampFromMilliseconds: (millis: bigint) => new Date(Number(millis)).toISOString(),
  timestampFromMicroseconds: (micros: bigint) => new Date(Number(micros / 1_000n)).toISOString(),
  timestampFromNanoseconds: (nanos: bigint) => new Date(Number(nanos / 1_000_000n)).toISOString(),
  dateFromDays: (days: number) => new Date(days * 86_400_000).toISOString().slice(0, 10),
};
