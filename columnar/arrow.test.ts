import {
  Schema as ArrowSchema,
  type Data,
  type DataType,
  DateMillisecond,
  Decimal,
  Dictionary,
  DurationMillisecond,
  Field,
  FixedSizeBinary,
  Float16,
  Int8,
  Int32,
  IntervalDayTime,
  IntervalMonthDayNano,
  IntervalYearMonth,
  LargeUtf8,
  List,
  makeData,
  Null,
  RecordBatch,
  Struct,
  Table,
  TimeMillisecond,
  TimestampMillisecond,
  TimestampNanosecond,
  TimestampSecond,
  tableFromIPC,
  tableToIPC,
  Uint8,
  Uint16,
  Uint32,
  Uint64,
  Utf8,
  Utf8View,
  vectorFromArray,
} from 'apache-arrow';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { schemaFromArrow, schemaToArrow } from './arrow-schema.ts';
import type { Batch } from './batch.ts';
import { batchFromRows, batchToRows } from './build.ts';
import { decodeBatch, encodeBatch } from './codec.ts';
import { fromArrow } from './from-arrow.ts';
import { sliceBatch } from './slice.ts';
import { types } from './sql-types.ts';
import { batches } from './testing/arbitraries.ts';
import { arrowStream, encodeArrowStream, toArrow } from './to-arrow.ts';

const sliced = fc
  .tuple(batches, fc.nat(40))
  .map(([batch, skip]) => sliceBatch(batch, Math.min(skip, batch.numRows), batch.numRows));

function one(type: DataType, data: Data): RecordBatch {
  const schema = new ArrowSchema([new Field('c', type, true)]);
  return new RecordBatch(
    schema,
    makeData({ type: new Struct(schema.fields), length: data.length, nullCount: 0, children: [data] }),
  );
}

/** One column read by `fromArrow`: its type and values. */
function read(type: DataType, props: object): [string, unknown[]] {
  const batch = fromArrow(one(type, makeData({ type, ...props } as Parameters<typeof makeData>[0]) as Data));
  return [batch.schema.fields[0]?.type.kind ?? '', batchToRows(batch).map(([value]) => value)];
}

describe('there and back', () => {
  test('without copying', () => {
    fc.assert(
      fc.property(sliced, (batch) => {
        const back = fromArrow(toArrow(batch));
        expect(back.schema).toEqual(batch.schema);
        expect(back.numRows).toBe(batch.numRows);
        expect(batchToRows(back)).toEqual(batchToRows(batch));
        // Intervals are read word by word, to cut nanoseconds.
        batch.columns.forEach((column, index) => {
          if (batch.numRows > 0 && column.type.kind !== 'interval')
            expect(back.columns[index]?.values.buffer).toBe(column.values.buffer);
        });
      }),
    );
  });

  test('through an IPC stream of several batches', () => {
    fc.assert(
      fc.property(sliced, fc.nat(40), (batch, cut) => {
        const middle = Math.min(cut, batch.numRows);
        const parts = [sliceBatch(batch, 0, middle), sliceBatch(batch, middle, batch.numRows)];
        const table = tableFromIPC(encodeArrowStream(batch.schema, parts));
        expect(schemaFromArrow(table.schema)).toEqual(batch.schema);
        const rows = table.batches.flatMap((part) => batchToRows(fromArrow(part)));
        expect(rows).toEqual(batchToRows(batch));
      }),
    );
  });

  test('what Arrow reads is what we wrote', () => {
    const schema = {
      fields: [
        { name: 'b', type: types.boolean },
        { name: 'i', type: types.int8 },
        { name: 'n', type: types.numeric(10, 2) },
        { name: 't', type: types.text },
        { name: 'd', type: types.date },
        { name: 'z', type: types.timestamptz },
      ],
    };
    const batch = batchFromRows(schema, [
      [true, 5n, -150n, 'é', 1, 2_000n],
      [null, null, null, null, null, null],
    ]);
    const table = tableFromIPC(encodeArrowStream(schema, [batch]));
    expect(table.schema.toString()).toMatchInlineSnapshot(
      `"Schema<{ 0: b: Bool, 1: i: Int64, 2: n: Decimal[10e+2], 3: t: Utf8, 4: d: Date32<DAY>, 5: z: Timestamp<MICROSECOND, UTC> }>"`,
    );
    const row = table.get(0)?.toJSON();
    expect(row).toMatchObject({ b: true, i: 5n, t: 'é', d: 86_400_000, z: 2 });
    expect(String(table.getChild('n')?.get(0))).toBe('-150');
    expect(Object.values(table.get(1)?.toJSON() ?? {})).toEqual(Array(6).fill(null));
  });

  test('from Arrow over the wire', () => {
    const table = new Table({
      text: vectorFromArray(['a', null, 'c'], new Utf8()),
      number: vectorFromArray([1, null, 3], new Int32()),
    });
    const [recordBatch] = tableFromIPC(tableToIPC(table)).batches;
    const batch = fromArrow(recordBatch as RecordBatch);
    const back = decodeBatch(batch.schema, encodeBatch(batch));
    expect(batchToRows(back)).toEqual([
      ['a', 1],
      [null, null],
      ['c', 3],
    ]);
  });
});

