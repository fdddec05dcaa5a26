import { tableFromIPC } from 'apache-arrow';
import { describe, expect, test } from 'vitest';
import { type Batch, batchFromRows, type Schema, type SqlValue, types } from '../../columnar/index.ts';
import type { Coverage, EpochAnswer } from '../../engine/index.ts';
import { type Format, type FormatName, formatNamed } from './format.ts';

const schema: Schema = {
  fields: [
    { name: 'carrier', type: types.text },
    { name: 'flights', type: types.int8 },
    { name: 'delay', type: types.float8 },
    { name: 'price', type: types.numeric(8, 2) },
    { name: 'late', type: types.boolean },
    { name: 'day', type: types.date },
  ],
};
const rows: (SqlValue | null)[][] = [
  ['AA', 9007199254740993n, 3.5, 1050n, true, 0],
  [null, null, null, null, null, null],
  ['', -1n, Number.NaN, -5n, false, -1],
  ['a,"b"\nc', 0n, 1e21, 0n, true, 19_000],
];
const batches: Batch[] = [batchFromRows(schema, rows.slice(0, 2)), batchFromRows(schema, rows.slice(2))];

const whole: Coverage = {
  complete: true,
  nodesAnswered: 8,
  nodesReached: 8,
  missing: [],
  regionsLost: [],
  batchesLost: 0,
  reasons: [],
};
const part: Coverage = {
  ...whole,
  complete: false,
  nodesAnswered: 7,
  nodesReached: 7,
  missing: [{ id: '5', address: 'h:5' }],
  reasons: ['node 5 failed'],
};
const oneColumn: Schema = { fields: [{ name: 'n', type: types.int4 }] };
const answers: EpochAnswer[] = [
  { epoch: 1, atMs: 1_000, batch: batchFromRows(oneColumn, [[10]]), coverage: whole },
  { epoch: 2, atMs: 2_000, batch: batchFromRows(oneColumn, [[20]]), coverage: part },
];

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

async function bytes(chunks: AsyncIterable<string | Uint8Array>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const chunk of chunks) all.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(all);
}

const formatted = async (
  name: FormatName,
  give = (format: Format) => format.rows(schema, each(batches)),
  width = Number.POSITIVE_INFINITY,
) => (await bytes(give(formatNamed(name, width)))).toString();

describe('table', () => {
  test('aligns numbers to the right, shows NULL, and keeps a row on its line', async () => {
    expect(await formatted('table')).toBe(
      [
        ' carrier │          flights │ delay │ price │ late  │ day',
        '─────────┼──────────────────┼───────┼───────┼───────┼────────────',
        ' AA      │ 9007199254740993 │   3.5 │ 10.50 │ true  │ 1970-01-01',
        ' ∅       │                ∅ │     ∅ │     ∅ │ ∅     │ ∅',
        '         │               -1 │   NaN │ -0.05 │ false │ 1969-12-31',
        ' a,"b"↵c │                0 │ 1e+21 │  0.00 │ true  │ 2022-01-08',
        '(4 rows)',
        '',
      ].join('\n'),
    );
  });

  test('no rows, and one', async () => {
    const give = (count: number) => (format: Format) =>
      format.rows(oneColumn, each([batchFromRows(oneColumn, count === 0 ? [] : [[7]])]));
    expect(await formatted('table', give(0))).toBe(' n\n───\n(0 rows)\n');
    expect(await formatted('table', give(1))).toBe(' n\n───\n 7\n(1 row)\n');
    expect(await formatted('table', (format) => format.rows(oneColumn, each([])))).toBe(' n\n───\n(0 rows)\n');
  });

  test('cuts long text to the terminal, counting what wide characters take', async () => {
    const texts: Schema = {
      fields: [
        { name: 'k', type: types.int4 },
        { name: 'text', type: types.text },
      ],
    };
    const batch = batchFromRows(texts, [
      [1, 'x'.repeat(50)],
      [2, '日本語'.repeat(9)],
      [3, 'é\u0301'],
    ]);
    const lines = (await formatted('table', (format) => format.rows(texts, each([batch])), 24)).split('\n');
    expect(lines[0]).toBe(' k │ text');
    expect(lines[2]).toBe(` 1 │ ${'x'.repeat(17)}…`);
    expect(lines[3]).toBe(' 2 │ 日本語日本語日本…');
    expect(lines[4]).toBe(' 3 │ é\u0301');
  });

  test('does not cut a column on its own, which the terminal wraps', async () => {
    const plan: Schema = { fields: [{ name: 'plan', type: types.text }] };
    const lines = formatNamed('table', 20).rows(plan, each([batchFromRows(plan, [['x'.repeat(30)]])]));
    expect((await bytes(lines)).toString()).toBe(` plan\n${'─'.repeat(20)}\n ${'x'.repeat(30)}\n(1 row)\n`);
  });

  test('wraps what an epoch lacks', async () => {
    const text = await formatted('table', (format) => format.epochs(oneColumn, each(answers.slice(1))), 40);
    expect(text).toMatch(/^epoch 2 · \d\d:\d\d:\d\d · partial, 7 of 8\n {2}nodes: node 5 failed\n {2}n\n/);
  });

  test('does not let data move the cursor', async () => {
    const texts: Schema = { fields: [{ name: 'a\x1b[2J', type: types.text }] };
    const text = await formatted('table', (format) =>
      format.rows(texts, each([batchFromRows(texts, [['\x1b]0;title\x07\u202e']])])),
    );
    for (const control of ['\x1b', '\x07', '\u202e']) expect(text).not.toContain(control);
    expect(text).toContain('\\x1b]0;title\\x07\\u202e');
  });

  test('prints later pages with the widths of the first', async () => {
    const many = batchFromRows(
      oneColumn,
      Array.from({ length: 1_000 }, (_, i) => [i]),
    );
    const text = await formatted('table', (format) =>
      format.rows(oneColumn, each([many, batchFromRows(oneColumn, [[123_456]])])),
    );
    expect(text.split('\n').slice(-4)).toEqual([' 999', ' 123456', '(1001 rows)', '']);
  });

  test('gives each epoch its table and coverage', async () => {
    const text = await formatted('table', (format) => format.epochs(oneColumn, each(answers)));
    expect(text).toMatch(/^epoch 1 · \d\d:\d\d:\d\d · complete, 8 of 8 nodes\n {2}n\n────\n 10\n\(1 row\)\n\nepoch 2/);
    expect(text).toContain('partial, 7 of 8 nodes: node 5 failed');
  });
});

