import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseConfig, readConfig } from './config.ts';
import { settingsOf } from './start.ts';

test('a configuration file has the keys of the options', () => {
  const text = JSON.stringify({
    listen: '10.0.0.1:7400',
    join: '10.0.0.2:7400',
    table: { logs: 'app.ndjson', flights: '/f.parquet' },
    pg: 5440,
    'host-metrics': false,
    label: 'rack 3',
  });
  expect(parseConfig(text, 'c.json')).toEqual({
    listen: '10.0.0.1:7400',
    join: ['10.0.0.2:7400'],
    table: ['logs=app.ndjson', 'flights=/f.parquet'],
    pg: { host: '127.0.0.1', port: 5440 },
    'host-metrics': false,
    label: 'rack 3',
  });
});

test.each([
  ['{', /is not JSON/],
  ['[]', /is not a JSON object/],
  ['{"lisen": "a:1"}', /has an unknown key "lisen"/],
  ['{"listen": "nowhere"}', /is wrong at "listen": it is host:port/],
  ['{"replicas": 9}', /is wrong at "replicas"/],
  ['{"geometry": "pastry"}', /is wrong at "geometry"/],
  ['{"pg": 99999}', /is wrong at "pg"/],
  ['{"host-metrics": "no"}', /is wrong at "host-metrics"/],
])('%s is refused', (text, message) => {
  expect(() => parseConfig(text, 'c.json')).toThrow(message);
});

test('an unknown key is corrected', () => {
  expect(() => parseConfig('{"secret_file": "x"}', 'c.json')).toThrow(
    expect.objectContaining({ hint: 'did you mean "secret-file"?' }),
  );
});

test('paths are relative to the file, and the command line wins', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'wharf-config-'));
  try {
    await writeFile(join(folder, 'fleet.secret'), 'squirrel\n');
    await writeFile(join(folder, 'users'), '# who\nann:pencil\nbob:with:colon\n');
    await writeFile(
      join(folder, 'node.json'),
      JSON.stringify({
        listen: '10.0.0.1:7400',
        table: ['logs=app.ndjson', 'other.csv'],
        'secret-file': 'fleet.secret',
        'pg-users': 'users',
        tables: '.',
        data: 'state',
        'store-mib': 64,
        advertise: 'alpha:7400',
      }),
    );
    await writeFile(join(folder, 'extra.csv'), 'a\n1\n');
    const config = await readConfig(join(folder, 'node.json'));
    const settings = await settingsOf({ listen: '10.0.0.9:7400', hostMetrics: false }, config);
    expect(settings).toMatchObject({
      listen: '10.0.0.9:7400',
      secret: 'squirrel',
      pgUsers: [
        ['ann', 'pencil'],
        ['bob', 'with:colon'],
      ],
      hostMetrics: false,
      data: join(folder, 'state'),
      storageBytesMax: 64 * 1024 * 1024,
      advertise: 'alpha:7400',
    });
    expect((await settingsOf({ storeMib: 16 }, config)).storageBytesMax).toBe(16 * 1024 * 1024);
    expect(settings.tables.map(({ spec }) => spec)).toEqual([
      `logs=${join(folder, 'app.ndjson')}`,
      join(folder, 'other.csv'),
      join(folder, 'extra.csv'),
      join(folder, 'node.json'),
    ]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
