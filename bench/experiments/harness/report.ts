import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Environment } from './environment.ts';
import { figure, type OptionValue, type Outcome, type Row, type Target } from './experiment.ts';
import { toSvg } from './plot.ts';

/** One run of an experiment, as it is printed and kept. */
export interface Report {
  readonly experiment: string;
  readonly environment: Environment;
  readonly seed: number;
  readonly isQuick: boolean;
  /** Ctrl-C ended it: what was measured is less than the options say. */
  readonly isEndedEarly: boolean;
  readonly options: Readonly<Record<string, OptionValue>>;
  readonly elapsedS: number;
  readonly outcome: Outcome;
}

export function reportText(report: Report): string {
  const { experiment, environment, seed, options, outcome, elapsedS, isQuick, isEndedEarly } = report;
  const { node, platform, cpu, cores, memoryGiB, commit } = environment;
  const remarks = [
    isQuick ? 'quick: targets are printed, not enforced' : '',
    isEndedEarly ? 'ended early: targets mean what the rows have, and no more' : '',
  ].filter((remark) => remark !== '');
  const settings = Object.entries(options).map(([name, value]) => `--${name} ${value}`);
  return [
    `${experiment}, seed ${seed}, ${settings.join(' ')}`,
    `node ${node} on ${platform}, ${cpu}, ${cores} cores, ${memoryGiB} GiB, commit ${commit}`,
    '',
    rowsTable(outcome.rows),
    '',
    targetsTable(outcome.targets),
    '',
    [`${figure(elapsedS)} s`, ...remarks].join('; '),
  ].join('\n');
}

/** Writes `<experiment>.json` and `<experiment>.svg`; returns their paths. */
export async function keep(report: Report, directory: string): Promise<string[]> {
  const { plot, ...measured } = report.outcome;
  const json = join(directory, `${report.experiment}.json`);
  const svg = join(directory, `${report.experiment}.svg`);
  writeFileSync(json, `${JSON.stringify({ ...report, outcome: undefined, ...measured }, null, 2)}\n`);
  writeFileSync(svg, await toSvg(plot));
  return [json, svg];
}

export function rowsTable(rows: readonly Row[]): string {
  if (rows.length === 0) return 'nothing was measured';
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return align([columns, ...rows.map((row) => columns.map((column) => cell(row[column] ?? null)))]);
}

function targetsTable(targets: readonly Target[]): string {
  if (targets.length === 0) return 'no target concerns what was measured';
  const lines = targets.map(({ name, wanted, reached, met }) => [name, wanted, reached, met ? 'pass' : 'FAIL']);
  return align([['target', 'wanted', 'reached', ''], ...lines]);
}

function cell(value: Row[string]): string {
  if (value === null) return '-';
  return typeof value === 'number' ? figure(value) : String(value);
}

/** Numbers to the right, everything else to the left. */
function align(lines: readonly (readonly string[])[]): string {
  const [head = [], ...body] = lines;
  const widths = head.map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0)));
  const isNumeric = head.map((_, i) => body.every((line) => /^(-|[-\d.,]+|NaN)$/.test(line[i] ?? '')));
  const laidOut = lines.map((line) =>
    line.map((text, i) => (isNumeric[i] ? text.padStart(widths[i] ?? 0) : text.padEnd(widths[i] ?? 0))).join('  '),
  );
  laidOut.splice(1, 0, widths.map((width) => '-'.repeat(width)).join('  '));
  return laidOut.map((line) => line.trimEnd()).join('\n');
}