test('an empty stream still tells the schema', () => {
  const schema = { fields: [{ name: 'a', type: types.interval }] };
  const table = tableFromIPC(encodeArrowStream(schema, []));
  expect(schemaFromArrow(table.schema)).toEqual(schema);
  expect(table.numRows).toBe(0);
});

test('a stream of chunks is the same stream', async () => {
  const schema = {
    fields: [
      { name: 'a', type: types.int4 },
      { name: 't', type: types.text },
    ],
  };
  const batches = [batchFromRows(schema, [[1, 'x']]), batchFromRows(schema, []), batchFromRows(schema, [[2, null]])];
  const later = async function* (): AsyncGenerator<Batch> {
    yield* batches;
  };
  const chunks: Uint8Array[] = [];
  for await (const chunk of arrowStream(schema, later())) chunks.push(chunk);
  expect(chunks).toHaveLength(5);
  expect(new Uint8Array(Buffer.concat(chunks))).toEqual(encodeArrowStream(schema, batches));
});

describe('types that are not ours', () => {
  test('integers become the next wider signed ones', () => {
    expect(read(new Int8(), { data: Int8Array.of(-128, 127) })).toEqual(['int2', [-128, 127]]);
    expect(read(new Uint8(), { data: Uint8Array.of(0, 255) })).toEqual(['int2', [0, 255]]);
    expect(read(new Uint16(), { data: Uint16Array.of(65_535) })).toEqual(['int4', [65_535]]);
    expect(read(new Uint32(), { data: Uint32Array.of(4_294_967_295) })).toEqual(['int8', [4_294_967_295n]]);
    expect(read(new Uint64(), { data: BigUint64Array.of(2n ** 64n - 1n) })).toEqual(['numeric', [2n ** 64n - 1n]]);
  });

  test('half floats', () => {
    const halves = Uint16Array.of(0x3c00, 0xc000, 0x7bff, 0x0001, 0x7c00, 0x7e00);
    expect(read(new Float16(), { data: halves })).toEqual(['float4', [1, -2, 65_504, 2 ** -24, Infinity, Number.NaN]]);
  });

  test('times of any unit', () => {
    expect(read(new TimestampSecond(), { data: BigInt64Array.of(-1n) })).toEqual(['timestamp', [-1_000_000n]]);
    expect(read(new TimestampMillisecond('Europe/Berlin'), { data: BigInt64Array.of(3n) })).toEqual([
      'timestamptz',
      [3_000n],
    ]);
    expect(read(new TimestampNanosecond(), { data: BigInt64Array.of(1_999n, -1n) })).toEqual(['timestamp', [1n, -1n]]);
    expect(read(new DateMillisecond(), { data: BigInt64Array.of(86_400_000n, -1n) })).toEqual(['date', [1, -1]]);
    expect(() => read(new TimestampSecond(), { data: BigInt64Array.of(2n ** 62n) })).toThrow('timestamp out of range');
  });

  test('intervals and durations', () => {
    expect(read(new IntervalYearMonth(), { data: Int32Array.of(14) })).toEqual([
      'interval',
      [{ months: 14, days: 0, micros: 0n }],
    ]);
    expect(read(new IntervalDayTime(), { data: Int32Array.of(2, -5) })).toEqual([
      'interval',
      [{ months: 0, days: 2, micros: -5_000n }],
    ]);
    expect(read(new DurationMillisecond(), { data: BigInt64Array.of(7n) })).toEqual([
      'interval',
      [{ months: 0, days: 0, micros: 7_000n }],
    ]);
    // 1999 ns
    expect(read(new IntervalMonthDayNano(), { data: Int32Array.of(1, 2, 1_999, 0) })).toEqual([
      'interval',
      [{ months: 1, days: 2, micros: 1n }],
    ]);
  });

  test('texts in large, viewed and dictionary form', () => {
    const long = 'longer than twelve bytes';
    const data = new TextEncoder().encode(`ab${long}`);
    const large = { data, valueOffsets: BigInt64Array.of(0n, 2n, BigInt(data.length)) };
    expect(read(new LargeUtf8(), large)).toEqual(['text', ['ab', long]]);

    const views = new Uint8Array(32);
    const words = new Int32Array(views.buffer);
    words[0] = 2;
    views.set([0x61, 0x62], 4);
    words.set([long.length, 0, 0, 2], 4);
    expect(read(new Utf8View(), { views, variadicBuffers: [data] })).toEqual(['text', ['ab', long]]);

    const dictionary = vectorFromArray(['x', null, 'z'], new Utf8());
    const codes = { data: Int32Array.of(2, 0, 1, 99), dictionary, nullBitmap: Uint8Array.of(0b0111) };
    expect(read(new Dictionary(new Utf8(), new Int32()), codes)).toEqual(['text', ['z', 'x', null, null]]);
    const plain = {
      data: Int32Array.of(0, 77),
      dictionary: vectorFromArray(['x'], new Utf8()),
      nullBitmap: Uint8Array.of(0b01),
    };
    expect(read(new Dictionary(new Utf8(), new Int32()), plain)).toEqual(['text', ['x', null]]);
  });

  test('a dictionary of several chunks, through IPC', () => {
    const type = new Dictionary(new Utf8(), new Int32());
    const table = new Table({ c: vectorFromArray(['a', 'b', 'a', null], type) });
    const [recordBatch] = tableFromIPC(tableToIPC(table)).batches;
    expect(batchToRows(fromArrow(recordBatch as RecordBatch))).toEqual([['a'], ['b'], ['a'], [null]]);
  });

  test('binary of fixed size, nothing but NULL', () => {
    expect(read(new FixedSizeBinary(2), { data: Uint8Array.of(1, 2, 3, 4) })).toEqual([
      'bytea',
      [Uint8Array.of(1, 2), Uint8Array.of(3, 4)],
    ]);
    expect(read(new Null(), { length: 2 })).toEqual(['text', [null, null]]);
  });

  test('what has no SQL type is refused by name', () => {
    const refuse = (type: DataType) => () => schemaFromArrow(new ArrowSchema([new Field('c', type)]));
    expect(refuse(new List(new Field('item', new Int32())))).toThrow('column "c" has the Arrow type List<');
    expect(refuse(new TimeMillisecond())).toThrow('has no SQL type');
    expect(refuse(new Decimal(2, 50, 256))).toThrow('has no SQL type');
  });
});

