import type { Batch, Column } from '../../columnar/index.ts';
import { cellText, isNumber } from './cells.ts';

/**
 * Rows as JSON objects, one a text. Numbers keep all their digits (a reader with 64-bit floats may round them);
 * NaN, the infinities and every other type are strings as SQL writes them. Of columns with one name the last stays.
 */
export function jsonRows(batch: Batch): string[] {
  const names = batch.schema.fields.map(({ name }) => JSON.stringify(name));
  const lastOfName = new Map(names.map((name, column) => [name, column]));
  const rows: string[] = [];
  for (let row = 0; row < batch.numRows; row++) {
    const members: string[] = [];
    for (const [name, index] of lastOfName) {
      const column = batch.columns[index];
      if (column !== undefined) members.push(`${name}:${jsonCell(column, row)}`);
    }
    rows.push(`{${members.join(',')}}`);
  }
  return rows;
}

function jsonCell(column: Column, row: number): string {
  const text = cellText(column, row);
  if (text === null) return 'null';
  if (column.type.kind === 'boolean') return text;
  return isNumber(column.type) && /^-?\d/.test(text) ? text : JSON.stringify(text);
}
