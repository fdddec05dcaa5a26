import { resolve } from 'node:path';
import { runCommand } from './command.ts';
import type { Experiment } from './experiment.ts';

/** What an npm script does, in the root of the project: runs the one of these experiments that its command line names. */
export async function runScript(script: string, experiments: readonly Experiment[]): Promise<void> {
  process.exitCode = await runCommand(process.argv.slice(2), {
    script,
    experiments,
    resultsDirectory: resolve('bench/results'),
    print: (text) => console.log(text),
    tell: (text) => console.error(text),
    onInterrupt: (act) => process.once('SIGINT', act),
  });
}
