import { fileURLToPath } from 'node:url';
import { runCommand } from './harness/command.ts';
import { experiments } from './index.ts';

process.exitCode = await runCommand(process.argv.slice(2), {
  experiments,
  resultsDirectory: fileURLToPath(new URL('../results', import.meta.url)),
  print: (text) => console.log(text),
  tell: (text) => console.error(text),
});
