import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isTableFile } from '../engine/index.ts';
import { UsageError } from './exit.ts';

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  EISDIR: 'it is a directory',
  ENOTDIR: 'it is no directory',
};

/** @param what names the file's role in the error, as `the configuration file` */
export async function readText(path: string, what: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`cannot read ${what} ${path}: ${reasons[error.code ?? ''] ?? error.message}`);
  });
}

/** The cluster secret: the file's text without space around it. */
export async function readSecret(path: string): Promise<string> {
  const secret = (await readText(path, 'the secret file')).trim();
  if (secret === '') throw new UsageError(`the secret file ${path} is empty`);
  return secret;
}

/** Users of the Postgres door: a line each, `name:password` or `name:SCRAM-SHA-256$…`; `#` begins a comment. */
export async function readUsers(path: string): Promise<ReadonlyMap<string, string>> {
  const users = new Map<string, string>();
  for (const [index, line] of (await readText(path, 'the users file')).split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const [, name, secret] = /^([^:]+):(.+)$/.exec(line) ?? [];
    if (name === undefined || secret === undefined) {
      throw new UsageError(`the users file ${path} is wrong in line ${index + 1}`, 'a line is name:password');
    }
    users.set(name, secret);
  }
  if (users.size === 0) throw new UsageError(`the users file ${path} names no user`);
  return users;
}

/** The files of a directory that can be tables, in the order of their names; each is to be a table named after it. */
export async function tableFiles(directory: string): Promise<readonly string[]> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(
      `cannot read the directory of tables ${directory}: ${reasons[error.code ?? ''] ?? error.message}`,
    );
  });
  return names
    .filter(isTableFile)
    .sort()
    .map((name) => join(directory, name));
}
