import os from 'node:os';
import si from 'systeminformation';
import { QueryError } from '../../columnar/index.ts';
import type { Runtime } from '../../overlay/index.ts';

/** Where the figures of this machine come from, so that tests can give others. */
export const machine = {
  hostname: () => os.hostname(),
  basics: async () => {
    const cpus = os.cpus();
    return {
      platform: os.platform(),
      kernel: os.release(),
      arch: os.arch(),
      cpuModel: cpus[0]?.model ?? '',
      cores: cpus.length,
      memoryBytes: os.totalmem(),
      load: os.loadavg(),
      uptimeSeconds: os.uptime(),
    };
  },
  system: () => si.osInfo(),
  load: () => si.currentLoad(),
  speed: () => si.cpuCurrentSpeed(),
  memory: () => si.mem(),
  disks: () => si.fsSize(),
  interfaces: async () => [await si.networkInterfaces()].flat(),
  traffic: () => si.networkStats('*'),
  processes: () => si.processes(),
};

export type Machine = typeof machine;

/** The figures that are sampled, all but the host's name. */
export type SampleKind = Exclude<keyof Machine, 'hostname'>;

/** Scans this close together share one sample: all nodes of one process, all tables of one query. */
const sampleAgeMsMax = 200;
/** What hardly ever changes is asked more rarely. */
const stillAgeMsMax = 10_000;
/** A file system or a tool that hangs must not hang the query. */
const sampleTimeoutMs = 10_000;

const ageMsMax: Readonly<Partial<Record<SampleKind, number>>> = { system: stillAgeMsMax, interfaces: stillAgeMsMax };

interface Sample {
  /** When it was complete; `null` while it is being taken. */
  atMs: number | null;
  readonly value: Promise<unknown>;
}

/** Samples of a machine, each shared by those who ask at about the same time. */
export class HostSamples {
  readonly machine: Machine;
  readonly #samples = new Map<SampleKind, Sample>();

  constructor(from: Machine) {
    this.machine = from;
  }

  /** @throws QueryError `deadline` when the machine does not answer, `internal` when it cannot */
  async take<K extends SampleKind>(kind: K, runtime: Runtime): Promise<Awaited<ReturnType<Machine[K]>>> {
    let sample = this.#samples.get(kind);
    if (!sample || this.#isOld(kind, sample, runtime)) {
      sample = this.#start(kind, runtime);
      this.#samples.set(kind, sample);
    }
    return (await sample.value) as Awaited<ReturnType<Machine[K]>>;
  }

  #isOld(kind: SampleKind, { atMs }: Sample, runtime: Runtime): boolean {
    // Clocks of several runtimes may differ, so a sample can seem to come from the future.
    return atMs !== null && Math.abs(runtime.now() - atMs) > (ageMsMax[kind] ?? sampleAgeMsMax);
  }

  #start(kind: SampleKind, runtime: Runtime): Sample {
    const forget = () => {
      if (this.#samples.get(kind) === sample) this.#samples.delete(kind);
    };
    const sample: Sample = { atMs: null, value: withTimeout(kind, this.machine[kind](), runtime) };
    sample.value.then(() => {
      sample.atMs = runtime.now();
    }, forget);
    return sample;
  }
}

/** The one that all tables of this process share. */
export const hostSamples = new HostSamples(machine);

function withTimeout(kind: SampleKind, value: Promise<unknown>, runtime: Runtime): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const timer = runtime.after(sampleTimeoutMs, () =>
      reject(new QueryError('deadline', `this machine did not tell its ${kind} within ${sampleTimeoutMs} ms`)),
    );
    value.then(
      (sample) => {
        timer.cancel();
        resolve(sample);
      },
      (error: unknown) => {
        timer.cancel();
        const reason = error instanceof Error ? error.message : String(error);
        reject(new QueryError('internal', `this machine cannot tell its ${kind}: ${reason}`, { cause: error }));
      },
    );
  });
}
