import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Exit code and output of `npm run soak`. */
async function soak(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  try {
    const program = ['--import', 'tsx', 'test/soak/main.ts', ...args];
    return { code: 0, ...(await promisify(execFile)(process.execPath, program, { cwd: root })) };
  } catch (error) {
    return error as { code: number; stdout: string; stderr: string };
  }
}

test('a short soak loses nothing and calls nothing complete that is not', async () => {
  const { code, stdout, stderr } = await soak('--minutes', '0.1', '--nodes', '5', '--seed', '1');
  expect(stdout, stderr).toContain('violations 0');
  expect(stdout).toMatch(/kills +[1-9]/);
  expect(stdout).toMatch(/puts +[1-9]/);
  expect(stdout).toMatch(/inserts +[1-9]/);
  expect(code).toBe(0);
});

test('a wrong command line is told', async () => {
  const { code, stderr } = await soak('--nodes', '2');
  expect(code).toBe(2);
  expect(stderr).toContain('--nodes is a number from 5 to 64');
});
