import type { Writable } from 'node:stream';
import type { Coverage, EpochAnswer, Session, StatementResult } from '../../engine/index.ts';
import { describeCoverage } from '../../gateway/index.ts';
import { type FormatName, formatNamed } from './format.ts';
import { printable, wrapped } from './printable.ts';
import type { Progress } from './progress.ts';
import { write } from './sink.ts';

export interface PrinterOptions {
  /** Where rows go. */
  readonly out: Writable;
  /** Where everything about them goes: coverage, timing, progress. */
  readonly notes: Writable;
  readonly format: FormatName;
  /** Columns of the terminal that tables are cut to and notes wrapped at; `Infinity` when there is none. */
  readonly widthMax: number;
  readonly timing: boolean;
  readonly progress: Progress;
}

export interface Printed {
  /** At least one answer did not cover the whole fleet. */
  readonly partial: boolean;
}

/**
 * Runs every statement of `sql` and prints what it gives as it comes.
 * @throws QueryError of the first statement that fails; what came before is printed
 */
export async function printStatements(session: Session, sql: string, options: PrinterOptions): Promise<Printed> {
  const { notes, progress, timing } = options;
  let partial = false;
  let startedAtMs = performance.now();
  progress.start();
  try {
    for await (const result of session.execute(sql)) {
      const outcome = await printResult(result, options);
      partial ||= outcome.partial;
      const parts = [...outcome.remarks, ...(timing ? [duration(performance.now() - startedAtMs)] : [])];
      progress.stop();
      if (parts.length > 0) await write(notes, `${wrapped(parts.join(' · '), options.widthMax)}\n`);
      progress.start();
      startedAtMs = performance.now();
    }
  } finally {
    progress.stop();
  }
  return { partial };
}

interface Outcome extends Printed {
  /** Parts of the footer. */
  readonly remarks: readonly string[];
}

async function printResult(result: StatementResult, options: PrinterOptions): Promise<Outcome> {
  const format = formatNamed(options.format, options.widthMax);
  switch (result.kind) {
    case 'command':
      return outcomeOf(result.coverage, [printable(result.tag)]);
    case 'rows': {
      await writeAll(format.rows(result.schema, result.batches), options);
      return outcomeOf(result.coverage(), []);
    }
    case 'epochs': {
      const seen = { epochs: 0, partial: 0 };
      await writeAll(format.epochs(result.schema, counted(result.epochs, seen)), options);
      const count = `${seen.epochs} ${seen.epochs === 1 ? 'epoch' : 'epochs'}, ${seen.partial} of them partial`;
      return { partial: seen.partial > 0, remarks: [count] };
    }
  }
}

function outcomeOf(coverage: Coverage | null, remarks: readonly string[]): Outcome {
  if (coverage === null) return { partial: false, remarks };
  return { partial: !coverage.complete, remarks: [...remarks, printable(describeCoverage(coverage))] };
}

async function* counted(
  answers: AsyncIterable<EpochAnswer>,
  seen: { epochs: number; partial: number },
): AsyncGenerator<EpochAnswer> {
  for await (const answer of answers) {
    seen.epochs++;
    if (!answer.coverage.complete) seen.partial++;
    yield answer;
  }
}

async function writeAll(chunks: AsyncIterable<string | Uint8Array>, { out, progress }: PrinterOptions): Promise<void> {
  for await (const chunk of chunks) {
    if (chunk.length === 0) continue;
    progress.stop();
    await write(out, chunk);
  }
}

function duration(ms: number): string {
  return ms < 1000 ? `${ms.toFixed(ms < 10 ? 1 : 0)} ms` : `${(ms / 1000).toFixed(2)} s`;
}
