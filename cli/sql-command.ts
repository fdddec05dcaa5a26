import type { Command } from 'commander';
import { QueryError } from '../columnar/index.ts';
import { defaultListen, sqlLengthMax } from '../engine/index.ts';
import { connect } from '../gateway/index.ts';
import { addressArgument, formatArgument } from './arguments.ts';
import { exitCode, exitCodeOf, renderError, UsageError } from './exit.ts';
import { readSecret, readText } from './files.ts';
import type { FormatName } from './output/format.ts';
import { printStatements } from './output/printer.ts';
import { noProgress, Spinner } from './output/progress.ts';
import { widthOf } from './output/sink.ts';

interface SqlFlags {
  readonly node: string;
  readonly format?: FormatName;
  readonly file?: string;
  readonly secretFile?: string;
}

const examples = `
Rows go to stdout; coverage, timing and errors to stderr. Ctrl-C cancels.
The format is table on a terminal and csv otherwise. In csv NULL is empty and an empty text is "". json is an array
a result. A subscription prints every epoch as it comes: in csv and arrow with the columns epoch, nodes_answered,
complete in front, in json as one object a line.

Exit code: 0 when every answer is complete, 1 when a query failed, 2 for a wrong command line, 3 when an answer
was partial, 130 when ended by Ctrl-C.

Examples:
  wharf sql "SELECT count(*) FROM cpu"
  wharf sql "SELECT node, load_1m FROM host ORDER BY load_1m DESC" --format csv > load.csv
  wharf sql --file report.sql --node 192.168.1.10:7400 --secret-file fleet.secret
  echo "SHOW TABLES" | wharf sql -
  wharf sql "SUBSCRIBE (SELECT avg(load_percent) FROM cpu) EVERY '1 second' FOR '10 seconds'"`;

export function addSqlCommand(program: Command): void {
  program
    .command('sql')
    .summary('ask a fleet')
    .description('Asks a fleet through any of its nodes and prints the answers.')
    .argument('[sql]', 'one or more statements; - reads them from stdin')
    .option('--node <host:port>', 'the node to ask', addressArgument, defaultListen)
    .option('--format <name>', 'table, csv, json or arrow', formatArgument)
    .option('--file <file>', 'read the statements from a file')
    .option('--secret-file <file>', 'the cluster secret')
    .addHelpText('after', examples)
    .action(runSql);
}

async function runSql(argument: string | undefined, flags: SqlFlags): Promise<void> {
  const { stdout, stderr } = process;
  const sql = await sqlText(argument, flags.file);
  checkLength(sql);
  const format = flags.format ?? (stdout.isTTY ? 'table' : 'csv');
  if (format === 'arrow' && stdout.isTTY) {
    throw new UsageError('arrow is not for a terminal', 'redirect the output: wharf sql … --format arrow > rows.arrow');
  }
  const secret = flags.secretFile === undefined ? null : await readSecret(flags.secretFile);
  const node = await connect(flags.node, { secret });
  const session = node.openSession();
  const interruption = new Interruption(() => session.cancel());
  try {
    const { partial } = await printStatements(session, sql, {
      out: stdout,
      notes: stderr,
      format,
      widthMax: widthOf(stdout),
      timing: true,
      progress: stderr.isTTY ? new Spinner(stderr, 'asking the fleet') : noProgress,
    });
    process.exitCode = partial ? exitCode.partial : exitCode.ok;
  } catch (error) {
    const cancelled = interruption.happened && error instanceof QueryError && error.code === 'cancelled';
    stderr.write(cancelled ? 'cancelled\n' : renderError(error, sql));
    process.exitCode = cancelled ? exitCode.interrupted : exitCodeOf(error);
  } finally {
    interruption.ignore();
    node.close();
  }
}

/** @throws UsageError */
function checkLength(sql: string): void {
  if (sql.length <= sqlLengthMax) return;
  throw new UsageError(
    `the SQL has ${sql.length} characters, at most ${sqlLengthMax} are taken at once`,
    'wharf shell < FILE takes it statement by statement',
  );
}

async function sqlText(argument: string | undefined, file: string | undefined): Promise<string> {
  if (file !== undefined) {
    if (argument !== undefined) throw new UsageError('give the SQL or --file, not both');
    return readText(file, 'the SQL file');
  }
  if (argument === undefined)
    throw new UsageError('there is no SQL to run', 'wharf sql "SELECT 1", or - to read it from stdin');
  if (argument !== '-') return argument;
  let text = '';
  for await (const chunk of process.stdin.setEncoding('utf8')) text += chunk;
  return text;
}

/** Ctrl-C: the first one cancels what runs, the second ends the process. */
class Interruption {
  #happened = false;
  readonly #listener: () => void;

  constructor(cancel: () => void) {
    this.#listener = () => {
      if (this.#happened) process.exit(exitCode.interrupted);
      this.#happened = true;
      cancel();
    };
    process.on('SIGINT', this.#listener);
  }

  get happened(): boolean {
    return this.#happened;
  }

  ignore(): void {
    process.off('SIGINT', this.#listener);
  }
}
