import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, expect } from 'vitest';
import { batchToRows } from '../../columnar/index.ts';
import { connect } from '../../gateway/index.ts';

// The command as users run it: processes of `node bin/wharf.js`, which need the built `dist/`.

const root = fileURLToPath(new URL('../../', import.meta.url));
const command = join(root, 'bin', 'wharf.js');
if (!existsSync(join(root, 'dist', 'main.js'))) throw new Error('dist/ is missing: run `npm run build` first');

/** Until something is expected to have happened, on a machine that is busy with other things. */
export const patienceMs = 60_000;
const pollMs = 50;

/** Temporary files of one test file, removed with its processes when it is over. */
let folder: string | null = null;
const processes = new Set<ChildProcess>();
afterAll(async () => {
  await Promise.all([...processes].map(ended));
  if (folder !== null) await rm(folder, { recursive: true });
});

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await exited;
}

/** A folder for this test file's temporary files. */
export async function scratch(): Promise<string> {
  folder ??= await mkdtemp(join(tmpdir(), 'wharf-e2e-'));
  return folder;
}

export async function scratchFile(name: string, content: string): Promise<string> {
  const path = join(await scratch(), name);
  await writeFile(path, content);
  return path;
}

export interface Finished {
  /** `null` when a signal ended it. */
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A process under way, and what it has printed so far. */
export class Running {
  out = '';
  err = '';
  readonly #child: ChildProcess;
  readonly #finished: Promise<Finished>;

  constructor(child: ChildProcess, isRead: boolean, encoding: BufferEncoding) {
    processes.add(child);
    this.#child = child;
    if (isRead) {
      child.stdout?.setEncoding(encoding).on('data', (chunk: string) => {
        this.out += chunk;
      });
    }
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      this.err += chunk;
    });
    this.#finished = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => {
        processes.delete(child);
        resolve({ code, out: this.out, err: this.err });
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  finished(): Promise<Finished> {
    return this.#finished;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  type(input: string): void {
    this.#child.stdin?.write(input);
  }

  endInput(): void {
    this.#child.stdin?.end();
  }

  /** Goes away from the other end of its stdout. */
  closeOutput(): void {
    this.#child.stdout?.destroy();
  }

  /** Waits until its output matches; fails with all that it printed. */
  async printed(pattern: RegExp, stream: 'out' | 'err' = 'out'): Promise<RegExpExecArray> {
    const deadlineMs = performance.now() + patienceMs;
    for (;;) {
      const match = pattern.exec(this[stream]);
      if (match !== null) return match;
      const state = `stdout:\n${this.out}\nstderr:\n${this.err}`;
      if (this.#child.exitCode !== null) throw new Error(`it ended without printing ${pattern}; ${state}`);
      if (performance.now() > deadlineMs) throw new Error(`it did not print ${pattern}; ${state}`);
      await sleep(pollMs);
    }
  }
}

export interface StartOptions {
  /** Added to this process's own environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** False: nobody takes what it prints, so that its pipe fills and it is stuck in the middle. */
  readonly isRead?: boolean;
  /** Of its stdout; `latin1` keeps bytes as they are. */
  readonly encoding?: BufferEncoding;
}

export function start(program: string, args: readonly string[], options: StartOptions = {}): Running {
  const { env = {}, cwd = root, isRead = true, encoding = 'utf8' } = options;
  return new Running(spawn(program, args, { cwd, env: { ...process.env, ...env }, stdio: 'pipe' }), isRead, encoding);
}

export function startWharf(args: readonly string[], options: StartOptions = {}): Running {
  return start(process.execPath, [command, ...args], options);
}

/** Runs `wharf` to its end. */
export function wharf(args: readonly string[], input = ''): Promise<Finished> {
  const running = startWharf(args);
  running.type(input);
  running.endInput();
  return running.finished();
}

export interface FleetNode {
  readonly index: number;
  readonly id: string;
  readonly address: string;
  readonly pgPort: number | null;
  readonly pid: number;
}

export interface Fleet {
  readonly running: Running;
  readonly nodes: readonly FleetNode[];
}

/** `wharf fleet` on free ports. */
export async function startFleet(args: readonly string[]): Promise<Fleet> {
  const running = startWharf(['fleet', '--json', '--port', '0', '--no-host-metrics', ...args]);
  const [line] = await running.printed(/^.*\n/);
  return { running, nodes: (JSON.parse(line) as { nodes: FleetNode[] }).nodes };
}

export function nodeAt({ nodes }: Fleet, index: number): FleetNode {
  const node = nodes.find((candidate) => candidate.index === index);
  if (node === undefined) throw new Error(`the fleet has no node ${index}`);
  return node;
}

/** Asks a node from this process: rows of all statements, as text. */
export async function ask(address: string, sql: string, secret: string | null = null): Promise<string[][]> {
  const node = await connect(address, { secret });
  try {
    const rows: string[][] = [];
    for await (const result of node.openSession().execute(sql)) {
      if (result.kind !== 'rows') continue;
      for await (const batch of result.batches) rows.push(...batchToRows(batch).map((row) => row.map(String)));
    }
    return rows;
  } finally {
    node.close();
  }
}

/** Repeats until it holds. The last try begins after `limitMs`, and its failure is thrown. */
export async function eventually(check: () => Promise<void> | void, limitMs = patienceMs): Promise<void> {
  const deadlineMs = performance.now() + limitMs;
  for (;;) {
    const isLast = performance.now() > deadlineMs;
    try {
      await check();
      return;
    } catch (error) {
      if (isLast) throw error;
    }
    await sleep(pollMs);
  }
}

/** One message of the command, whatever else a log says: no trace, no second message. */
export function expectOneMessage({ code, err }: Finished, expected: { code: number; message: RegExp | string }): void {
  expect(err).toMatch(expected.message);
  expect(err.match(/^wharf: /gm)).toHaveLength(1);
  expect(err).not.toMatch(/\n\s+at /);
  expect(code).toBe(expected.code);
}

/** Whether a program that tests drive is installed here. */
export function isInstalled(program: string): boolean {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;
}
