import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { QueryError } from '../columnar/index.ts';
import { silentLog } from '../engine/index.ts';
import { ClientDoor } from '../gateway/index.ts';
import { exitCodeOf, renderError, UsageError } from './exit.ts';
import { run } from './program.ts';
import { FakeSessions, partialCoverage, texts, wholeCoverage } from './testing/fake-sessions.ts';

let folder = '';
const closing: (() => void)[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wharf-cli-'));
});
afterEach(async () => {
  for (const close of closing.splice(0)) close();
  await rm(folder, { recursive: true });
});

async function file(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

async function wharf(...args: string[]): Promise<{ code: unknown; out: string; err: string }> {
  const seen = { out: '', err: '' };
  const spies = [
    vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
      seen.out += String(chunk);
      return true;
    }),
    vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => {
      seen.err += String(chunk);
      return true;
    }),
  ];
  try {
    await run(args);
    return { code: process.exitCode, ...seen };
  } finally {
    for (const spy of spies) spy.mockRestore();
    process.exitCode = undefined;
  }
}

/** The address of a node that gives these answers. */
async function node(secret: string | null = null): Promise<string> {
  const sessions = new FakeSessions({
    'SELECT 1': () => texts('one', ['1'], wholeCoverage),
    'SELECT part': () => texts('one', ['1'], partialCoverage),
  });
  const door = new ClientDoor({ sessions, node: 'n', secret, log: silentLog });
  const server = createServer().on('upgrade', (request, socket, head) => door.handleUpgrade(request, socket, head));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    door.close();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('wrong use is one clear message and exit code 2', () => {
  test.each<[string[], string]>([
    [['strat'], "wharf: unknown command 'strat'\n(Did you mean start?)\n"],
    [['start', '--lisen', 'x'], "wharf: unknown option '--lisen'\n(Did you mean --listen?)\n"],
    [
      ['start', '--listen', 'nowhere'],
      "wharf: option '--listen <host:port>' argument 'nowhere' is invalid. It is host:port, for example 127.0.0.1:7400.\n",
    ],
    [['start', '--join', 'a:99999'], "argument 'a:99999' is invalid. It is host:port"],
    [['start', '--pg', 'x'], "argument 'x' is invalid. It is a port, or host:port.\n"],
    [['fleet', '--nodes', '0'], "argument '0' is invalid. It is a number, 1 to 256.\n"],
    [['fleet', '--port', '65535'], 'wharf: 8 ports from 65535 up do not exist\n'],
    [['sql'], 'wharf: there is no SQL to run\nhint: '],
    [['sql', 'a', 'b'], 'wharf: too many arguments'],
    [['sql', 'x', '--format', 'xml'], 'It is one of table, csv, json, arrow.\n'],
    [['sql', 'x', '--file', 'y'], 'wharf: give the SQL or --file, not both\n'],
    [
      ['sql', '--file', '/nowhere/q.sql'],
      'wharf: cannot read the SQL file /nowhere/q.sql: no such file or directory\n',
    ],
    [
      ['sql', 'x', '--secret-file', '/nowhere/s'],
      'wharf: cannot read the secret file /nowhere/s: no such file or directory\n',
    ],
    [['shell', '--format', 'arrow'], 'wharf: arrow is not for a shell\n'],
    [['start', '--config', '/nowhere/c.json'], 'wharf: cannot read the configuration file'],
    [
      ['start', '--tables', '/nowhere'],
      'wharf: cannot read the directory of tables /nowhere: no such file or directory\n',
    ],
  ])('wharf %j', async (args, message) => {
    const { code, out, err } = await wharf(...args);
    expect(err).toContain(message);
    expect(err).not.toMatch(/\n\s+at /);
    expect(out).toBe('');
    expect(code).toBe(2);
  });

  test('more SQL than is taken at once', async () => {
    const { err, code } = await wharf('sql', '--file', await file('long.sql', 'SELECT 1;'.repeat(120_000)));
    expect(err).toMatch(
      /^wharf: the SQL has 1080000 characters, at most 1048576 are taken at once\nhint: wharf shell /,
    );
    expect(code).toBe(2);
  });

  test('a secret file that holds nothing', async () => {
    const { err, code } = await wharf('sql', 'x', '--secret-file', await file('secret', ' \n'));
    expect(err).toContain('is empty');
    expect(code).toBe(2);
  });
});

describe('help', () => {
  test.each(['start', 'fleet', 'sql', 'shell'])('wharf %s --help has examples', async (command) => {
    const { code, out } = await wharf(command, '--help');
    expect(out).toContain(`Usage: wharf ${command}`);
    expect(out).toContain('Examples:\n');
    expect(code).toBe(0);
  });

  test('without arguments, and the version', async () => {
    expect((await wharf()).out).toContain('Usage: wharf');
    expect((await wharf('--version')).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe('wharf sql', () => {
  test('prints rows to stdout, coverage and time to stderr', async () => {
    const { code, out, err } = await wharf('sql', 'SELECT 1', '--node', await node());
    expect(out).toBe('one\n1\n');
    expect(err).toMatch(/^complete, 8 of 8 nodes · [\d.]+ m?s\n$/);
    expect(code).toBe(0);
  });

  test('reads a file, and tells a partial answer by its exit code', async () => {
    const { code, out, err } = await wharf(
      'sql',
      '--file',
      await file('q.sql', 'SELECT part'),
      '--node',
      await node(),
      '--format',
      'json',
    );
    expect(JSON.parse(out)).toEqual([{ one: '1' }]);
    expect(err).toMatch(/^partial, 7 of 8 nodes: node 5 failed · /);
    expect(code).toBe(3);
  });

  test('points at an error', async () => {
    const { code, err } = await wharf('sql', 'SELECT 1;\n  selct', '--node', await node());
    expect(err).toContain('wharf: unexpected "selct" (line 2, column 3)\nLINE 2:   selct\n          ^\n');
    expect(code).toBe(1);
  });

  test('proves the secret', async () => {
    const address = await node('squirrel');
    const secret = await file('secret', 'squirrel\n');
    expect((await wharf('sql', 'SELECT 1', '--node', address, '--secret-file', secret)).code).toBe(0);
    const refused = await wharf('sql', 'SELECT 1', '--node', address);
    expect(refused.err).toContain(`wharf: the node at ${address} requires the cluster secret\nhint: `);
    expect(refused.code).toBe(1);
  });

  test('says that nobody is there', async () => {
    const { code, err } = await wharf('sql', 'SELECT 1', '--node', '127.0.0.1:1');
    expect(err).toContain('wharf: cannot reach a Wharf node at 127.0.0.1:1: connection refused\n');
    expect(code).toBe(1);
  });
});

describe('errors', () => {
  test('of the user are one message, bugs show their trace', () => {
    expect(renderError(new UsageError('wrong', 'do this'))).toBe('wharf: wrong\nhint: do this\n');
    expect(renderError(new QueryError('file', 'no such file'))).toBe('wharf: no such file\n');
    expect(renderError(new TypeError('oops'))).toMatch(/internal error.*TypeError: oops\n\s+at /s);
  });

  test('from elsewhere do not move the cursor', () => {
    expect(renderError(new QueryError('internal', 'a\x1b[2Jb'))).toBe('wharf: a\\x1b[2Jb\n');
  });

  test('an answer refused for being partial has the exit code of one', () => {
    expect(exitCodeOf(new QueryError('nodesLost', 'x'))).toBe(3);
  });
});
