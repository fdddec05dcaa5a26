import { readFile, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

export const historyLinesMax = 1_000;

export const historyFile = (): string => join(homedir(), '.wharf_history');

/** Lines typed in earlier shells, newest first as readline wants them; none when the file cannot be read. */
export async function loadHistory(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .slice(-historyLinesMax)
    .reverse();
}

/** Best effort: a shell that cannot keep its history still works. Only the user may read it. */
export async function saveHistory(path: string, newestFirst: readonly string[]): Promise<void> {
  const lines = newestFirst.slice(0, historyLinesMax).reverse();
  await writeFile(path, lines.map((line) => `${line}\n`).join(''), { mode: 0o600 }).catch(() => undefined);
}
