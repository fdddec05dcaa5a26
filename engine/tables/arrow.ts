import { type RecordBatch, type Table, tableFromIPC } from 'apache-arrow';
import { type Column, fromArrow, type Schema, schemaFromArrow } from '../../columnar/index.ts';
import { sameSchema } from '../same-schema.ts';
import { batchRowsMax } from '../table.ts';
import { asFileError, fileError } from './failure.ts';
import { columnNames } from './names.ts';
import { type OpenFile, type OpenReader, piecesOf, readBytes, throwIfCancelled } from './reader.ts';

/** Arrow IPC, file or stream (also Feather, version 2). Read whole, whatever part is wanted. */
export const openArrow: OpenReader = async (file, earlier) => {
  const table = await readTable(file);
  const schema = schemaOf(file, table);
  if (schema.fields.length === 0) throw fileError(file.path, 'has no columns');
  if (earlier && !sameSchema(schema, earlier)) {
    throw fileError(file.path, 'its columns changed since the table was opened');
  }
  const batchRows = table.batches.map((batch) => batch.numRows);
  return {
    schema,
    numRows: batchRows.reduce((sum, rows) => sum + rows, 0),
    async *read(now, columns, range, signal) {
      const batches = columns.length === 0 ? [] : (await readTable(now)).batches;
      for (const { block, start, end } of piecesOf(batchRows, range, batchRowsMax)) {
        throwIfCancelled(signal);
        const batch = batches[block];
        yield { numRows: end - start, columns: batch ? columnsOf(now, batch, columns, start, end) : [] };
      }
    },
  };
};

async function readTable(file: OpenFile): Promise<Table> {
  const bytes = await readBytes(file, 0, file.bytes);
  try {
    return tableFromIPC(bytes);
  } catch (error) {
    throw asFileError(file.path, error, 'is not a readable Arrow file');
  }
}

function schemaOf(file: OpenFile, table: Table): Schema {
  try {
    const { fields } = schemaFromArrow(table.schema);
    const names = columnNames(fields.map(({ name }) => name));
    return { fields: fields.map(({ type }, i) => ({ name: names[i] as string, type })) };
  } catch (error) {
    throw asFileError(file.path, error, 'has a column that cannot be read');
  }
}

function columnsOf(
  file: OpenFile,
  batch: RecordBatch,
  columns: readonly number[],
  start: number,
  end: number,
): Column[] {
  try {
    return fromArrow(batch.selectAt([...columns]).slice(start, end)).columns.map(owned);
  } catch (error) {
    throw asFileError(file.path, error, 'cannot be decoded');
  }
}

/** A copy in memory of its own: a view would keep the bytes of the whole file. */
function owned(column: Column): Column {
  const { offsets, validity, length } = column;
  if (!offsets) return { ...column, values: column.values.slice(), validity: validity?.slice() ?? null };
  const first = offsets[0] as number;
  return {
    ...column,
    values: column.values.slice(first, offsets[length]),
    offsets: offsets.map((offset) => offset - first),
    validity: validity?.slice() ?? null,
  };
}
