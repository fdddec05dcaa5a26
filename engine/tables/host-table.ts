import { type Batch, ColumnBuilder, type SqlType, type SqlValue, types } from '../../columnar/index.ts';
import type { Runtime } from '../../overlay/index.ts';
import { batchRowsMax, type ScanRequest, type TableSource } from '../table.ts';
import type { HostSamples } from './host-samples.ts';
import { throwIfCancelled } from './reader.ts';

export interface HostColumn<Row> {
  readonly name: string;
  readonly type: SqlType;
  readonly value: (row: Row) => SqlValue | null;
}

export interface HostContext {
  readonly runtime: Runtime;
  readonly samples: HostSamples;
  readonly nodeLabel: string | null;
}

/**
 * A table about this machine. `rows` is told which columns are wanted, to leave out samples that no wanted
 * column needs. Before the given columns come `node`, if the node has a label, and `hostname`.
 */
export function hostTable<Row>(
  name: string,
  context: HostContext,
  own: readonly HostColumn<Row>[],
  rows: (wanted: ReadonlySet<string>) => Promise<readonly Row[]>,
): TableSource {
  const { nodeLabel, samples } = context;
  const columns: readonly HostColumn<Row>[] = [
    ...(nodeLabel === null ? [] : [text<Row>('node', () => nodeLabel)]),
    text<Row>('hostname', () => samples.machine.hostname()),
    ...own,
  ];
  const schema = { fields: columns.map((column) => ({ name: column.name, type: column.type })) };
  return {
    name,
    schema,
    async *scan(request: ScanRequest): AsyncGenerator<Batch> {
      throwIfCancelled(request.signal);
      const wanted = request.columns.map((index) => {
        const column = columns[index];
        if (!column) throw new RangeError(`column ${index} of a table with ${columns.length}`);
        return column;
      });
      const found = await rows(new Set(wanted.map((column) => column.name)));
      for (let start = 0; start < found.length; start += batchRowsMax) {
        throwIfCancelled(request.signal);
        yield toBatch(wanted, found.slice(start, start + batchRowsMax));
      }
    },
  };
}

function toBatch<Row>(columns: readonly HostColumn<Row>[], rows: readonly Row[]): Batch {
  return {
    schema: { fields: columns.map(({ name, type }) => ({ name, type })) },
    numRows: rows.length,
    columns: columns.map(({ type, value }) => {
      const builder = new ColumnBuilder(type, rows.length);
      for (const row of rows) builder.append(value(row));
      return builder.finish();
    }),
  };
}

// Containers and odd kernels give null, -1, NaN, '' or 'unknown' for what they do not know: NULL.

export function text<Row>(name: string, of: (row: Row) => string | null | undefined): HostColumn<Row> {
  const known = (value: string | null | undefined) => (value && value.toLowerCase() !== 'unknown' ? value : null);
  return { name, type: types.text, value: (row) => known(of(row)) };
}

export function int4<Row>(name: string, of: (row: Row) => number | null | undefined): HostColumn<Row> {
  return { name, type: types.int4, value: (row) => wholeOf(of(row)) };
}

export function int8<Row>(name: string, of: (row: Row) => number | null | undefined): HostColumn<Row> {
  const value = (row: Row) => {
    const whole = wholeOf(of(row));
    return whole === null ? null : BigInt(whole);
  };
  return { name, type: types.int8, value };
}

export function float8<Row>(name: string, of: (row: Row) => number | null | undefined): HostColumn<Row> {
  return { name, type: types.float8, value: (row) => figure(of(row)) };
}

/** From milliseconds since 1970. */
export function timestamptz<Row>(name: string, ofMs: (row: Row) => number | null | undefined): HostColumn<Row> {
  const value = (row: Row) => {
    const ms = figure(ofMs(row));
    return ms === null ? null : BigInt(Math.round(ms * 1_000));
  };
  return { name, type: types.timestamptz, value };
}

function wholeOf(value: number | null | undefined): number | null {
  const known = figure(value);
  return known === null ? null : Math.round(known);
}

function figure(value: number | null | undefined): number | null {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : null;
}
