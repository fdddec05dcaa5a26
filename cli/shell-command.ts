import type { Command } from 'commander';
import { defaultListen } from '../engine/index.ts';
import { addressArgument, formatArgument } from './arguments.ts';
import { UsageError } from './exit.ts';
import { readSecret } from './files.ts';
import type { FormatName } from './output/format.ts';
import { runShell } from './shell/shell.ts';

interface ShellFlags {
  readonly node: string;
  readonly format: FormatName;
  readonly secretFile?: string;
}

const examples = `
Examples:
  wharf shell
  wharf shell --node 192.168.1.10:7400 --secret-file fleet.secret
  wharf shell --format csv < report.sql            statements from a file; exit code 1 if one failed`;

export function addShellCommand(program: Command): void {
  program
    .command('shell')
    .summary('talk to a fleet')
    .description('Talks to a fleet through any of its nodes: line editing, history, completion.')
    .option('--node <host:port>', 'the node to talk to', addressArgument, defaultListen)
    .option('--format <name>', 'table, csv or json', formatArgument, 'table')
    .option('--secret-file <file>', 'the cluster secret')
    .addHelpText('after', examples)
    .action(shell);
}

async function shell({ node, format, secretFile }: ShellFlags): Promise<void> {
  if (format === 'arrow') throw new UsageError('arrow is not for a shell', 'use wharf sql … --format arrow');
  const secret = secretFile === undefined ? null : await readSecret(secretFile);
  process.exitCode = await runShell({ address: node, secret, format });
}
