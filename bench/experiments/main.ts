import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { helpText, readArguments, UsageError } from './harness/arguments.ts';
import { environment } from './harness/environment.ts';
import { keep, type Report, reportText } from './harness/report.ts';
import { experiments } from './index.ts';

/** Runs one experiment: 0 when it reached its targets, 1 when it missed one, 2 for a wrong command line. */
async function main(args: readonly string[]): Promise<number> {
  const request = readArguments(args, experiments);
  if (request.kind === 'help') {
    console.log(helpText(experiments, request.experiment));
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
  const directory = request.outDirectory ?? fileURLToPath(new URL('../results', import.meta.url));
  for (const path of await keep(report, directory)) console.log(path);
  return isQuick || outcome.targets.every(({ met }) => met) ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
