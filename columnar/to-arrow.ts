import {
  type Schema as ArrowSchema,
  type Data,
  makeData,
  RecordBatch,
  RecordBatchStreamWriter,
  Struct,
} from 'apache-arrow';
import { schemaToArrow, typeToArrow } from './arrow-schema.ts';
import type { Batch, Column } from './batch.ts';
import type { Schema } from './types.ts';

/** The batch as Arrow's, around the same buffers. */
export function toArrow(batch: Batch): RecordBatch {
  return recordBatch(schemaToArrow(batch.schema), batch);
}

function recordBatch(schema: ArrowSchema, batch: Batch): RecordBatch {
  const children = batch.columns.map(columnToArrow);
  const data = makeData({ type: new Struct(schema.fields), length: batch.numRows, nullCount: 0, children });
  return new RecordBatch(schema, data);
}

function columnToArrow(column: Column): Data {
  const { length, validity, values, offsets } = column;
  const props = {
    type: typeToArrow(column.type),
    length,
    // -1: Arrow counts when somebody asks.
    nullCount: validity === null ? 0 : -1,
    nullBitmap: validity,
    data: values,
  };
  return makeData((offsets === null ? props : { ...props, valueOffsets: offsets }) as Parameters<typeof makeData>[0]);
}

/** An Arrow IPC stream: schema, batches, end. */
export function encodeArrowStream(schema: Schema, batches: Iterable<Batch>): Uint8Array {
  const writer = new RecordBatchStreamWriter();
  const arrowSchema = schemaToArrow(schema);
  writer.reset(undefined, arrowSchema);
  for (const batch of batches) writer.write(recordBatch(arrowSchema, batch));
  writer.finish();
  return writer.toUint8Array(true);
}

/** End of stream: continuation marker, no metadata. */
const endBytes = new Uint8Array(Int32Array.of(-1, 0).buffer);

/** The bytes of `encodeArrowStream` as batches arrive: one chunk for the schema, one a batch, one for the end. */
export async function* arrowStream(schema: Schema, batches: AsyncIterable<Batch>): AsyncGenerator<Uint8Array> {
  const head = encodeArrowStream(schema, []).subarray(0, -endBytes.length);
  yield head;
  // Without dictionaries the messages of a stream do not depend on each other.
  for await (const batch of batches) yield encodeArrowStream(schema, [batch]).subarray(head.length, -endBytes.length);
  yield endBytes;
}
