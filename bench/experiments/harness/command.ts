import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { helpText, readArguments, UsageError } from './arguments.ts';
import { environment } from './environment.ts';
import type { Experiment } from './experiment.ts';
import { keep, type Report, reportText } from './report.ts';

/** An npm script that runs one of its experiments, by name; see `exitCode`. */
export async function command(script: string, experiments: readonly Experiment[]): Promise<void> {
  try {
    process.exitCode = await exitCode(script, experiments, process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(error.message);
    process.exitCode = 2;
  }
}

/** 0 when the experiment reached its targets, 1 when it missed one. @throws UsageError for a wrong command line */
async function exitCode(script: string, experiments: readonly Experiment[], args: readonly string[]): Promise<number> {
  const request = readArguments(args, experiments);
  if (request.kind === 'help') {
    console.log(helpText(experiments, request.experiment, script));
    return 0;
  }
  const { experiment, seed, isQuick, options } = request;
  const started = performance.now();
  const secondsSince = (): number => (performance.now() - started) / 1_000;
  const progress = (text: string): void => console.error(`[${secondsSince().toFixed(0).padStart(5)} s] ${text}`);
  const outcome = await experiment.run({ seed, progress }, options);
  const report: Report = {
    experiment: experiment.name,
    environment: environment(),
    seed,
    isQuick,
    options,
    elapsedS: secondsSince(),
    outcome,
  };
  console.log(reportText(report));
  const directory = request.outDirectory ?? fileURLToPath(new URL('../../results', import.meta.url));
  for (const path of await keep(report, directory)) console.log(path);
  return isQuick || outcome.targets.every(({ met }) => met) ? 0 : 1;
}