test('rows of a sliced Arrow batch', () => {
  const schema = {
    fields: [
      { name: 'b', type: types.boolean },
      { name: 't', type: types.text },
      { name: 'n', type: types.numeric(5, 1) },
    ],
  };
  const batch = batchFromRows(
    schema,
    Array.from({ length: 20 }, (_, i) => [i % 3 === 0, i % 4 === 0 ? null : `t${i}`, BigInt(i)]),
  );
  expect(batchToRows(fromArrow(toArrow(batch).slice(5, 16)))).toEqual(batchToRows(batch).slice(5, 16));
});

test('what lies under a NULL becomes zero', () => {
  const data = makeData({
    type: new Int32(),
    data: Int32Array.of(7, 8),
    nullBitmap: Uint8Array.of(0b10),
    length: 2,
    nullCount: 1,
  });
  const numbers = fromArrow(one(new Int32(), data)).columns[0];
  expect(numbers?.values).toEqual(Int32Array.of(0, 8));
  const texts = fromArrow(
    one(
      new Utf8(),
      makeData({
        type: new Utf8(),
        data: Uint8Array.of(0x61, 0x62),
        valueOffsets: Int32Array.of(0, 1, 2),
        nullBitmap: Uint8Array.of(0b10),
        length: 2,
        nullCount: 1,
      }),
    ),
  ).columns[0];
  expect(texts?.offsets).toEqual(Int32Array.of(0, 0, 1));
});

test('schemas there and back', () => {
  const schema = {
    fields: [
      { name: 'n', type: types.numeric(38, 10) },
      { name: 'z', type: types.timestamptz },
    ],
  };
  expect(schemaFromArrow(schemaToArrow(schema))).toEqual(schema);
});
