import { fileURLToPath } from 'node:url';
import { runCommand } from './command.ts';
import type { Experiment } from './experiment.ts';

/** What an npm script does: runs the one of these experiments that its command line names. */
export async function runScript(script: string, experiments: readonly Experiment[]): Promise<void> {
  process.exitCode = await runCommand(process.argv.slice(2), {
    script,
    experiments,
    resultsDirectory: fileURLToPath(new URL('../../results', import.meta.url)),
    print: (text) => console.log(text),
    tell: (text) => console.error(text),
  });
}
