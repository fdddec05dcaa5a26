import { parseArgs } from 'node:util';
import { soak, type Verdict } from './soak.ts';

const usage = `Usage: npm run soak -- [--minutes M] [--nodes N] [--seed S] [--data]

Runs N nodes (8), a process each, for M minutes (5); kills and restarts them by chance, which follows from the seed S (1),
while values and rows are written and read. Prints what was lost. Exits 1 when something was that may not be.

With --data each node has a data directory and comes back with it: then all of them may be dead at the same time, as all
are once more at the end. What was written is kept in the directory that it names when something was lost.`;

class UsageError extends Error {}

function numberOf(name: string, text: string, least: number, most = Number.MAX_SAFE_INTEGER): number {
  const value = Number(text);
  if (value >= least && value <= most) return value;
  throw new UsageError(`--${name} is a number from ${least} ${most === Number.MAX_SAFE_INTEGER ? 'on' : `to ${most}`}`);
}

/** Each is a process of a hundred megabytes. */
const nodesMax = 64;

function text({ kills, puts, gets, inserts, queries, completeQueries, violations }: Verdict): string {
  const share = ({ tried, done }: Verdict['puts']): string =>
    `${done} of ${tried}${tried === 0 ? '' : ` (${((100 * done) / tried).toFixed(2)}%)`}`;
  return [
    `kills     ${kills}`,
    `puts      ${share(puts)}`,
    `gets      ${share(gets)}`,
    `inserts   ${share(inserts)}`,
    `queries   ${share(queries)}, ${completeQueries} complete`,
    `violations ${violations.length}`,
    ...violations.slice(0, 20).map((violation) => `  ${violation}`),
  ].join('\n');
}

async function main(): Promise<number> {
  const options = { minutes: '5', nodes: '8', seed: '1' };
  let values: Partial<typeof options> & { help?: boolean; data?: boolean };
  try {
    const string = { type: 'string' } as const;
    const boolean = { type: 'boolean' } as const;
    ({ values } = parseArgs({
      options: { minutes: string, nodes: string, seed: string, data: boolean, help: boolean },
    }));
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const given = { ...options, ...values };
  const seed = Math.trunc(numberOf('seed', given.seed, 0));
  const started = performance.now();
  const verdict = await soak({
    minutes: numberOf('minutes', given.minutes, 0),
    // Enough for every value to have its copies while two nodes are dead.
    nodes: Math.trunc(numberOf('nodes', given.nodes, 5, nodesMax)),
    seed,
    isDurable: values.data === true,
    progress: (line) => console.error(`[${((performance.now() - started) / 1_000).toFixed(1).padStart(6)} s] ${line}`),
  });
  console.log(`seed ${seed}\n${text(verdict)}`);
  return verdict.violations.length === 0 ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\n\n${usage}`);
  process.exitCode = 2;
}
