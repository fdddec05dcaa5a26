import { outcomeOf, type RawAnswer, rowTexts, type SqlEngine, SqlFailure, typeLetters } from './engine.ts';
import type { Answer, QueryRecord, SltFile, SltRecord, StatementRecord } from './slt.ts';

/** A record whose engine did not do what the file says. */
export interface Deviation {
  readonly line: number;
  readonly sql: string;
  readonly expected: unknown;
  readonly got: unknown;
}

export interface Replay {
  readonly deviations: readonly Deviation[];
  /** What the engine answered, by query; failed ones are missing. */
  readonly answers: ReadonlyMap<QueryRecord, Answer>;
}

/** Runs the file's records that are meant for the engine, in order, all of them. */
export async function replay(file: SltFile, engine: SqlEngine): Promise<Replay> {
  const deviations: Deviation[] = [];
  const answers = new Map<QueryRecord, Answer>();
  const labelled = new Map<string, Answer>();
  for (const record of file.records) {
    if (!record.engines.includes(engine.name)) continue;
    const outcome = await outcomeOf(engine, record.sql);
    if (record.kind === 'statement') {
      if (!statementHolds(record, outcome)) deviations.push(deviation(record, promised(record), outcome));
      continue;
    }
    if (outcome instanceof SqlFailure) {
      deviations.push(deviation(record, record.expected, outcome));
      continue;
    }
    const rows = rowTexts(outcome);
    const types = outcome.oids.map((oid) => typeLetters.get(oid) ?? '?').join('');
    const answer = { types, rows: record.sorted ? rows.sort() : rows };
    answers.set(record, answer);
    const expected = (record.label === null ? undefined : labelled.get(record.label)) ?? record.expected;
    if (record.label !== null) labelled.set(record.label, expected);
    if (!sameAnswer(answer, expected)) deviations.push(deviation(record, expected, answer));
  }
  return { deviations, answers };
}

function statementHolds({ error, count }: StatementRecord, outcome: RawAnswer | SqlFailure): boolean {
  if (outcome instanceof SqlFailure) return error?.test(outcome.message) === true;
  return error === null && (count === null || outcome.rowsAffected === count);
}

function promised({ error, count }: StatementRecord): string {
  if (error !== null) return String(error);
  return count === null ? 'ok' : `${count} rows written`;
}

function sameAnswer(a: Answer, b: Answer): boolean {
  return a.types === b.types && a.rows.length === b.rows.length && a.rows.every((row, i) => row === b.rows[i]);
}

function deviation({ line, sql }: SltRecord, expected: unknown, outcome: unknown): Deviation {
  const got = outcome instanceof SqlFailure ? outcome.message : outcome;
  return { line, sql, expected, got };
}
