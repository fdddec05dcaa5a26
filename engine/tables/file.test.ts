import { appendFile, chmod, mkdir, rm, utimes, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { tableFromArrays, tableToIPC } from 'apache-arrow';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { batchRowsMax, type ScanRequest, type TableSource } from '../table.ts';
import { openFile } from './file.ts';
import { columnsOf, countOf, rowsOf, TestFiles } from './testing.ts';

const files = new TestFiles();
afterAll(() => files.remove());

const data = fileURLToPath(new URL('../../node_modules/vega-datasets/data/', import.meta.url));

/** The same rows in each format. */
async function written(rows: number): Promise<string[]> {
  const numbers = Array.from({ length: rows }, (_, i) => i);
  const objects = numbers.map((n) => ({ n, s: `row ${n}` }));
  const arrow = tableFromArrays({ n: Int32Array.from(numbers), s: objects.map(({ s }) => s) });
  return Promise.all([
    files.write(`rows-${rows}.csv`, `n,s\n${objects.map(({ n, s }) => `${n},${s}`).join('\n')}`),
    files.write(`rows-${rows}.ndjson`, objects.map((object) => JSON.stringify(object)).join('\n')),
    files.write(`rows-${rows}.json`, JSON.stringify(objects)),
    files.write(`rows-${rows}.arrow`, tableToIPC(arrow, 'file')),
    files.write(`rows-${rows}.ipc`, tableToIPC(arrow, 'stream')),
  ]);
}

test('every format gives the same rows, in batches that are not too large', async () => {
  const expected = Array.from({ length: 20_000 }, (_, n) => [`row ${n}`, n]);
  for (const path of await written(20_000)) {
    const table = await openFile(path, { name: 't' });
    expect(await countOf(table)).toBe(20_000);
    const rows = (await rowsOf(table, 's', 'n')).map(([s, n]) => [s, Number(n)]);
    expect(rows).toEqual(expected);
    for await (const batch of table.scan(request(0))) expect(batch.numRows).toBeLessThanOrEqual(batchRowsMax);
  }
});

function request(...columns: number[]): ScanRequest {
  return { columns, signal: new AbortController().signal };
}

test('slices together are the whole, in any format', async () => {
  const rows = 17_000;
  const whole = Array.from({ length: rows }, (_, n) => n);
  for (const path of [...(await written(rows)), ...(await written(3))]) {
    const all = path.includes('17000') ? whole : whole.slice(0, 3);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 9 }), async (of) => {
        const parts: number[] = [];
        for (let index = 0; index < of; index++) {
          const table = await openFile(path, { name: 't', slice: { index, of } });
          const part = (await rowsOf(table, 'n')).map(([n]) => Number(n));
          expect(await countOf(table)).toBe(part.length);
          parts.push(...part);
        }
        expect(parts).toEqual(all);
      }),
      { numRuns: 3 },
    );
  }
});

test('slices of a Parquet file meet without gap or overlap', async () => {
  const path = `${data}flights-3m.parquet`;
  const counts = await Promise.all(
    [0, 1, 2, 3, 4, 5, 6].map(async (index) => countOf(await openFile(path, { name: 't', slice: { index, of: 7 } }))),
  );
  expect(counts.reduce((a, b) => a + b)).toBe(3_000_000);
});

test('a column wanted twice, and none', async () => {
  const table = await openFile(await files.write('twice.csv', 'a,b\n1,x\n2,y\n'), { name: 't' });
  for (let scans = 0; scans < 2; scans++) {
    expect(await rowsOf(table, 'b', 'a', 'b')).toEqual([
      ['x', 1, 'x'],
      ['y', 2, 'y'],
    ]);
    expect(await countOf(table)).toBe(2);
  }
});

describe('errors', () => {
  test.each([
    ['missing.csv', 'no such file'],
    ['directory.csv', 'is a directory, not a file'],
    ['empty.csv', 'is empty'],
    ['empty.parquet', 'is empty'],
    ['corrupt.parquet', 'is not a readable Parquet file'],
    ['corrupt.arrow', 'is not a readable Arrow file'],
    ['corrupt.json', 'is not JSON'],
    ['table.xlsx', 'cannot be read from a file of this kind'],
    ['table', 'cannot be read from a file of this kind'],
  ])('%s: %s', async (name, message) => {
    const path = await files.path(name);
    if (name.startsWith('directory')) await mkdir(path);
    else if (name.startsWith('empty')) await writeFile(path, '');
    else if (!name.startsWith('missing'))
      await writeFile(path, 'PAR1 nonsense that is long enough to be looked at PAR1');
    await expect(openFile(path, { name: 't' })).rejects.toMatchObject({
      code: 'file',
      message: expect.stringContaining(message),
    });
  });

  test('a file that may not be read', async () => {
    const path = await files.write('secret.csv', 'a\n1\n');
    await chmod(path, 0);
    if (process.getuid?.() === 0) return; // root reads everything
    await expect(openFile(path, { name: 't' })).rejects.toThrow('no permission to read it');
  });

  test('a slice that does not exist', async () => {
    const path = await files.write('slice.csv', 'a\n1\n');
    for (const slice of [
      { index: 2, of: 2 },
      { index: -1, of: 2 },
      { index: 0, of: 0 },
      { index: 0.5, of: 2 },
    ]) {
      await expect(openFile(path, { name: 't', slice })).rejects.toMatchObject({ code: 'configuration' });
    }
  });

  test('a truncated Parquet file', async () => {
    const table = await openFile(`${data}flights-3m.parquet`, { name: 't' });
    expect(table.name).toBe('t');
    const path = await files.write(
      'truncated.parquet',
      (await import('node:fs')).readFileSync(`${data}flights-3m.parquet`).subarray(1_000_000),
    );
    const broken = await openFile(path, { name: 't' });
    await expect(rowsOf(broken, 'delay')).rejects.toMatchObject({ code: 'file' });
  });

  test('a cancelled scan stops', async () => {
    const [path = ''] = await written(20_000);
    const controller = new AbortController();
    const table = await openFile(path, { name: 't' });
    const scan = async () => {
      for await (const _ of table.scan({ columns: [0], signal: controller.signal })) controller.abort();
    };
    await expect(scan()).rejects.toMatchObject({ code: 'cancelled' });
  });
});

