import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { Numbered, Reply, Request } from './messages.ts';

type Result<T extends Request> = T extends { type: 'start' }
  ? Extract<Reply, { type: 'started' }>
  : T extends { type: 'get' }
    ? Extract<Reply, { type: 'got' }>
    : T extends { type: 'sql' }
      ? Extract<Reply, { type: 'answer' }>
      : Extract<Reply, { type: 'done' }>;

/** One process with one node, seen from the soak. */
export class NodeProcess {
  readonly #process: ChildProcess;
  readonly #asked = new Map<number, { resolve: (reply: Reply) => void; reject: (reason: Error) => void }>();
  #number = 0;

  /** @param worker the program to run */
  constructor(worker: string) {
    this.#process = fork(worker, [], {
      execArgv: [],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#process.on('message', ({ number, content }: Numbered<Reply>) => {
      this.#asked.get(number)?.resolve(content);
      this.#asked.delete(number);
    });
    this.#process.on('exit', () => {
      for (const { reject } of this.#asked.values()) reject(new Error('the process ended'));
      this.#asked.clear();
    });
  }

  /** @throws Error when the node fails at it, or dies before it answers: it may have done it or not */
  async ask<T extends Request>(content: T): Promise<Result<T>> {
    const reply = await new Promise<Reply>((resolve, reject) => {
      this.#number += 1;
      this.#asked.set(this.#number, { resolve, reject });
      this.#process.send({ number: this.#number, content }, (error) => error && reject(error));
    });
    if (reply.type === 'failed') throw new Error(reply.reason);
    return reply as Result<T>;
  }

  /** SIGKILL: no goodbye, nothing written. */
  async kill(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exited = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await exited;
  }
}
