import type { Batch, Schema } from '../../columnar/index.ts';
import { cellText, isNumber } from './cells.ts';
import { displayWidth, printable, truncate } from './printable.ts';

/** Shown for NULL, so that it is told from an empty text. */
const nullMark = '∅';
/** Column widths follow from this many rows; wider cells that come later push their line out. */
const sampleRowsMax = 1_000;
/** A column is never cut narrower than this to fit the terminal. */
const narrowedWidthMin = 8;
const frameWidth = 3; // ' │ ' between columns, a space at both ends

/**
 * A result as an aligned table, written as batches come: numbers to the right, cut to the terminal's width.
 * Lines end in `\n`.
 */
export class TablePrinter {
  readonly #schema: Schema;
  readonly #widthMax: number;
  #waiting: string[][] = [];
  #widths: readonly number[] | null = null;
  #rows = 0;

  /** @param widthMax columns of the terminal; `Infinity` when there is none */
  constructor(schema: Schema, widthMax: number) {
    this.#schema = schema;
    this.#widthMax = widthMax;
  }

  /** @returns what can be printed now */
  push(batch: Batch): string {
    this.#rows += batch.numRows;
    for (let row = 0; row < batch.numRows; row++) {
      this.#waiting.push(batch.columns.map((column) => printable(cellText(column, row) ?? nullMark)));
    }
    return this.#waiting.length >= sampleRowsMax || this.#widths !== null ? this.flush() : '';
  }

  /** @returns the rest, with the number of rows */
  end(): string {
    return `${this.flush()}(${this.#rows} ${this.#rows === 1 ? 'row' : 'rows'})\n`;
  }

  /** @returns the lines that wait, without the number of rows */
  flush(): string {
    const head = this.#widths === null ? this.#header() : '';
    const lines = this.#waiting.map((cells) => this.#line(cells));
    this.#waiting = [];
    return head + lines.join('');
  }

  /** Settles the widths. */
  #header(): string {
    const names = this.#schema.fields.map(({ name }) => printable(name));
    const wanted = names.map((name, column) =>
      this.#waiting.reduce((width, cells) => Math.max(width, displayWidth(cells[column] ?? '')), displayWidth(name)),
    );
    const widths = fitted(wanted, this.#widthMax);
    this.#widths = widths;
    const rule = widths
      .map((width) => '─'.repeat(width + 2))
      .join('┼')
      .slice(0, this.#widthMax);
    return `${this.#line(names)}${rule}\n`;
  }

  #line(cells: readonly string[]): string {
    const widths = this.#widths ?? [];
    const padded = cells.map((cell, column) => {
      const width = widths[column] ?? 0;
      const type = this.#schema.fields[column]?.type;
      const number = type !== undefined && isNumber(type);
      const shown = number ? cell : truncate(cell, width);
      const padding = ' '.repeat(Math.max(0, width - displayWidth(shown)));
      return number ? padding + shown : shown + padding;
    });
    return ` ${padded.join(' │ ')}`.trimEnd().concat('\n');
  }
}

/**
 * Takes from the widest columns until the line fits, as far as that goes. A column on its own, as a plan has, is not
 * cut: the terminal wraps it, and nothing is lost.
 */
function fitted(wanted: readonly number[], widthMax: number): readonly number[] {
  if (wanted.length === 1) return wanted;
  const widths = [...wanted];
  let excess = widths.reduce((sum, width) => sum + width + frameWidth, 0) - 1 - widthMax;
  while (excess > 0) {
    const widest = Math.max(...widths);
    if (widest <= narrowedWidthMin) break;
    widths[widths.indexOf(widest)] = widest - 1;
    excess--;
  }
  return widths;
}
