import { afterAll, describe, expect, test } from 'vitest';
import { formatValue } from '../../columnar/index.ts';
import { openFile } from './file.ts';
import { columnsOf, countOf, rowsOf, TestFiles } from './testing.ts';

const files = new TestFiles();
afterAll(() => files.remove());

let number = 0;
async function table(content: string | Uint8Array, extension = 'csv') {
  return openFile(await files.write(`t${number++}.${extension}`, content), { name: 't' });
}

async function typeOf(...values: string[]): Promise<string | undefined> {
  return columnsOf(await table(`c,rest\n${values.map((value) => `${value},x`).join('\n')}`))[0]?.replace('c ', '');
}

describe('types', () => {
  test('are the narrowest that hold every value', async () => {
    expect(await typeOf('true', 'FALSE', '')).toBe('boolean');
    expect(await typeOf('1', '-2147483648', '2147483647', '')).toBe('integer');
    expect(await typeOf('1', '2147483648')).toBe('bigint');
    expect(await typeOf('9223372036854775807', '-9223372036854775808')).toBe('bigint');
    expect(await typeOf('1', '9223372036854775808')).toBe('numeric(38,0)');
    expect(await typeOf('1', '2.5')).toBe('double precision');
    expect(await typeOf('1e5', 'NaN', '-Infinity')).toBe('double precision');
    expect(await typeOf('2024-02-29', '0001-01-01')).toBe('date');
    expect(await typeOf('2024-02-29', '2024-02-29 12:30')).toBe('timestamp without time zone');
    expect(await typeOf('2024-02-29T12:30:01.5Z', '2024-02-29 12:30:01+05:30')).toBe('timestamp with time zone');
  });

  test('fall back to text', async () => {
    for (const values of [['1', 'x'], ['007'], ['+49'], ['2023-02-29'], ['true', '1'], ['1.'.repeat(2)], ['']]) {
      expect(await typeOf(...values)).toBe('text');
    }
    expect(await typeOf('2024-01-01', '2024-01-01 10:00Z')).toBe('text');
    expect(await typeOf('2024-01-01 24:00')).toBe('text');
    expect(await typeOf('12', '""')).toBe('integer');
  });
});

test('values of every type, NULL for empty fields, the empty string for a quoted one', async () => {
  const t = await table(
    'b,i,l,n,f,d,t,z,s\n' +
      'true,-1,9007199254740993,-99999999999999999999,-0.1,1969-12-31,1969-12-31 23:59:59.999999,2024-01-01T00:30+01:00,"a ""b"""\n' +
      ',,,,,,,,\n' +
      'false,2,-1,1,123456789012345678.5,2000-02-29,2024-01-01,1969-12-31 23:00-0130,""\n',
  );
  const rows = (await rowsOf(t)).map((row) =>
    row.map((value, i) => (value === null ? null : formatValue(t.schema.fields[i]?.type ?? { kind: 'text' }, value))),
  );
  expect(rows).toEqual([
    [
      't',
      '-1',
      '9007199254740993',
      '-99999999999999999999',
      '-0.1',
      '1969-12-31',
      '1969-12-31 23:59:59.999999',
      '2023-12-31 23:30:00+00',
      'a "b"',
    ],
    [null, null, null, null, null, null, null, null, null],
    ['f', '2', '-1', '1', '1.2345678901234568e+17', '2000-02-29', '2024-01-01 00:00:00', '1970-01-01 00:30:00+00', ''],
  ]);
});

test('a mark, other delimiters, tabs', async () => {
  expect(await rowsOf(await table('\ufeffa;b\n1,5;2\n'))).toEqual([['1,5', 2]]);
  expect(await rowsOf(await table('"a,b"|c\n1|2\n'))).toEqual([[1, 2]]);
  expect(await rowsOf(await table('a\tb,c\n1\t2\n', 'tsv'))).toEqual([[1, 2]]);
  expect(await rowsOf(await table('only\n1\n\n3'))).toEqual([[1], [null], [3]]);
});

test('a header alone is an empty table', async () => {
  const t = await table('a,b\n');
  expect(columnsOf(t)).toEqual(['a text', 'b text']);
  expect(await countOf(t)).toBe(0);
  expect(await rowsOf(t)).toEqual([]);
});

test('errors name the file and the line', async () => {
  await expect(table('a,b\n1,2\n1\n')).rejects.toMatchObject({ code: 'file', message: /t\d+\.csv, line 3: 1 field/ });
  await expect(table(Buffer.from('a\nx\n\xff\n', 'latin1'))).rejects.toThrow(/line 3: the text is not UTF-8/);
  await expect(table(Buffer.from('\ufeffa,b', 'utf16le'))).rejects.toThrow(/UTF-16/);
  await expect(table('\n\n')).rejects.toThrow(/has no header/);
});

test('rows beyond one chunk and one block of the file, with newlines in fields', async () => {
  const rows = Array.from({ length: 50_000 }, (_, i) => [i, `${'x'.repeat(i % 300)}\r\n"${i}"`] as const);
  const t = await table(
    rows.map(([i, s]) => `${i},"${s.replaceAll('"', '""')}"`).reduce((all, row) => `${all}${row}\n`, 'i,s\n'),
  );
  expect(await countOf(t)).toBe(rows.length);
  expect(await rowsOf(t, 's', 'i')).toEqual(rows.map(([i, s]) => [s, i]));
});

test('an error far into the file names its line', async () => {
  const lines = Array.from({ length: 40_000 }, (_, i) => `${i},"x\n${'y'.repeat(100)}"`);
  await expect(table(`a,b\n${lines.join('\n')}\n1\n`)).rejects.toThrow(/line 80002: 1 field/);
});

test('one record longer than a block', async () => {
  const long = 'y'.repeat(9_000_000);
  expect(await rowsOf(await table(`a,b\n1,x\n2,${long}\n3,z\n`))).toEqual([
    [1, 'x'],
    [2, long],
    [3, 'z'],
  ]);
});
