import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { type Finished, start } from './command.ts';

const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

function example(name: string): Promise<Finished> {
  return start(process.execPath, ['--import', tsx, `examples/${name}`]).finished();
}

// Side by side: all spend their time in compiling the source.
test.concurrent('embed.ts asks across the nodes of one program, and ends', async () => {
  expect(await example('embed.ts')).toEqual({
    code: 0,
    out: 'cellar-1  20.25\ncellar-2  21\nkitchen-1  20.25\nkitchen-2  21\ncomplete, 2 nodes\n',
    err: '',
  });
});

test.concurrent('store.ts puts and gets every kind of item, and ends', async () => {
  expect(await example('store.ts')).toEqual({
    code: 0,
    out: [
      'printers: first floor, second floor',
      'visits: 5',
      'sha256:65c1447 never changes',
      'signed: it is me',
      'large: 5000000 bytes',
      '',
    ].join('\n'),
    err: '',
  });
});

test.concurrent('own-csv.ts joins a file with the metrics of all nodes', async () => {
  const { code, out, err } = await example('own-csv.ts');
  expect(err).toBe('');
  expect(out).toMatch(
    /^team {2}machines {2}cores {2}memory_mib\ndata {2}1 {2}\d+ {2}[\d.]+\nweb {2}2 {2}\d+ {2}[\d.]+\ncomplete\n$/,
  );
  expect(code).toBe(0);
});