describe('a file that changes', () => {
  /** Content written within the clock's grain needs another time to be seen as new. */
  async function rewrite(path: string, content: string, second: number): Promise<void> {
    await writeFile(path, content);
    await utimes(path, second, second);
  }

  test('is read anew', async () => {
    const path = await files.write('grows.csv', 'a,b\n1,x\n');
    const table = await openFile(path, { name: 't' });
    expect(await rowsOf(table)).toEqual([[1, 'x']]);
    await appendFile(path, '2,y\n');
    expect(await Promise.all([rowsOf(table), rowsOf(table, 'a'), countOf(table)])).toEqual([
      [
        [1, 'x'],
        [2, 'y'],
      ],
      [[1], [2]],
      2,
    ]);
    await rewrite(path, 'a,b\n7,z\n8,z\n', 1_000);
    expect(await rowsOf(table)).toEqual([
      [7, 'z'],
      [8, 'z'],
    ]);
  });

  test('must keep its columns and types', async () => {
    const path = await files.write('changes.csv', 'a,b\n1,x\n');
    const table = await openFile(path, { name: 't' });
    await rewrite(path, 'a,b\n1,x\n2.5,y\n', 1_000);
    expect(await rowsOf(table, 'b')).toEqual([['x'], ['y']]);
    await expect(rowsOf(table, 'a')).rejects.toThrow(
      /line 3: column "a" was integer when the table was opened, and now holds "2.5"/,
    );
    await rewrite(path, 'a,c\n1,x\n', 2_000);
    await expect(rowsOf(table)).rejects.toThrow(/its columns changed/);
    await rm(path);
    await expect(rowsOf(table)).rejects.toThrow(/no such file/);
    await rewrite(path, 'a,b\n3,w\n', 3_000);
    expect(await rowsOf(table)).toEqual([[3, 'w']]);
  });

  test('of JSON lines may gain and lose keys', async () => {
    const path = await files.write('changes.ndjson', '{"a":1,"b":"x"}\n');
    const table = await openFile(path, { name: 't' });
    await rewrite(path, '{"c":true,"b":"y"}\n{"a":2}\n', 1_000);
    expect(columnsOf(table)).toEqual(['a bigint', 'b text']);
    expect(await rowsOf(table)).toEqual([
      [null, 'y'],
      [2n, null],
    ]);
    await rewrite(path, '{"a":"no"}\n', 2_000);
    await expect(rowsOf(table)).rejects.toThrow(/line 1: column "a" was bigint .* and now holds "no"/);
  });
});

describe('the cache', () => {
  async function sameBuffers(table: TableSource, ...columns: number[]): Promise<boolean[]> {
    const scan = async () => {
      for await (const batch of table.scan(request(...columns)))
        return batch.columns.map(({ values }) => values.buffer);
      return [];
    };
    // To its end, as only then columns are kept.
    for await (const _ of table.scan(request(...columns)));
    const [first, second] = [await scan(), await scan()];
    return first.map((buffer, i) => buffer === second[i]);
  }

  test('keeps what was read, up to its size', async () => {
    const [path = ''] = await written(3);
    expect(await sameBuffers(await openFile(path, { name: 't' }), 0, 1)).toEqual([true, true]);
    expect(await sameBuffers(await openFile(path, { name: 't', cachedBytesMax: 20 }), 0)).toEqual([true]);
    expect(await sameBuffers(await openFile(path, { name: 't', cachedBytesMax: 8 }), 0)).toEqual([false]);
  });

  test('mixes with columns that are read', async () => {
    const [path = ''] = await written(20_000);
    const table = await openFile(path, { name: 't' });
    await rowsOf(table, 'n');
    const rows = await rowsOf(table, 's', 'n');
    expect(rows).toHaveLength(20_000);
    expect(rows.every(([s, n]) => s === `row ${n}`)).toBe(true);
  });
});