test('csv', async () => {
  expect(await formatted('csv')).toBe(
    [
      'carrier,flights,delay,price,late,day',
      'AA,9007199254740993,3.5,10.50,true,1970-01-01',
      ',,,,,',
      '"",-1,NaN,-0.05,false,1969-12-31',
      '"a,""b""\nc",0,1e+21,0.00,true,2022-01-08',
      '',
    ].join('\n'),
  );
  expect(await formatted('csv', (format) => format.epochs(oneColumn, each(answers)))).toBe(
    'epoch,nodes_answered,complete,n\n1,8,true,10\n2,7,false,20\n',
  );
});

test('csv prints nothing of a result that fails before its first row', async () => {
  let text = '';
  const failing = async (): Promise<void> => {
    const none = (async function* (): AsyncGenerator<Batch> {
      yield* [];
      throw new Error('division by zero');
    })();
    for await (const chunk of formatNamed('csv', 80).rows(oneColumn, none)) text += chunk;
  };
  await expect(failing()).rejects.toThrow('division by zero');
  expect(text).toBe('');
  expect(await formatted('csv', (format) => format.rows(oneColumn, each([])))).toBe('n\n');
});

test('json', async () => {
  const text = await formatted('json');
  expect(text).toContain('"flights":9007199254740993,');
  expect(JSON.parse(text)).toEqual([
    { carrier: 'AA', flights: 9007199254740992, delay: 3.5, price: 10.5, late: true, day: '1970-01-01' },
    { carrier: null, flights: null, delay: null, price: null, late: null, day: null },
    { carrier: '', flights: -1, delay: 'NaN', price: -0.05, late: false, day: '1969-12-31' },
    { carrier: 'a,"b"\nc', flights: 0, delay: 1e21, price: 0, late: true, day: '2022-01-08' },
  ]);
  expect(await formatted('json', (format) => format.rows(schema, each([])))).toBe('[]\n');
  const lines = (await formatted('json', (format) => format.epochs(oneColumn, each(answers)))).trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    {
      epoch: 1,
      at: '1970-01-01T00:00:01.000Z',
      coverage: { complete: true, nodesAnswered: 8, nodesConcerned: 8, missing: [], reasons: [] },
      rows: [{ n: 10 }],
    },
    {
      epoch: 2,
      at: '1970-01-01T00:00:02.000Z',
      coverage: { complete: false, nodesAnswered: 7, nodesConcerned: 8, missing: ['h:5'], reasons: ['node 5 failed'] },
      rows: [{ n: 20 }],
    },
  ]);
});

test('arrow', async () => {
  const table = tableFromIPC(await bytes(formatNamed('arrow', 80).rows(schema, each(batches))));
  expect(table.numRows).toBe(4);
  expect(table.getChild('flights')?.toArray()[0]).toBe(9007199254740993n);
  const marked = tableFromIPC(await bytes(formatNamed('arrow', 80).epochs(oneColumn, each(answers))));
  expect(marked.toArray().map((row) => Object.values(row.toJSON()))).toEqual([
    [1n, 8, true, 10],
    [2n, 7, false, 20],
  ]);
});
