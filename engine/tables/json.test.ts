import { afterAll, expect, test } from 'vitest';
import { openFile } from './file.ts';
import { columnsOf, countOf, rowsOf, TestFiles } from './testing.ts';

const files = new TestFiles();
afterAll(() => files.remove());

let number = 0;
async function table(content: string, extension: string) {
  return openFile(await files.write(`t${number++}.${extension}`, content), { name: 't' });
}

const objects = [
  { i: 1, f: 1, b: true, s: 'x', nested: { a: [1, 'ü'] }, mixed: 1, at: '2024-01-01T00:00:00Z', none: null },
  { i: -9007199254740991, f: 2.5, b: false, s: '', nested: [], mixed: 'y', 'Late Key': 7 },
  { __proto__: null, s: null },
];
const columns = [
  'i bigint',
  'f double precision',
  'b boolean',
  's text',
  'nested text',
  'mixed text',
  'at text',
  'none text',
  'late_key bigint',
];
const rows = [
  [1n, 1, true, 'x', '{"a":[1,"ü"]}', '1', '2024-01-01T00:00:00Z', null, null],
  [-9007199254740991n, 2.5, false, '', '[]', 'y', null, null, 7n],
  [null, null, null, null, null, null, null, null, null],
];

test('an array of objects', async () => {
  const t = await table(JSON.stringify(objects), 'json');
  expect(columnsOf(t)).toEqual(columns);
  expect(await rowsOf(t)).toEqual(rows);
  expect(await countOf(t)).toBe(3);
});

test('one object a line, with blank lines and CRLF', async () => {
  const t = await table(`${objects.map((object) => JSON.stringify(object)).join('\r\n\r\n')}\r\n`, 'ndjson');
  expect(columnsOf(t)).toEqual(columns);
  expect(await rowsOf(t)).toEqual(rows);
  expect(await countOf(t)).toBe(3);
});

test('an integer that no double holds makes its column float8', async () => {
  expect(columnsOf(await table('{"a":1}\n{"a":9007199254740993}', 'jsonl'))).toEqual(['a double precision']);
});

test('errors name the line or the element', async () => {
  await expect(table('{"a":1}\n\n{"a":', 'ndjson')).rejects.toMatchObject({
    code: 'file',
    message: /line 3: is not JSON/,
  });
  await expect(table('{"a":1}\n[1]', 'ndjson')).rejects.toThrow(/line 2: expected a JSON object, found an array/);
  await expect(table('{}\n', 'ndjson')).rejects.toThrow(/holds no object with a key/);
  await expect(table('[{"a":1}, 2]', 'json')).rejects.toThrow(
    /element 2 of the array: expected an object, found a number/,
  );
  await expect(table('{"a":1}', 'json')).rejects.toThrow(/expected an array of objects, found an object/);
  await expect(table('{"a":1}\n{"a":2}', 'json')).rejects.toMatchObject({ hint: expect.stringContaining('.ndjson') });
});

test('many lines', async () => {
  const lines = Array.from({ length: 40_000 }, (_, i) => `{"i":${i},"s":"${'z'.repeat(i % 200)}"}`);
  const t = await table(lines.join('\n'), 'ndjson');
  expect(await rowsOf(t, 'i')).toEqual(lines.map((_, i) => [BigInt(i)]));
});
