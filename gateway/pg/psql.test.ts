import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { silentLog } from '../../engine/index.ts';
import {
  epochs,
  numbers,
  numbersSchema,
  rows,
  ScriptedSessions,
  untilCancelled,
  wholeCoverage,
} from '../testing/scripted-sessions.ts';
import type { PgAuth } from './auth.ts';
import { PgDoor } from './door.ts';

const installed = spawnSync('psql', ['--version']).status === 0;
if (!installed) console.warn('psql is not installed: its tests are skipped');

const sessions = new ScriptedSessions({
  fleet: () => rows(numbersSchema, [numbers(0, 3)], wholeCoverage(8)),
  insert: () => ({ kind: 'command', tag: 'INSERT 0 3', rowsAffected: 3, coverage: null }),
  wait: (cancelled) =>
    rows(
      numbersSchema,
      (async function* () {
        yield numbers(0, 1);
        await untilCancelled(cancelled);
      })(),
    ),
  subscribe: (cancelled) =>
    epochs(
      numbersSchema,
      (async function* () {
        for (const epoch of [1, 2])
          yield { epoch, atMs: 0, batch: numbers(epoch, epoch + 1), coverage: wholeCoverage(8) };
        await untilCancelled(cancelled);
      })(),
    ),
});

interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

describe.skipIf(!installed)('psql', () => {
  let door: PgDoor;
  const listen = async (auth: PgAuth): Promise<void> => {
    door = await PgDoor.listen({ host: '127.0.0.1', port: 0, sessions, auth, log: silentLog });
  };
  beforeEach(() => listen({ kind: 'trust' }));
  afterEach(() => door.close());

  /** @param watch sees the process and what it has written to stdout so far */
  async function psql(
    args: readonly string[],
    password = '',
    watch?: (psql: ChildProcess, stdout: string) => void,
  ): Promise<Finished> {
    const env = { ...process.env, LC_ALL: 'C.UTF-8', PGPASSWORD: password };
    const options = ['-X', '-w', '-h', '127.0.0.1', '-p', String(door.port), '-U', 'anyone'];
    const child = spawn('psql', [...options, ...args], { env });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
      watch?.(child, stdout);
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    const [code] = await once(child, 'close');
    return { code: code as number | null, stdout, stderr };
  }

  test('prints rows, command tags and coverage', async () => {
    const { code, stdout, stderr } = await psql(['-c', 'fleet', '-c', 'insert']);
    expect(stderr).toBe('NOTICE:  coverage: complete, 8 of 8 nodes\n');
    expect(stdout).toBe(' n \n---\n 0\n 1\n 2\n(3 rows)\n\nINSERT 0 3\n');
    expect(code).toBe(0);
  });

  test('points at the place of an error', async () => {
    const { code, stderr } = await psql(['-c', 'select nothing']);
    expect(stderr).toBe(
      'ERROR:  there is no script "select nothing"\nLINE 1: select nothing\n               ^\nHINT:  write another\n',
    );
    expect(code).toBe(1);
  });

  test('shows epochs while the subscription runs, and ends it with Ctrl-C', async () => {
    const { code, stdout, stderr } = await psql(['-c', 'subscribe'], '', (child, seen) => {
      // psql prints a result once it has begun to receive the next one.
      if (seen.includes('(1 row)')) child.kill('SIGINT');
    });
    expect(stdout).toContain('     1 |              8 | t        | 1\n');
    expect(stderr).toContain('Cancel request sent');
    expect(code).toBe(1);
  });

  test('authenticates with SCRAM', async () => {
    await door.close();
    await listen({ kind: 'scram', users: new Map([['anyone', 'pencil']]) });
    expect(await psql(['-Atc', 'fleet'], 'pencil')).toMatchObject({ code: 0, stdout: '0\n1\n2\n' });
    const refused = await psql(['-Atc', 'fleet'], 'eraser');
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('password authentication failed for user "anyone"');
  });
});
