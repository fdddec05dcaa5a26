import { type Batch, type Column, formatValue, getBit, getValue } from '../../columnar/index.ts';
import type { MessageWriter } from './writer.ts';

/** Writes one cell of a column, in text format. */
type CellWriter = (writer: MessageWriter, row: number) => void;

/**
 * Writes rows of `batch` as DataRow messages, from `startRow` until the writer holds `bytesMax` bytes.
 * @returns the row to go on with; `batch.numRows` when all are written
 */
export function writeDataRows(writer: MessageWriter, batch: Batch, startRow: number, bytesMax: number): number {
  const cells = batch.columns.map(cellWriter);
  let row = startRow;
  while (row < batch.numRows && writer.pendingBytes < bytesMax) {
    writer.begin('D');
    writer.int16(cells.length);
    for (const write of cells) write(writer, row);
    writer.end();
    row++;
  }
  return row;
}

function cellWriter(column: Column): CellWriter {
  const { validity } = column;
  const write = presentCellWriter(column);
  if (validity === null) return write;
  return (writer, row) => {
    if (getBit(validity, row)) write(writer, row);
    else writer.cell(null);
  };
}

function presentCellWriter(column: Column): CellWriter {
  const { type, offsets } = column;
  if (type.kind === 'text' && offsets !== null && column.values instanceof Uint8Array) {
    const bytes = column.values;
    return (writer, row) => writer.cellBytes(bytes.subarray(offsets[row], offsets[row + 1]));
  }
  if (type.kind === 'boolean' && column.values instanceof Uint8Array) {
    const bits = column.values;
    return (writer, row) => writer.cell(getBit(bits, row) ? 't' : 'f');
  }
  return (writer, row) => {
    const value = getValue(column, row);
    writer.cell(value === null ? null : formatValue(type, value));
  };
}
