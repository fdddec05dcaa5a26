import type { EngineName } from './slt.ts';

/** An answer as text, in the engine's own order. */
export interface RawAnswer {
  /** `pg_type.oid`, one a column. */
  readonly oids: readonly number[];
  readonly rows: readonly (readonly (string | null)[])[];
  /** Rows that a command wrote; `null` when it does not count them. */
  readonly rowsAffected: number | null;
}

/** One of the engines under comparison: takes one statement after another. */
export interface SqlEngine {
  readonly name: EngineName;
  /** @throws SqlFailure when the engine refuses the statement */
  ask(sql: string): Promise<RawAnswer>;
}

export class SqlFailure extends Error {
  override readonly name = 'SqlFailure';

  /** @param sqlState five characters */
  constructor(sqlState: string, message: string, options?: ErrorOptions) {
    super(`${sqlState}: ${message}`, options);
  }
}

/** Answer, or the failure that the engine reported; whatever else goes wrong is thrown. */
export async function outcomeOf(engine: SqlEngine, sql: string): Promise<RawAnswer | SqlFailure> {
  try {
    return await engine.ask(sql);
  } catch (error) {
    if (error instanceof SqlFailure) return error;
    throw error;
  }
}

/**
 * Types by `pg_type.oid`: B boolean, I integer, R floating point, N numeric, T text, X bytea, D date or timestamp,
 * P interval (a period).
 */
export const typeLetters: ReadonlyMap<number, string> = new Map([
  [16, 'B'],
  [17, 'X'],
  [20, 'I'],
  [21, 'I'],
  [23, 'I'],
  [25, 'T'],
  [1043, 'T'],
  [700, 'R'],
  [701, 'R'],
  [1082, 'D'],
  [1114, 'D'],
  [1184, 'D'],
  [1186, 'P'],
  [1700, 'N'],
]);

/** Digits to which floating point numbers are compared: sums depend on the order of their terms. */
const floatDigits = 12;

/** A cell's text in goldens and comparisons. */
export function cellText(oid: number, value: string | null): string {
  if (value === null) return 'NULL';
  if (value === '') return '(empty)';
  if (typeLetters.get(oid) === 'R') return floatText(value);
  return value.replaceAll('\n', '\\n').replaceAll('\t', '\\t');
}

function floatText(value: string): string {
  const number = Number(value);
  return Number.isFinite(number) ? String(Number(number.toPrecision(floatDigits))) : value;
}

/** One line a row. */
export function rowTexts({ oids, rows }: RawAnswer): string[] {
  return rows.map((row) => row.map((value, i) => cellText(oids[i] ?? 0, value)).join('\t'));
}
