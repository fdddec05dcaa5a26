import { describe, expect, test } from 'vitest';
import { type Batch, batchFromRows, type Schema, types } from '../../columnar/index.ts';
import { batchRowsMax } from '../table.ts';
import { iteratorTable, type RowObject } from './iterator.ts';
import { countOf, rowsOf } from './testing.ts';

const schema: Schema = {
  fields: [
    { name: 'i2', type: types.int2 },
    { name: 'i4', type: types.int4 },
    { name: 'i8', type: types.int8 },
    { name: 'f', type: types.float8 },
    { name: 'n', type: types.numeric(10, 2) },
    { name: 'b', type: types.boolean },
    { name: 's', type: types.text },
    { name: 'd', type: types.date },
    { name: 't', type: types.timestamptz },
    { name: 'iv', type: types.interval },
    { name: 'raw', type: types.bytea },
  ],
};

const narrow: Schema = {
  fields: [
    { name: 'i', type: types.int4 },
    { name: 's', type: types.text },
  ],
};

describe('row objects', () => {
  test('take friendly values', async () => {
    const at = new Date('2024-01-02T03:04:05.678Z');
    const rows: RowObject[] = [
      { i2: 1, i4: 2n, i8: 3, f: 4n, n: 5, b: true, s: 'x', d: at, t: at, iv: '1 day', raw: Uint8Array.of(1) },
      { i8: 9007199254740993n, n: '1.005', d: '1969-12-31', t: 5n, s: null, b: undefined, f: Number.NaN },
    ];
    expect(await rowsOf(iteratorTable('t', schema, () => rows))).toEqual([
      [1, 2, 3n, 4, 500n, true, 'x', 19724, 1704164645678000n, { months: 0, days: 1, micros: 0n }, Uint8Array.of(1)],
      [null, null, 9007199254740993n, Number.NaN, 101n, null, null, -1, 5n, null, null],
    ]);
  });

  test('give an error that names row and column when they do not fit', async () => {
    const bad: [RowObject, string][] = [
      [{ i4: 1.5 }, 'column "i4" (integer): 1.5 (number)'],
      [{ i4: 2 ** 31 }, 'column "i4" (integer): integer out of range'],
      [{ i4: '1' }, 'column "i4" (integer): "1" (string)'],
      [{ i8: 2 ** 53 }, 'column "i8" (bigint)'],
      [{ s: 1 }, 'column "s" (text): 1 (number)'],
      [{ t: new Date(Number.NaN) }, 'an invalid Date'],
      [{ d: 'yesterdayish' }, 'column "d" (date)'],
      [{ n: Number.POSITIVE_INFINITY }, 'column "n" (numeric(10,2))'],
      [{ iv: { months: 1 } }, 'column "iv" (interval)'],
      [{ typo: 1 }, 'the table has no column "typo"'],
    ];
    for (const [row, message] of bad) {
      const table = iteratorTable('t', schema, () => [{ i4: 1 }, row]);
      await expect(rowsOf(table)).rejects.toThrow(`table "t", row 2: `);
      await expect(rowsOf(table)).rejects.toThrow(message);
    }
  });
});

test('rows and batches mix, keep their order and are cut to size', async () => {
  const batch = batchFromRows(
    narrow,
    Array.from({ length: batchRowsMax + 5 }, (_, i) => [i, `b${i}`]),
  );
  async function* source(): AsyncGenerator<Batch | RowObject> {
    yield { i: -1 };
    yield batch;
    for (let i = 0; i < batchRowsMax + 1; i++) yield { i, s: 'r' };
  }
  const table = iteratorTable('t', narrow, source);
  const sizes: number[] = [];
  for await (const { numRows } of table.scan({ columns: [0], signal: new AbortController().signal }))
    sizes.push(numRows);
  expect(sizes).toEqual([1, batchRowsMax, 5, batchRowsMax, 1]);
  expect((await rowsOf(table, 's')).slice(0, 3)).toEqual([[null], ['b0'], ['b1']]);
  expect(await countOf(table)).toBe(2 * batchRowsMax + 7);
});

test('a batch of another schema is refused', async () => {
  const table = iteratorTable('t', narrow, () => [batchFromRows(schema, [])]);
  await expect(rowsOf(table)).rejects.toMatchObject({ code: 'schemaClash' });
});

test('an iterator that fails is named, also when it cannot begin', async () => {
  async function* source(): AsyncGenerator<RowObject> {
    yield { i: 1 };
    throw new Error('sensor unplugged');
  }
  await expect(rowsOf(iteratorTable('t', narrow, source))).rejects.toThrow(
    'table "t": its source failed: sensor unplugged',
  );
  const broken = iteratorTable('t', narrow, () => {
    throw new Error('no sensor');
  });
  await expect(rowsOf(broken)).rejects.toMatchObject({ code: 'internal', message: /no sensor/ });
});

test('cancelling ends a scan that waits, and tells the iterator', async () => {
  const controller = new AbortController();
  let returned = false;
  const stuck: AsyncIterable<RowObject> = {
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise(() => {}),
      return: async () => {
        returned = true;
        return { done: true, value: undefined };
      },
    }),
  };
  const scan = iteratorTable('t', narrow, () => stuck).scan({ columns: [0], signal: controller.signal });
  const first = scan[Symbol.asyncIterator]().next();
  controller.abort();
  await expect(first).rejects.toMatchObject({ code: 'cancelled' });
  expect(returned).toBe(true);
});
