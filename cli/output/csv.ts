import type { Batch, Schema } from '../../columnar/index.ts';
import { cellText } from './cells.ts';

// RFC 4180, with `\n` line ends. NULL is empty, an empty text is `""`, as in PostgreSQL's COPY.

export function csvHeader(schema: Schema): string {
  return `${schema.fields.map(({ name }) => quoted(name)).join(',')}\n`;
}

export function csvRows(batch: Batch): string {
  const lines: string[] = [];
  for (let row = 0; row < batch.numRows; row++) {
    const cells = batch.columns.map((column) => {
      const text = cellText(column, row);
      return text === null ? '' : quoted(text);
    });
    lines.push(`${cells.join(',')}\n`);
  }
  return lines.join('');
}

function quoted(text: string): string {
  return text === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
