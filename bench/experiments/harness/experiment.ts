import type { TopLevelSpec } from 'vega-lite';

/** A value of an option: a number, or a list given with commas. */
export type OptionValue = number | readonly number[] | readonly string[];

/** One option of an experiment: its value in full, its value under `--quick`, and what it means, unit included. */
export interface OptionSpec<T extends OptionValue = OptionValue> {
  readonly full: T;
  readonly quick: T;
  readonly about: string;
  /** The least number that makes sense: 0 unless it is given. */
  readonly min?: number;
  /** The greatest. */
  readonly max?: number;
  /** Whether it counts something. */
  readonly isCount?: boolean;
}

/** What options have in common that count nodes of a fleet. */
export const fleetSize = { min: 2, isCount: true } as const;
/** Of options that are parts of a whole which is never all of it, in percent. */
export const percent = { max: 99 } as const;
/** Of options without which there would be nothing to measure. */
export const someCount = { min: 1, isCount: true } as const;
export const someAmount = { min: 0.001 } as const;

export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** The values that follow from the specs: each of the type of its default. */
export type OptionsOf<S extends OptionSpecs> = {
  readonly [K in keyof S]: S[K]['full'] extends number
    ? number
    : S[K]['full'] extends readonly number[]
      ? readonly number[]
      : readonly string[];
};

export interface Context {
  /** All chance follows from it. */
  readonly seed: number;
  /** Says how far the experiment is; on stderr, so that stdout is the report. */
  progress(text: string): void;
  /** Aborted when the user wants the report now; only experiments that `canEndEarly` look at it. */
  readonly ending: AbortSignal;
}

/** One measured point: plain values by column. */
export type Row = Readonly<Record<string, string | number | boolean | null>>;

/** What was to be reached and what was. */
export interface Target {
  readonly name: string;
  readonly wanted: string;
  readonly reached: string;
  readonly met: boolean;
}

export interface Outcome {
  readonly rows: readonly Row[];
  readonly targets: readonly Target[];
  /** A Vega-Lite specification with its data inside. */
  readonly plot: TopLevelSpec;
}

/** Something to measure, as `main` starts it. */
export interface Experiment {
  readonly name: string;
  /** One line. */
  readonly about: string;
  readonly options: OptionSpecs;
  /** Whether Ctrl-C makes it report what it has measured so far. */
  readonly canEndEarly?: boolean;
  run(context: Context, options: Readonly<Record<string, OptionValue>>): Promise<Outcome>;
}

/** An experiment from its definition, in which `run` sees its options with their types. */
export function defineExperiment<S extends OptionSpecs>(definition: {
  readonly name: string;
  readonly about: string;
  readonly options: S;
  readonly canEndEarly?: boolean;
  run(context: Context, options: OptionsOf<S>): Promise<Outcome>;
}): Experiment {
  return {
    ...definition,
    // `settleOptions` gives every option a value of the type of its default.
    run: (context, options) => definition.run(context, options as OptionsOf<S>),
  };
}

export function atMost(name: string, reached: number, limit: number, unit = ''): Target {
  return { name, wanted: `<= ${figure(limit)}${unit}`, reached: `${figure(reached)}${unit}`, met: reached <= limit };
}

export function atLeast(name: string, reached: number, limit: number, unit = ''): Target {
  return { name, wanted: `>= ${figure(limit)}${unit}`, reached: `${figure(reached)}${unit}`, met: reached >= limit };
}

/** A share of 1 as a target in percent. */
export function shareAtLeast(name: string, reached: number, limit: number): Target {
  return atLeast(name, 100 * reached, 100 * limit, '%');
}

/** A number as tables show it: grouped thousands, and digits that still mean something. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? '-' : String(value);
  if (Number.isInteger(value)) return value.toLocaleString('en-GB');
  const digits = Math.abs(value) >= 1_000 ? 0 : Math.abs(value) >= 10 ? 2 : 3;
  return Number(value.toFixed(digits)).toLocaleString('en-GB', { maximumFractionDigits: 3 });
}
