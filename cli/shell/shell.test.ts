import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import { QueryError } from '../../columnar/index.ts';
import { Capture, FakeSessions, partialCoverage, rows, texts, wholeCoverage } from '../testing/fake-sessions.ts';
import { Shell } from './shell.ts';

const answers = {
  'select 1': () => texts('one', ['1'], wholeCoverage),
  'select\n  1': () => texts('one', ['1'], wholeCoverage),
  'SHOW TABLES': () => texts('table_name', ['flights']),
  'DESCRIBE flights': () => texts('column_name', ['carrier']),
  'drop table t': () => ({ kind: 'command', tag: 'DROP TABLE', rowsAffected: null, coverage: null }) as const,
  'insert into t select 1': () =>
    ({ kind: 'command', tag: 'INSERT 0 7', rowsAffected: 7, coverage: partialCoverage }) as const,
  wait: (cancelled: AbortSignal) => ({
    ...(rows({ fields: [] }, []) as Extract<ReturnType<typeof rows>, { kind: 'rows' }>),
    batches: (async function* () {
      await new Promise<never>((_, reject) => {
        cancelled.addEventListener('abort', () => reject(new QueryError('cancelled', 'the query was cancelled')));
      });
    })(),
  }),
};

async function script(text: string): Promise<{ code: number; out: string; notes: string; asked: string[] }> {
  const sessions = new FakeSessions(answers);
  const [out, notes] = [new Capture(), new Capture()];
  const input = Readable.from([text]);
  const shell = new Shell({ sessions, input, out, notes, interactive: false, historyPath: null, format: 'csv' });
  const code = await shell.run();
  return { code, out: out.text, notes: notes.text.replaceAll(/\d+(\.\d+)? m?s/g, 'N ms'), asked: sessions.asked };
}

describe('a script', () => {
  test('runs its statements, wherever their lines break', async () => {
    const { code, out, notes } = await script('select 1; select\n  1\n;\n-- the end\ndrop table t');
    expect(out).toBe('one\n1\none\n1\n');
    expect(notes).toBe('complete, 8 of 8 nodes · N ms\ncomplete, 8 of 8 nodes · N ms\nDROP TABLE · N ms\n');
    expect(code).toBe(0);
  });

  test('tells what the query of an INSERT covers', async () => {
    const { notes } = await script('insert into t select 1;');
    expect(notes).toBe('INSERT 0 7 · partial, 7 of 8 nodes: node 5 failed · N ms\n');
  });

  test('goes on after an error, and says so in its exit code', async () => {
    const { code, out, notes } = await script('selct 1;\nselect 1;\n');
    expect(notes).toContain('wharf: unexpected "selct 1" (line 1, column 1)\nLINE 1: selct 1\n        ^\n');
    expect(out).toBe('one\n1\n');
    expect(code).toBe(1);
  });

  test('knows commands', async () => {
    const { code, out, notes, asked } = await script(
      '\\d\n\\d flights\n\\timing\nselect 1;\n\\format json\nselect 1;\n\\q\nselect 1;\n',
    );
    expect(asked).toEqual(['SHOW TABLES', 'DESCRIBE flights', 'select 1', 'select 1']);
    expect(out).toBe('table_name\nflights\ncolumn_name\ncarrier\none\n1\n[{"one":"1"}]\n');
    expect(notes).toContain('timing is off\ncomplete, 8 of 8 nodes\nthe format is json\n');
    expect(code).toBe(0);
  });

  test('is told of commands that do not exist', async () => {
    const { code, notes } = await script('\\x\n\\format arrow\n');
    expect(notes).toContain('wharf: there is no command \\x\n');
    expect(notes).toContain('wharf: there is no format arrow here\n');
    expect(code).toBe(1);
  });
});

/** Without the colours and clearings of a terminal; a move of the cursor to some column counts as one to the first. */
function visible(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: terminals are told what to do by such characters
  return text.replaceAll(/\x1b\[\d+G/g, '\r').replaceAll(/\x1b\[\d*[JK]/g, '');
}

describe('on a terminal', () => {
  const folders: string[] = [];
  afterEach(async () => {
    for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
  });

  async function terminal() {
    const folder = await mkdtemp(join(tmpdir(), 'wharf-shell-'));
    folders.push(folder);
    const historyPath = join(folder, 'history');
    const input = new PassThrough();
    const [out, notes] = [new Capture(), new Capture()];
    const sessions = new FakeSessions(answers);
    const shell = new Shell({ sessions, input, out, notes, interactive: true, historyPath, format: 'table' });
    return { input, out, notes, historyPath, sessions, shell, done: shell.run() };
  }

  test('prompts, continues statements and keeps a history', async () => {
    const { input, out, historyPath, done } = await terminal();
    await expect.poll(() => out.text).toContain('wharf> ');
    input.write('select\n');
    await expect.poll(() => out.text).toContain('   ..> ');
    input.write('  1;\n');
    await expect.poll(() => out.text).toContain('(1 row)');
    input.write('quit\n');
    expect(await done).toBe(0);
    expect(await readFile(historyPath, 'utf8')).toBe('select\n  1;\nquit\n');
  });

  test('Ctrl-C cancels what runs, and forgets what is typed', async () => {
    const { input, out, notes, sessions, done } = await terminal();
    input.write('wait;\n');
    await expect.poll(() => sessions.asked).toEqual(['wait']);
    input.write('\x03');
    await expect.poll(() => notes.text).toContain('the query was cancelled');
    input.write('select 7\n');
    await expect.poll(() => out.text).toContain('   ..> ');
    input.write('\x03');
    await expect.poll(() => out.text).toContain('^C');
    input.write('select 1;\n');
    await expect.poll(() => out.text).toContain('(1 row)');
    input.write('\x04');
    expect(await done).toBe(0);
    expect(sessions.asked).toEqual(['wait', 'select 1']);
  });

  test('what nobody asked for stands on a line of its own, and what is typed is written again below', async () => {
    const { input, out, shell, done } = await terminal();
    await expect.poll(() => out.text).toContain('wharf> ');
    input.write('select 1');
    await expect.poll(() => out.text).toContain('select 1');
    const before = out.text.length;
    shell.announce('Connected again.');
    expect(visible(out.text.slice(before))).toBe('\rConnected again.\n\rwharf> select 1\r');
    input.write(';\n');
    await expect.poll(() => out.text).toContain('(1 row)');
    input.write('quit\n');
    expect(await done).toBe(0);
  });

  test('Tab completes', async () => {
    const { input, out, done } = await terminal();
    input.write('select * from fli\t');
    await expect.poll(() => out.text).toContain('from flights');
    input.write('\x03\x04');
    expect(await done).toBe(0);
  });
});
