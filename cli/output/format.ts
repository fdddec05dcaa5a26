import { arrowStream, type Batch, type Schema } from '../../columnar/index.ts';
import type { EpochAnswer } from '../../engine/index.ts';
import { describeCoverage, markedRows, markedSchema, nodesConcerned } from '../../gateway/index.ts';
import { csvHeader, csvRows } from './csv.ts';
import { jsonRows } from './json.ts';
import { printable, wrapped } from './printable.ts';
import { TablePrinter } from './table.ts';

export const formatNames = ['table', 'csv', 'json', 'arrow'] as const;
export type FormatName = (typeof formatNames)[number];

/** Turns results into text or bytes, as they come. */
export interface Format {
  rows(schema: Schema, batches: AsyncIterable<Batch>): AsyncIterable<string | Uint8Array>;
  epochs(schema: Schema, answers: AsyncIterable<EpochAnswer>): AsyncIterable<string | Uint8Array>;
}

/** @param widthMax columns of the terminal that `table` is cut to; `Infinity` when there is none */
export function formatNamed(name: FormatName, widthMax: number): Format {
  return name === 'table' ? tableFormat(widthMax) : formats[name];
}

function tableFormat(widthMax: number): Format {
  return {
    async *rows(schema, batches) {
      const table = new TablePrinter(schema, widthMax);
      for await (const batch of batches) yield table.push(batch);
      yield table.end();
    },
    async *epochs(schema, answers) {
      for await (const { epoch, atMs, batch, coverage } of answers) {
        const table = new TablePrinter(schema, widthMax);
        const title = `epoch ${epoch} · ${timeOfDay(atMs)} · ${printable(describeCoverage(coverage))}`;
        yield `${wrapped(title, widthMax)}\n${table.push(batch)}${table.end()}\n`;
      }
    },
  };
}

function timeOfDay(atMs: number): string {
  return new Date(atMs).toTimeString().slice(0, 8);
}

const formats: Readonly<Record<Exclude<FormatName, 'table'>, Format>> = {
  csv: {
    rows: csvText,
    epochs: (schema, answers) => csvText(markedSchema(schema), marked(answers)),
  },
  /** Rows: one array a result. Epochs: one object a line. */
  json: {
    async *rows(_schema, batches) {
      let separator = '[';
      for await (const batch of batches) {
        if (batch.numRows === 0) continue;
        yield `${separator}${jsonRows(batch).join(',\n')}`;
        separator = ',\n';
      }
      yield separator === '[' ? '[]\n' : ']\n';
    },
    async *epochs(_schema, answers) {
      for await (const { epoch, atMs, batch, coverage } of answers) {
        const { complete, nodesAnswered, reasons } = coverage;
        const missing = coverage.missing.map(({ address }) => address);
        const marks = JSON.stringify({
          epoch,
          at: new Date(atMs).toISOString(),
          coverage: { complete, nodesAnswered, nodesConcerned: nodesConcerned(coverage), missing, reasons },
        });
        yield `${marks.slice(0, -1)},"rows":[${jsonRows(batch).join(',')}]}\n`;
      }
    },
  },
  arrow: {
    rows: arrowStream,
    epochs: (schema, answers) => arrowStream(markedSchema(schema), marked(answers)),
  },
};

/** The header comes with the first rows or at the end, so that a query which fails before leaves nothing behind. */
async function* csvText(schema: Schema, batches: AsyncIterable<Batch>): AsyncGenerator<string> {
  let header = csvHeader(schema);
  for await (const batch of batches) {
    yield header + csvRows(batch);
    header = '';
  }
  yield header;
}

async function* marked(answers: AsyncIterable<EpochAnswer>): AsyncGenerator<Batch> {
  for await (const answer of answers) yield markedRows(answer);
}
