import { QueryError } from '../columnar/index.ts';
import { renderErrorAt } from '../engine/index.ts';
import { printable } from './output/printable.ts';

/** What the command tells the shell that ran it; documented in `wharf --help`. */
export const exitCode = {
  ok: 0,
  /** A query or the node failed. */
  failed: 1,
  /** The command line or a file that it names is wrong. */
  usage: 2,
  /** The answer is partial, or was refused for being so. */
  partial: 3,
  /** Ended by Ctrl-C: 128 + SIGINT. */
  interrupted: 130,
} as const;

/** The command was given something that it cannot use. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly hint: string | null;

  constructor(message: string, hint: string | null = null) {
    super(message);
    this.hint = hint;
  }
}

/**
 * An error as the user reads it: one message, the place in the SQL if it has one, what to do about it. No stack
 * trace, except for a bug of ours.
 * @param sql the text that the error's position points into, where it is known
 */
export function renderError(error: unknown, sql: string | null = null): string {
  if (error instanceof UsageError) return message(error.message, error.hint);
  if (!(error instanceof QueryError)) {
    const trace = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return `wharf: internal error, please report it: ${trace}\n`;
  }
  const { position, hint } = error;
  if (sql === null || position === null) return message(error.message, hint);
  const before = sql.slice(0, position).split('\n');
  const place = `line ${before.length}, column ${[...(before.at(-1) ?? '')].length + 1}`;
  return message(`${error.message} (${place})`, hint, renderErrorAt(sql, position));
}

function message(text: string, hint: string | null, place: string | null = null): string {
  const lines = [
    `wharf: ${printableLines(text)}`,
    ...(place === null ? [] : [place]),
    ...(hint === null ? [] : [`hint: ${printableLines(hint)}`]),
  ];
  return `${lines.join('\n')}\n`;
}

/** Messages may come from other machines; a few have several lines. */
function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}

export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return exitCode.usage;
  if (!(error instanceof QueryError)) return exitCode.failed;
  return error.code === 'nodesLost' ? exitCode.partial : exitCode.failed;
}
