import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { exitCode, exitCodeOf, renderError } from './exit.ts';
import { addFleetCommand } from './fleet-command.ts';
import { addShellCommand } from './shell-command.ts';
import { addSqlCommand } from './sql-command.ts';
import { addStartCommand } from './start.ts';
import { addTourCommand } from './tour.ts';

const examples = `
Examples:
  wharf tour                          see what a fleet can do
  wharf fleet                         a fleet of 8 nodes on this machine
  wharf sql "SELECT count(*) FROM cpu"
  wharf shell                         talk to it
  wharf start --help                  run nodes on several machines

Exit code: 0 ok, 1 a query or the node failed, 2 wrong use, 3 a partial answer, 130 a query ended by Ctrl-C.`;

export function buildProgram(): Command {
  const program = new Command('wharf');
  program
    .description('SQL over a whole fleet of machines, with no central collector.')
    .version(version(), '--version', 'print the version')
    .helpCommand('help [command]', 'help for a command')
    .showSuggestionAfterError(true)
    .addHelpText('after', examples)
    .exitOverride()
    .configureOutput({
      writeErr: (text) => process.stderr.write(text),
      // Commander begins its messages with "error: ".
      outputError: (text, writeErr) => writeErr(`${text.replace(/^error: /, 'wharf: ').trimEnd()}\n`),
    });
  addStartCommand(program);
  addFleetCommand(program);
  addSqlCommand(program);
  addShellCommand(program);
  addTourCommand(program);
  return program;
}

/**
 * Runs the command line.
 * @param args without the interpreter and the script
 */
export async function run(args: readonly string[]): Promise<void> {
  const program = buildProgram();
  try {
    if (args.length === 0) program.outputHelp();
    else await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) {
      // Help and version end this way, too; commander has written what there is to say.
      process.exitCode = error.exitCode === 0 ? exitCode.ok : exitCode.usage;
      return;
    }
    process.stderr.write(renderError(error));
    process.exitCode = exitCodeOf(error);
  }
}

/** Of the package; the file lies above `cli/`, or above `dist/cli/` once built. */
function version(): string {
  const packageFile = new URL('../package.json', import.meta.url);
  return (JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string }).version;
}
