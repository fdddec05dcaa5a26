import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Answer, Command, LoadResult, LoadSpec } from './messages.ts';
import type { SystemName } from './systems.ts';

const startTimeoutMs = 120_000;

export interface NetworkSize {
  readonly nodes: number;
  readonly processes: number;
}

/** The nodes of one system, spread evenly over processes of their own. */
export class Network {
  readonly system: SystemName;
  readonly #processes: readonly ChildProcess[];
  readonly #asked = new Map<number, { resolve: (answer: Answer) => void; reject: (reason: Error) => void }>();

  private constructor(system: SystemName, processes: readonly ChildProcess[]) {
    this.system = system;
    this.#processes = processes;
    for (const child of processes) {
      child.on('message', (answer: Answer) => {
        const asked = this.#asked.get(answer.node);
        this.#asked.delete(answer.node);
        if (answer.type === 'failed') asked?.reject(new Error(`${system}, node ${answer.node}: ${answer.reason}`));
        else asked?.resolve(answer);
      });
      child.on('exit', () => {
        for (const { reject } of this.#asked.values()) reject(new Error(`a process of ${system} ended`));
        this.#asked.clear();
      });
    }
  }

  /** Starts the nodes one after the other, each joining through the first, and waits until all are ready. */
  static async start(system: SystemName, { nodes, processes }: NetworkSize, worker: string): Promise<Network> {
    const network = new Network(
      system,
      Array.from({ length: processes }, () =>
        fork(worker, [], { serialization: 'advanced', stdio: ['ignore', 'ignore', 'inherit', 'ipc'], execArgv: [] }),
      ),
    );
    const timer = setTimeout(() => void network.stop(), startTimeoutMs);
    try {
      let join: string | null = null;
      for (let node = 0; node < nodes; node++) {
        const answer: Answer = await network.#ask({ type: 'start', system, node, join });
        if (answer.type === 'started') join ??= answer.address;
      }
      await Promise.all(Array.from({ length: nodes }, (_, node) => network.#ask({ type: 'ready', node, nodes })));
      return network;
    } catch (error) {
      await network.stop();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  async load(node: number, load: LoadSpec): Promise<LoadResult> {
    const answer = await this.#ask({ type: 'load', node, load });
    if (answer.type !== 'loaded') throw new Error(`${this.system}, node ${node}: answered ${answer.type}`);
    return answer.result;
  }

  /** Processor time of all its processes since they began, in milliseconds. */
  cpuMs(): number {
    return this.#processes.reduce((sum, { pid }) => sum + (pid === undefined ? 0 : processCpuMs(pid)), 0);
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.#processes.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const exited = once(child, 'exit');
        child.kill('SIGKILL');
        await exited;
      }),
    );
  }

  #ask(command: Command): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#asked.set(command.node, { resolve, reject });
      const child = this.#processes[command.node % this.#processes.length];
      if (child?.connected) child.send(command, (error) => error && reject(error));
      else reject(new Error(`a process of ${this.system} ended`));
    });
  }
}

/** `utime` and `stime` of proc(5), whose unit is 10 ms on every Linux that Node runs on. */
function processCpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return 10 * (Number(fields[11]) + Number(fields[12]));
}
