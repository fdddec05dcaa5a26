import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { helpText, readArguments, UsageError } from './arguments.ts';
import { environment } from './environment.ts';
import type { Experiment } from './experiment.ts';
import { keep, type Report, reportText } from './report.ts';

export interface Surroundings {
  /** The npm script that was called, for its help. */
  readonly script: string;
  readonly experiments: readonly Experiment[];
  /** Where outputs go unless the command line says otherwise; those of quick runs into `quick` below it. */
  readonly resultsDirectory: string;
  /** A text of one or more lines of the report. */
  print(text: string): void;
  /** Progress and complaints. */
  tell(text: string): void;
  /** Has something done, instead of dying, the next time that the user presses Ctrl-C. */
  onInterrupt(act: () => void): void;
}

/** Runs one experiment. @returns the exit code: 0, or 1 when a target was missed, or 2 for a wrong command line */
export async function runCommand(args: readonly string[], surroundings: Surroundings): Promise<number> {
  try {
    return await followCommand(args, surroundings);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    surroundings.tell(error.message);
    return 2;
  }
}

async function followCommand(args: readonly string[], surroundings: Surroundings): Promise<number> {
  const { script, experiments, resultsDirectory, print, tell, onInterrupt } = surroundings;
  const request = readArguments(args, experiments);
  if (request.kind === 'help') {
    print(helpText(experiments, request.experiment, script));
    return 0;
  }
  const { experiment, seed, isQuick, options, outDirectory } = request;
  const directory = outDirectory ?? (isQuick ? join(resultsDirectory, 'quick') : resultsDirectory);
  await make(directory);
  // The checkout may be another one when a run of hours ends.
  const environmentAtStart = environment();
  const startedAtMs = performance.now();
  const elapsedS = (): number => (performance.now() - startedAtMs) / 1_000;
  const progress = (text: string): void => tell(`[${elapsedS().toFixed(0).padStart(5)} s] ${text}`);
  const ending = new AbortController();
  if (experiment.canEndEarly) {
    onInterrupt(() => {
      progress('ending early, with what has been measured; once more to give it up');
      ending.abort();
    });
  }
  const outcome = await experiment.run({ seed, progress, ending: ending.signal }, options);
  const report: Report = {
    experiment: experiment.name,
    environment: environmentAtStart,
    seed,
    isQuick,
    isEndedEarly: ending.signal.aborted,
    options,
    elapsedS: elapsedS(),
    outcome,
  };
  print(reportText(report));
  for (const path of await keep(report, directory)) print(path);
  return isQuick || outcome.targets.every(({ met }) => met) ? 0 : 1;
}

/** Before a run of hours rather than after it. Its parent must exist: where none can be made, Node would try for ever. @throws UsageError */
async function make(directory: string): Promise<void> {
  try {
    await mkdir(directory);
  } catch (error) {
    if ((await stat(directory).catch(() => null))?.isDirectory()) return;
    throw new UsageError(`cannot write to ${directory}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
