import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCommand } from '../../bench/experiments/harness/command.ts';
import { atMost, defineExperiment, type Experiment } from '../../bench/experiments/harness/experiment.ts';
import { experiments } from '../../bench/experiments/index.ts';

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'experiments-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

async function run(line: string, list: readonly Experiment[] = experiments, interruptAfter: string | null = null) {
  const printed: string[] = [];
  const told: string[] = [];
  let interrupt = (): void => {};
  const code = await runCommand(line.split(' '), {
    script: 'experiment',
    experiments: list,
    resultsDirectory: directory,
    print: (text) => printed.push(text),
    tell: (text) => {
      told.push(text);
      if (interruptAfter !== null && text.includes(interruptAfter)) setTimeout(() => interrupt(), 100);
    },
    onInterrupt: (act) => {
      interrupt = act;
    },
  });
  return { code, printed: printed.join('\n'), told: told.join('\n') };
}

/** Every experiment, as small as it can be, and figures that must come out of it whatever chance does. */
const tiny: Readonly<Record<string, { readonly options: string; readonly row: Readonly<Record<string, unknown>> }>> = {
  broadcast: {
    options: '--nodes 12 --fail 0 --loss 5 --broadcasts 1 --warmup 5 --wait 10',
    row: { failedPercent: 0, lossPercent: 0, members: 12, delivery: 1, payloads: 11, copies: 1 },
  },
  churn: {
    options: '--nodes 8 --sessions 5 --rest 4 --warmup 5 --measure 5',
    row: { sessionMin: 5, p50Ms: expect.any(Number), consistency: expect.any(Number) },
  },
  durability: {
    options: '--nodes 8 --sessions 60 --values 10 --hours 0.005',
    row: { lost: 0, availability: 1, gets: 36 },
  },
  fairness: {
    options: '--clients 2 --hours 1.2',
    row: { test: 1, group: 1 },
  },
  'lookup-concepts': {
    options: '--nodes 8 --lookups 10 --warmup 5 --recovery 16 --fail 10',
    row: { concept: 'central server', nodes: 8, stateMost: 8, success: 1 },
  },
  'mass-failure': {
    options: '--nodes 12 --fail 20 --lookups 20 --after 0,10 --patience 60',
    row: { failed: 20, afterS: 0, success: expect.any(Number) },
  },
  paths: {
    options: '--nodes 8 --contacts 1024 --messages 40 --warmup 4',
    row: { nodes: 8, contactsMax: 1_024, delivered: 1, contacts: 7, most: 1 },
  },
  scale: {
    options: '--nodes 8 --warmup 1 --rest 1 --measure 2',
    row: { nodes: 8, isRepeatable: true },
  },
};

describe('every experiment runs and leaves its figures and a plot', () => {
  test('none is forgotten here', () => {
    expect(Object.keys(tiny).sort()).toEqual(experiments.map(({ name }) => name).sort());
  });

  test.each(Object.keys(tiny))('%s', async (name) => {
    const { options, row } = tiny[name] as (typeof tiny)[string];
    const { code, printed } = await run(`${name} --quick --seed 3 ${options}`);
    expect(code).toBe(0);
    expect(printed).toContain(`${name}, seed 3`);
    expect(printed).toContain(`node ${process.version}`);
    const kept = JSON.parse(readFileSync(join(directory, 'quick', `${name}.json`), 'utf8'));
    expect(kept).toMatchObject({ experiment: name, seed: 3, isQuick: true, environment: { node: process.version } });
    expect(kept.rows[0]).toMatchObject(row);
    for (const target of kept.targets)
      expect(target).toMatchObject({ name: expect.any(String), met: expect.any(Boolean) });
    const svg = readFileSync(join(directory, 'quick', `${name}.svg`), 'utf8');
    expect(/^<svg[\s\S]*mark-line[\s\S]*<\/svg>$/.test(svg)).toBe(true);
    expect(svg.includes('NaN')).toBe(false);
  });
});

describe('the command', () => {
  const missing = defineExperiment({
    name: 'missing',
    about: 'misses its target',
    options: {},
    run: () =>
      Promise.resolve({
        rows: [{ value: 2 }],
        targets: [atMost('value', 2, 1)],
        plot: { data: { values: [{ value: 2 }] }, mark: 'point' },
      }),
  });

  test('fails when a target is missed, unless the run was quick', async () => {
    expect(await run('missing', [missing])).toMatchObject({ code: 1, printed: expect.stringContaining('FAIL') });
    expect(await run('missing --quick', [missing])).toMatchObject({ code: 0 });
    expect(readdirSync(directory)).toEqual(expect.arrayContaining(['missing.json', 'missing.svg', 'quick']));
  });

  test('reports what has been measured when the user wants an end', async () => {
    const line = 'durability --quick --nodes 8 --sessions 60 --values 10 --hours 6';
    const { told } = await run(line, experiments, 'churning for 6 virtual hours');
    expect(told).toContain('ending early');
    const { rows } = JSON.parse(readFileSync(join(directory, 'quick', 'durability.json'), 'utf8'));
    expect(rows[0].hours).toBeLessThan(6);
    // The last one may be at the very end.
    expect([0, 1]).toContain(rows[0].gets - Math.round(rows[0].hours * 3_600 * 2));
  });

  test('lists what there is, and says what a wrong name might have meant', async () => {
    expect((await run('--help')).printed).toContain('mass-failure');
    expect(await run('mass-faliure')).toMatchObject({ code: 2, told: expect.stringContaining('mass-failure') });
  });
});

test.each([
  ['churn --quick --geometries ring', 'there is no geometry ring; there are: bamboo, chord, kademlia'],
  ['churn --quick --sessions 0', '--sessions needs a number of at least 0.001, found 0'],
  ['paths --quick --out /dev/null/x', 'cannot write to /dev/null/x: '],
])('%s is a wrong command line', async (line, message) => {
  const { code, told } = await run(line);
  expect([code, told]).toEqual([2, expect.stringContaining(message)]);
});
