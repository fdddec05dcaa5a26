import { clearScreenDown, createInterface, cursorTo, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { Session, SessionFactory } from '../../engine/index.ts';
import { connect } from '../../gateway/index.ts';
import { exitCode, renderError } from '../exit.ts';
import { type FormatName, formatNames } from '../output/format.ts';
import { printStatements } from '../output/printer.ts';
import { noProgress, type Progress, Spinner } from '../output/progress.ts';
import { type Sink, widthOf } from '../output/sink.ts';
import { Completion } from './completion.ts';
import { historyFile, historyLinesMax, loadHistory, saveHistory } from './history.ts';
import { LastingNode } from './lasting-node.ts';
import { type ScanState, splitStatements } from './statements.ts';

export interface ShellOptions {
  readonly sessions: SessionFactory;
  readonly input: Readable;
  readonly out: Sink;
  /** For coverage, timing, errors, help. */
  readonly notes: Writable;
  /** Prompts, line editing, history and completion; without it a script is read from `input`. */
  readonly interactive: boolean;
  /** Where typed lines are kept between shells; `null`: nowhere. */
  readonly historyPath: string | null;
  readonly format: FormatName;
}

const prompts: Readonly<Record<ScanState | 'start', string>> = {
  start: 'wharf> ',
  statement: '   ..> ',
  quoted: "    '> ",
  identifier: '    "> ',
  dollar: '    $> ',
  comment: '    *> ',
};

const help = `  SQL ends with ;        it may span lines
  \\d                     tables
  \\d NAME                columns of a table
  \\format [NAME]         ${formatNames.filter((name) => name !== 'arrow').join(', ')}
  \\timing                how long statements take, on or off
  \\?                     this help
  \\q                     leave, as does Ctrl-D
  Tab completes keywords, tables and columns. Ctrl-C cancels what runs or what is typed.
`;

/** Reads statements and commands line by line and prints what they give. */
export class Shell {
  readonly #options: ShellOptions;
  readonly #session: Session;
  readonly #completion: Completion;
  readonly #progress: Progress;
  #format: FormatName;
  #timing = true;
  /** Lines of a statement that has not ended. */
  #typed = '';
  #state: ScanState = 'statement';
  #running = false;
  /** On a terminal, while it reads. */
  #lines: Interface | null = null;
  #quit = false;
  #failed = false;

  constructor(options: ShellOptions) {
    const { sessions, interactive, notes, format } = options;
    this.#options = options;
    this.#session = sessions.openSession();
    this.#completion = new Completion(sessions.openSession());
    this.#progress = interactive ? new Spinner(notes, 'asking the fleet') : noProgress;
    this.#format = format;
  }

  /** @returns the exit code, when the user leaves or the input ends */
  async run(): Promise<number> {
    const { input, out, interactive, historyPath } = this.#options;
    let history = historyPath === null || !interactive ? [] : await loadHistory(historyPath);
    const lines = createInterface({
      input,
      ...(interactive ? { output: out } : {}),
      terminal: interactive,
      history,
      historySize: historyLinesMax,
      removeHistoryDuplicates: true,
      completer: (line: string, done: (error: null, result: [string[], string]) => void) => {
        void this.#completion.complete(this.#typed, line).then((found) => done(null, found));
      },
    });
    if (interactive) this.#lines = lines;
    lines.on('history', (newestFirst) => {
      history = newestFirst;
    });
    lines.on('SIGINT', () => this.#interrupted(lines));
    try {
      this.#prompt(lines);
      for await (const line of lines) {
        await this.#line(line);
        if (this.#quit) break;
        this.#prompt(lines);
      }
      await this.#endOfInput();
    } finally {
      this.#lines = null;
      lines.close();
      this.#session.close();
      this.#completion.close();
    }
    if (interactive && historyPath !== null) await saveHistory(historyPath, history);
    return this.#failed && !interactive ? exitCode.failed : exitCode.ok;
  }

  /** Says something that nobody asked for. A line that is being typed stays whole: it is written again below. */
  announce(text: string): void {
    const { out } = this.#options;
    const lines = this.#running ? null : this.#lines;
    if (lines) {
      cursorTo(out, 0);
      clearScreenDown(out);
    }
    out.write(`${text}\n`);
    lines?.prompt(true);
  }

  #prompt(lines: Interface): void {
    if (!this.#options.interactive) return;
    lines.setPrompt(prompts[this.#typed.trim() === '' ? 'start' : this.#state]);
    lines.prompt();
  }

  async #line(line: string): Promise<void> {
    const fresh = this.#typed.trim() === '';
    if (fresh && line.trim().startsWith('\\')) {
      await this.#command(line.trim());
      return;
    }
    if (fresh && /^\s*(quit|exit)\s*;?\s*$/i.test(line)) {
      this.#quit = true;
      return;
    }
    const { statements, rest, state } = splitStatements(`${this.#typed}${line}\n`);
    this.#typed = isBlank(rest) ? '' : rest;
    this.#state = state;
    for (const statement of statements) await this.#execute(statement);
  }

  /** A script's last statement needs no semicolon. */
  async #endOfInput(): Promise<void> {
    const { interactive, out } = this.#options;
    if (interactive && !this.#quit) out.write('\n');
    if (!interactive && this.#typed.trim() !== '') await this.#execute(this.#typed.trim());
  }

  async #execute(sql: string): Promise<void> {
    const { out, notes, interactive } = this.#options;
    this.#running = true;
    try {
      await printStatements(this.#session, sql, {
        out,
        notes,
        format: this.#format,
        widthMax: interactive ? widthOf(out) : Number.POSITIVE_INFINITY,
        timing: this.#timing,
        progress: this.#progress,
      });
    } catch (error) {
      this.#failed = true;
      notes.write(renderError(error, sql));
    } finally {
      this.#running = false;
    }
    if (/^\s*(create|drop)\b/i.test(sql)) this.#completion.forget();
  }

  async #command(line: string): Promise<void> {
    const [name = '', argument = ''] = line.replace(/;$/, '').split(/\s+/);
    switch (name) {
      case '\\?':
        this.#note(help);
        return;
      case '\\q':
        this.#quit = true;
        return;
      case '\\d':
        await this.#execute(argument === '' ? 'SHOW TABLES' : `DESCRIBE ${argument}`);
        return;
      case '\\timing':
        this.#timing = !this.#timing;
        this.#note(`timing is ${this.#timing ? 'on' : 'off'}\n`);
        return;
      case '\\format':
        this.#setFormat(argument);
        return;
      default:
        this.#failed = true;
        this.#note(`wharf: there is no command ${name}\nhint: \\? lists the commands\n`);
    }
  }

  #setFormat(name: string): void {
    const format = formatNames.find((known) => known === name && known !== 'arrow');
    if (format !== undefined) this.#format = format;
    this.#note(
      format !== undefined || name === ''
        ? `the format is ${this.#format}\n`
        : `wharf: there is no format ${name} here\n`,
    );
  }

  /** Ctrl-C. */
  #interrupted(lines: Interface): void {
    if (this.#running) {
      this.#session.cancel();
      return;
    }
    const typing = this.#typed !== '' || lines.line !== '';
    this.#typed = '';
    lines.write(null, { ctrl: true, name: 'e' });
    lines.write(null, { ctrl: true, name: 'u' });
    this.#options.out.write(typing ? '^C\n' : '\n\\q or Ctrl-D leaves the shell\n');
    this.#prompt(lines);
  }

  #note(text: string): void {
    this.#options.notes.write(text);
  }
}

