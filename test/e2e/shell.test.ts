import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  type Fleet,
  isInstalled,
  nodeAt,
  scratch,
  scratchFile,
  start,
  startFleet,
  startWharf,
  wharf,
} from './command.ts';

let fleet: Fleet;
let address = '';
beforeAll(async () => {
  const cities = await scratchFile('cities.csv', 'city,people\nOslo,709\nRome,2873\n');
  fleet = await startFleet(['--nodes', '2', '--table', `cities=${cities}`]);
  address = nodeAt(fleet, 0).address;
});

describe('wharf shell with a script', () => {
  test('runs statements over several lines, commands, and what has no semicolon', async () => {
    const script = `SELECT city,  -- a comment; with a semicolon
  people
FROM cities ORDER BY 1;
\\format csv
SELECT ';' AS a; SELECT 2 AS b;
\\d cities
SELECT count(*) AS n FROM cities`;
    const { code, out, err } = await wharf(['shell', '--node', address], script);
    expect(out).toBe(
      ' city │ people\n──────┼────────\n Oslo │    709\n Rome │   2873\n(2 rows)\na\n;\nb\n2\n' +
        'column_name,type,nullable,key\ncity,text,yes,""\npeople,integer,yes,""\nn\n2\n',
    );
    expect(err).toContain('complete, 2 of 2 nodes · ');
    expect(code).toBe(0);
  });

  test('goes on after an error, and tells of it by its exit code', async () => {
    const { code, out, err } = await wharf(
      ['shell', '--node', address, '--format', 'json'],
      'SELEC 1;\nSELECT 1 AS n;\n\\q\nSELECT 2;',
    );
    expect(out).toBe('[{"n":1}]\n');
    expect(err).toMatch(
      /^wharf: syntax error at or near "SELEC" \(line 1, column 1\)\nLINE 1: SELEC 1\n {8}\^\nhint: /,
    );
    expect(code).toBe(1);
  });

  test('says when the node goes away', async () => {
    const own = await startFleet(['--nodes', '1']);
    const running = startWharf(['shell', '--node', nodeAt(own, 0).address]);
    running.type('SELECT 1 AS n;\n');
    await running.printed(/\(1 row\)/);
    own.running.signal('SIGKILL');
    await own.running.finished();
    running.type('SELECT 2 AS n;\n');
    await running.printed(/^wharf: lost the connection to the Wharf node at /m, 'err');
    running.endInput();
    expect((await running.finished()).code).toBe(1);
  });
});

/** A pseudo-terminal around a command, of util-linux. */
const installed = isInstalled('script');
if (!installed) console.warn('script is not installed: tests on a terminal are skipped');

describe.skipIf(!installed)('wharf shell on a terminal', () => {
  const up = '\x1b[A';
  const ctrlC = '\x03';
  const ctrlD = '\x04';

  async function terminal(node = address) {
    const home = await scratch();
    const command = `${process.execPath} bin/wharf.js shell --node ${node}`;
    const running = start('script', ['-qefc', command, '/dev/null'], {
      env: { HOME: home, TERM: 'xterm' },
    });
    await running.printed(/Connected to [^]*wharf> /);
    /** Types, and gives what is printed until the next prompt. */
    const enter = async (keys: string, until: RegExp): Promise<string> => {
      const before = running.out.length;
      running.type(keys);
      await running.printed(new RegExp(`^[^]{${before}}[^]*?${until.source}`));
      return stripVTControlCharacters(running.out.slice(before)).replaceAll('\r', '');
    };
    return { running, enter };
  }

  test('edits, keeps history between shells, cancels with Ctrl-C and leaves with Ctrl-D', async () => {
    const first = await terminal();
    expect(await first.enter('SELECT city FROM cities\r', / {3}\.\.> /)).toContain('   ..> ');
    expect(await first.enter('ORDER BY city;\r', /wharf> /)).toMatch(
      / Oslo\n Rome\n\(2 rows\)\ncomplete, 2 of 2 nodes/,
    );
    expect(await first.enter('\\d\r', /wharf> /)).toMatch(/ cities +│ local +│ +2\n/);
    await first.enter("SUBSCRIBE (SELECT count(*) AS n FROM cities) EVERY '200 ms';\r", /epoch[^]*epoch/);
    expect(await first.enter(ctrlC, /wharf> /)).toMatch(/wharf: the subscription was cancelled\n/);
    expect(await first.enter(`half a statement${ctrlC}`, /\^C[^]*wharf> /)).not.toContain('wharf: ');
    await first.enter('SELECT 40 + 2 AS answer;\r', /wharf> /);
    first.running.type(ctrlD);
    expect((await first.running.finished()).code).toBe(0);
    expect(await readFile(join(await scratch(), '.wharf_history'), 'utf8')).toContain('SELECT 40 + 2 AS answer;\n');

    const second = await terminal();
    expect(await second.enter(`${up}\r`, /\(1 row\)[^]*wharf> /)).toContain(' answer\n────────\n     42\n');
    await second.enter('sel', /sel/);
    await second.enter('\t', /ect/);
    expect(await second.enter(' 1 AS one;\r', /\(1 row\)[^]*wharf> /)).toContain(' one\n');
    second.running.type('\\q\r');
    expect((await second.running.finished()).code).toBe(0);
  });

  test('connects again when its node has restarted', async () => {
    const first = startWharf(['start', '--listen', '127.0.0.1:0', '--no-host-metrics']);
    const [, port = ''] = await first.printed(/127\.0\.0\.1:(\d+)[^]*the node is ready/, 'err');
    const shell = await terminal(`127.0.0.1:${port}`);
    await shell.enter('SELECT 1 AS n;\r', /\(1 row\)[^]*wharf> /);
    first.signal('SIGKILL');
    await first.finished();
    // The shell may not have noticed yet: then it loses the statement's connection, otherwise it finds nobody there.
    await shell.enter('SELECT 2 AS n;\r', /(lost the connection|connection refused)[^]*wharf> /);
    const second = startWharf(['start', '--listen', `127.0.0.1:${port}`, '--no-host-metrics']);
    await second.printed(/the node is ready/, 'err');
    const answer = await shell.enter('SELECT 3 AS n;\r', /\(1 row\)[^]*wharf> /);
    expect(answer).toContain(`Connected again to 127.0.0.1:${port}, in a new session.`);
    expect(answer).toContain(' 3\n');
    shell.running.type('\\q\r');
    expect((await shell.running.finished()).code).toBe(0);
  });
});
