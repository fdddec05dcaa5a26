import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import { isInstalled, start } from './command.ts';

/** A pseudo-terminal around a command, of util-linux; without it the tour ends by itself. */
const terminal = isInstalled('script');

test('wharf tour runs through, tells what a dead node costs, and ends in a shell on a terminal', async () => {
  const tour = `${process.execPath} bin/wharf.js tour`;
  const running = terminal ? start('script', ['-qefc', tour, '/dev/null']) : start('sh', ['-c', tour]);
  if (terminal) {
    await running.printed(/The fleet is yours[^]*wharf> /);
    running.type('SELECT count(*) AS n FROM airports;\r');
    await running.printed(/wharf> [^]*\(1 row\)[^]*wharf> /);
    running.type('\\q\r');
  }
  const { code, out } = await running.finished();
  const text = stripVTControlCharacters(out).replaceAll('\r', '');
  expect(text).not.toMatch(/^wharf: /m);
  expect(text).toMatch(/^INSERT 0 3376 · /m);
  expect(text).toMatch(/ 3000000 │ 2001-01-01 00:01:00 │ 2001-07-01 00:00:00\n\(1 row\)\ncomplete, 8 of 8 nodes · /);
  expect(text.match(/^epoch \d+ · \S+ · complete, 8 of 8 nodes$/gm)?.length).toBeGreaterThanOrEqual(5);
  const [, killed] = /Who answers, second by second, while (\S+) is killed/.exec(text) ?? [];
  expect(text).toMatch(new RegExp(` 2625000\n\\(1 row\\)\npartial, 7 of 8 nodes: node ${killed} `));
  expect(text).toMatch(new RegExp(`epoch \\d+ · \\S+ · partial, 7 of 8 nodes: node ${killed} `));
  expect(code).toBe(0);
});