/** Nothing but space and comments: no statement has begun. */
function isBlank(text: string): boolean {
  return text.replaceAll(/--[^\n]*\n/g, '').trim() === '';
}

export interface RunShellOptions {
  /** The node to talk to: `host:port`. */
  readonly address: string;
  readonly secret: string | null;
  readonly format?: FormatName;
}

/**
 * Runs a shell on this process's terminal, or the script on its stdin.
 * @returns the exit code
 * @throws QueryError when the node cannot be reached
 */
export async function runShell({ address, secret, format = 'table' }: RunShellOptions): Promise<number> {
  const { stdin, stdout, stderr } = process;
  const open = () => connect(address, { secret });
  const remote = await open();
  const interactive = stdin.isTTY && stdout.isTTY;
  const connectedAgain = () => shell.announce(`Connected again to ${address}, in a new session.`);
  // A script must not go on where a statement may have been lost.
  const sessions = interactive ? new LastingNode(remote, open, connectedAgain) : remote;
  const options = { sessions, input: stdin, out: stdout, notes: stderr, interactive, format };
  const shell = new Shell({ ...options, historyPath: historyFile() });
  if (interactive) stdout.write(`Connected to ${remote.address}. \\? for help, \\q to leave.\n`);
  try {
    return await shell.run();
  } finally {
    sessions.close();
  }
}
