import { parseArgs } from 'node:util';
import { didYouMean } from '../../../planner/suggest.ts';
import type { Experiment, OptionSpec, OptionSpecs, OptionValue } from './experiment.ts';

/** What the command line asks for. */
export type Request =
  | { readonly kind: 'help'; readonly experiment: Experiment | null }
  | {
      readonly kind: 'run';
      readonly experiment: Experiment;
      readonly seed: number;
      readonly isQuick: boolean;
      readonly outDirectory: string | null;
      readonly options: Readonly<Record<string, OptionValue>>;
    };

/** A command line that cannot be followed; the message says what would be right. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** @throws UsageError */
export function readArguments(args: readonly string[], experiments: readonly Experiment[]): Request {
  const { values, positionals } = parse(args);
  const [name, ...others] = positionals;
  if (name === undefined) return { kind: 'help', experiment: null };
  if (others.length > 0) throw new UsageError(`one experiment at a time: ${positionals.join(', ')}`);
  const experiment = experiments.find((candidate) => candidate.name === name);
  if (!experiment) throw unknown('experiment', name, experiments.map((candidate) => candidate.name).sort());
  if (values.has('help')) return { kind: 'help', experiment };
  const { seed, quick, out, ...rest } = Object.fromEntries(values);
  return {
    kind: 'run',
    experiment,
    seed: seed === undefined ? 1 : numberFrom('seed', seed, { isCount: true }),
    isQuick: quick !== undefined,
    outDirectory: typeof out === 'string' ? out : null,
    options: settleOptions(experiment.options, rest, quick !== undefined),
  };
}

/** Every option of the specs with its value: as given, or else its default. @throws UsageError */
export function settleOptions(
  specs: OptionSpecs,
  given: Readonly<Record<string, string | boolean>>,
  isQuick: boolean,
): Record<string, OptionValue> {
  for (const name of Object.keys(given)) {
    if (!(name in specs))
      throw unknown(
        'option',
        `--${name}`,
        [...common, ...Object.keys(specs)].map((o) => `--${o}`),
      );
  }
  return Object.fromEntries(
    Object.entries(specs).map(([name, spec]) => {
      const text = given[name];
      return [name, text === undefined ? (isQuick ? spec.quick : spec.full) : valueFrom(name, text, spec)];
    }),
  );
}

/** @param script that npm runs them by */
export function helpText(experiments: readonly Experiment[], experiment: Experiment | null, script: string): string {
  const width = Math.max(...experiments.map(({ name }) => name.length));
  if (!experiment) {
    const lines = experiments.map(({ name, about }) => `  ${name.padEnd(width)}  ${about}`);
    return [
      `Usage: npm run ${script} -- <name> [--seed S] [--quick] [--out DIRECTORY] [its options]`,
      '',
      'Names (`<name> --help` lists the options of one):',
      ...lines,
    ].join('\n');
  }
  const options = Object.entries(experiment.options).map(
    ([name, { full, quick, about }]) => `  --${name}  ${about} (${full}; with --quick ${quick})`,
  );
  return [`${experiment.name}: ${experiment.about}`, '', ...options].join('\n');
}

const common = ['seed', 'quick', 'out', 'help'];

function parse(args: readonly string[]): { values: Map<string, string | boolean>; positionals: string[] } {
  // Which options there are depends on the experiment, so the tokens are read rather than the values.
  const { tokens } = parseArgs({ args: [...args], strict: false, allowPositionals: true, tokens: true });
  const values = new Map<string, string | boolean>();
  const positionals: string[] = [];
  let open: string | null = null;
  for (const token of tokens) {
    if (token.kind === 'positional') {
      if (open === null) positionals.push(token.value);
      else values.set(open, token.value);
      open = null;
    } else if (token.kind === 'option') {
      const isFlag = token.name === 'quick' || token.name === 'help' || token.name === 'h';
      const name = token.name === 'h' ? 'help' : token.name;
      values.set(name, token.value ?? true);
      open = isFlag || token.value !== undefined ? null : name;
    }
  }
  return { values, positionals };
}

function valueFrom(name: string, text: string | boolean, spec: OptionSpec): OptionValue {
  const { full } = spec;
  if (typeof full === 'number') return numberFrom(name, text, spec);
  if (typeof text !== 'string') throw new UsageError(`--${name} needs a list such as ${full}`);
  const parts = text.split(',').filter((part) => part !== '');
  if (parts.length === 0) throw new UsageError(`--${name} needs a list such as ${full}`);
  return typeof full[0] === 'number' ? parts.map((part) => numberFrom(name, part, spec)) : parts;
}

function numberFrom(name: string, text: string | boolean, { min = 0, max, isCount }: Partial<OptionSpec>): number {
  const value = typeof text === 'string' && text !== '' ? Number(text) : Number.NaN;
  const isFit = isCount ? Number.isSafeInteger(value) : Number.isFinite(value);
  if (isFit && value >= min && value <= (max ?? value)) return value;
  const range = max === undefined ? `of at least ${min}` : `from ${min} to ${max}`;
  throw new UsageError(
    `--${name} needs a ${isCount ? 'whole number' : 'number'} ${range}, found ${text === true ? 'none' : text}`,
  );
}

function unknown(what: string, word: string, candidates: readonly string[]): UsageError {
  const hint = didYouMean(word, candidates) ?? '';
  return new UsageError(`There is no ${what} ${word}. ${hint}\nThere are: ${candidates.join(', ')}`);
}
