import { QueryError } from '../../columnar/index.ts';

/** Where in a text file something is wrong. Lines count from 1. */
export function fileError(path: string, message: string, line: number | null = null, cause?: unknown): QueryError {
  const where = line === null ? path : `${path}, line ${line}`;
  return new QueryError('file', `${where}: ${message}`, cause === undefined ? {} : { cause });
}

const systemMessages: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  ENOTDIR: 'no such file',
  EACCES: 'no permission to read it',
  EPERM: 'no permission to read it',
  EISDIR: 'is a directory, not a file',
  EMFILE: 'too many open files',
};

/** Turns whatever opening or reading `path` threw into an error for the caller; keeps a QueryError as it is. */
export function asFileError(path: string, error: unknown, doing: string): QueryError {
  if (error instanceof QueryError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const reason = systemMessages[code] ?? `${doing}: ${error instanceof Error ? error.message : String(error)}`;
  return fileError(path, reason, null, error);
}
