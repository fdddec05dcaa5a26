import {
  type Batch,
  ColumnBuilder,
  QueryError,
  type Schema,
  selectColumns,
  sliceBatch,
  typeName,
} from '../../columnar/index.ts';
import { sameSchema } from '../same-schema.ts';
import { batchRowsMax, type ScanRequest, type TableSource } from '../table.ts';
import { cancellable } from './cancellable.ts';
import { rowValue } from './row-value.ts';

/** A row as an embedding program writes it: values by column name, as `rowValue` takes them; a missing one is NULL. */
export type RowObject = Readonly<Record<string, unknown>>;

/** Rows one by one, or batches of exactly the table's schema, or both. */
export type RowSource = AsyncIterable<Batch | RowObject> | Iterable<Batch | RowObject>;

/**
 * A table whose rows an embedding program supplies. Each scan calls `rows` anew and reads it to its end.
 * A scan throws QueryError `typeMismatch` (or the conversion's own code) naming row and column for a
 * value that does not fit, and `internal` when the program's iterator fails.
 */
export function iteratorTable(name: string, schema: Schema, rows: () => RowSource): TableSource {
  return { name, schema, scan: (request) => scan(name, schema, rows, request) };
}

async function* scan(
  name: string,
  schema: Schema,
  rows: () => RowSource,
  { columns, signal }: ScanRequest,
): AsyncGenerator<Batch> {
  let pending = new PendingRows(name, schema, columns, 0);
  let read = 0;
  for await (const item of cancellable(rows, signal, (error) => sourceFailed(name, error))) {
    if (!isBatch(item)) {
      pending.append(item);
      read++;
      if (pending.numRows < batchRowsMax) continue;
    }
    if (pending.numRows > 0) yield pending.finish();
    pending = new PendingRows(name, schema, columns, read);
    if (isBatch(item)) {
      yield* pieces(name, schema, columns, item);
      read += item.numRows;
    }
  }
  if (pending.numRows > 0) yield pending.finish();
}

/** Row objects on their way into a batch. */
class PendingRows {
  readonly #name: string;
  readonly #columns: readonly { readonly name: string; readonly builder: ColumnBuilder }[];
  readonly #known: ReadonlySet<string>;
  readonly #schema: Schema;
  readonly #firstRow: number;
  numRows = 0;

  constructor(name: string, schema: Schema, columns: readonly number[], firstRow: number) {
    this.#name = name;
    this.#firstRow = firstRow;
    this.#known = new Set(schema.fields.map((field) => field.name));
    this.#schema = schemaOf(schema, columns);
    this.#columns = this.#schema.fields.map((field) => ({ name: field.name, builder: new ColumnBuilder(field.type) }));
  }

  append(row: RowObject): void {
    if (typeof row !== 'object' || row === null) throw this.#error('internal', `is not an object but ${String(row)}`);
    for (const key of Object.keys(row)) {
      if (!this.#known.has(key)) throw this.#error('unknownColumn', `the table has no column "${key}"`);
    }
    for (const { name, builder } of this.#columns) {
      try {
        builder.append(rowValue(builder.type, row[name]));
      } catch (error) {
        if (!(error instanceof QueryError)) throw error;
        throw this.#error(error.code, `column "${name}" (${typeName(builder.type)}): ${error.message}`, error);
      }
    }
    this.numRows++;
  }

  finish(): Batch {
    return {
      schema: this.#schema,
      numRows: this.numRows,
      columns: this.#columns.map(({ builder }) => builder.finish()),
    };
  }

  #error(code: QueryError['code'], message: string, cause?: unknown): QueryError {
    return new QueryError(code, `table "${this.#name}", row ${this.#firstRow + this.numRows + 1}: ${message}`, {
      cause,
    });
  }
}

function* pieces(name: string, schema: Schema, columns: readonly number[], batch: Batch): Generator<Batch> {
  if (!sameSchema(batch.schema, schema)) {
    throw new QueryError('schemaClash', `table "${name}": its source gave a batch of another schema`);
  }
  const wanted = selectColumns(batch, columns);
  for (let start = 0; start < batch.numRows; start += batchRowsMax) {
    yield sliceBatch(wanted, start, Math.min(start + batchRowsMax, batch.numRows));
  }
}

function sourceFailed(name: string, error: unknown): QueryError {
  if (error instanceof QueryError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new QueryError('internal', `table "${name}": its source failed: ${reason}`, { cause: error });
}

function isBatch(item: Batch | RowObject): item is Batch {
  return typeof item === 'object' && item !== null && typeof item.numRows === 'number' && Array.isArray(item.columns);
}

function schemaOf(schema: Schema, columns: readonly number[]): Schema {
  return {
    fields: columns.map((index) => {
      const field = schema.fields[index];
      if (!field) throw new RangeError(`column ${index} of a table with ${schema.fields.length}`);
      return field;
    }),
  };
}
