import { describe, expect, test } from 'vitest';
import { helpText, readArguments, UsageError } from './arguments.ts';
import { defineExperiment, type Experiment } from './experiment.ts';

const experiments: readonly Experiment[] = ['paths', 'churn'].map((name) =>
  defineExperiment({
    name,
    about: `measures ${name}`,
    options: {
      nodes: { full: 1_000, quick: 10, about: 'nodes', min: 2, isCount: true },
      fail: { full: 10, quick: 10, about: 'percent', max: 99 },
      sessions: { full: [1.4, 5], quick: [1], about: 'minutes' },
      geometries: { full: ['a', 'b'], quick: ['a'], about: 'geometries' },
    },
    run: () => Promise.reject(new Error('not run here')),
  }),
);
const read = (line: string) => readArguments(line.split(' ').filter(Boolean), experiments);

describe('a command line', () => {
  test('names an experiment; what it leaves out has its default', () => {
    expect(read('churn')).toMatchObject({
      kind: 'run',
      seed: 1,
      isQuick: false,
      outDirectory: null,
      options: { nodes: 1_000, sessions: [1.4, 5], geometries: ['a', 'b'] },
    });
    expect(read('churn --quick')).toMatchObject({
      isQuick: true,
      options: { nodes: 10, sessions: [1], geometries: ['a'] },
    });
  });

  test('sets options to numbers and lists, in any order, with or without an equals sign', () => {
    const line = '--quick paths --nodes=64 --seed 7 --sessions 2,3.5 --geometries b --out results';
    expect(read(line)).toMatchObject({
      kind: 'run',
      experiment: { name: 'paths' },
      seed: 7,
      isQuick: true,
      outDirectory: 'results',
      options: { nodes: 64, sessions: [2, 3.5], geometries: ['b'] },
    });
  });

  test.each([
    ['pahts', /no experiment pahts. Did you mean "paths"\?\nThere are: churn, paths/],
    ['paths --ndoes 3', /no option --ndoes. Did you mean "--nodes"\?/],
    ['paths --nodes many', /--nodes needs a whole number of at least 2, found many/],
    ['paths --nodes', /--nodes needs a whole number of at least 2/],
    ['paths --nodes 1', /--nodes needs a whole number of at least 2, found 1/],
    ['paths --nodes 2.5', /--nodes needs a whole number of at least 2, found 2.5/],
    ['paths --fail 100', /--fail needs a number from 0 to 99, found 100/],
    ['paths --sessions 1,x', /--sessions needs a number of at least 0, found x/],
    ['paths --sessions', /--sessions needs a list such as 1.4,5/],
    ['paths --seed -1', /--seed needs a whole number of at least 0/],
    ['paths churn', /one experiment at a time: paths, churn/],
  ])('that is wrong is refused with what would be right: %s', (line, message) => {
    expect(() => read(line)).toThrow(UsageError);
    expect(() => read(line)).toThrow(message);
  });

  test('can ask for help, about all or one', () => {
    expect(read('')).toEqual({ kind: 'help', experiment: null });
    expect(read('--help')).toEqual({ kind: 'help', experiment: null });
    const request = read('churn --help');
    expect(request).toMatchObject({ kind: 'help', experiment: { name: 'churn' } });
    expect(helpText(experiments, null, 'experiment')).toContain('  paths  measures paths');
    expect(helpText(experiments, request.experiment, 'experiment')).toContain(
      '--sessions  minutes (1.4,5; with --quick 1)',
    );
  });
});
