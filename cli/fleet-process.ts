import { type ChildProcess, fork } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { QueryError } from '../columnar/index.ts';
import type { FleetRequest, WorkerReport } from './worker-messages.ts';

/** A process that was asked to stop and has not by then is killed. */
const stopTimeoutMs = 3_000;

interface Asked {
  readonly resolve: (report: WorkerReport) => void;
  readonly reject: (reason: QueryError) => void;
}

/** One process of a local fleet, seen from the fleet. */
export class FleetWorker {
  readonly #process: ChildProcess;
  /** What was asked and not answered, by the node's index: one question a node at a time. */
  readonly #asked = new Map<number, Asked>();
  readonly #exited: Promise<void>;
  #hasExited = false;

  /** @param onExit called when the process has ended, with how it ended */
  constructor(onExit: (worker: FleetWorker, reason: string) => void) {
    this.#process = forkWorker();
    this.#process.on('message', (report: WorkerReport) => {
      this.#asked.get(report.index)?.resolve(report);
      this.#asked.delete(report.index);
    });
    this.#exited = new Promise((resolve) => {
      const exited = (reason: string): void => {
        this.#hasExited = true;
        for (const { reject } of this.#asked.values()) reject(gone(reason));
        this.#asked.clear();
        resolve();
        onExit(this, reason);
      };
      this.#process.on('exit', (code, signal) =>
        exited(signal === null ? `it exited with code ${code}` : `it was ended by ${signal}`),
      );
      // One that could not be started never exits. That it could not be signalled is seen by its going on.
      this.#process.on('error', (error) => {
        if (this.#process.pid === undefined) exited(error.message);
      });
    });
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  ask(request: FleetRequest): Promise<WorkerReport> {
    return new Promise((resolve, reject) => {
      this.#asked.set(request.index, { resolve, reject });
      this.#process.send(request, (error) => {
        if (error === null) return;
        this.#asked.delete(request.index);
        reject(gone(error.message));
      });
    });
  }

  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#exited;
  }

  /** Ends the process and all its nodes. */
  async stop(): Promise<void> {
    if (this.#hasExited) return;
    if (this.#process.connected) this.#process.disconnect();
    const impatience = setTimeout(() => this.#process.kill('SIGKILL'), stopTimeoutMs);
    await this.#exited;
    clearTimeout(impatience);
  }
}

function gone(reason: string): QueryError {
  return new QueryError('internal', `a worker process of the fleet is gone: ${reason}`);
}

/** Runs from source in development and tests, from JavaScript once built. */
function forkWorker(): ChildProcess {
  const fromSource = import.meta.url.endsWith('.ts');
  const entry = new URL(fromSource ? './fleet-worker.ts' : './fleet-worker.js', import.meta.url);
  const loader = (): string => pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  return fork(fileURLToPath(entry), [], {
    execArgv: fromSource ? ['--import', loader()] : [],
    // Rows and logs do not go this way; what a crashing process says should be seen.
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
}
