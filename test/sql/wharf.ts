import { formatValue, postgresOid, QueryError, type SqlType, type SqlValue } from '../../columnar/index.ts';
import { type Answer, type FleetOptions, run, SimulatedFleet } from '../support/fleet.ts';
import { type RawAnswer, type SqlEngine, SqlFailure } from './engine.ts';

/** A simulated fleet; each statement is put to the next node in turn. */
export class WharfFleet implements SqlEngine {
  readonly name = 'wharf';
  readonly #fleet: SimulatedFleet;
  readonly #rename: (sql: string) => string;
  #statements = 0;

  private constructor(fleet: SimulatedFleet, rename: (sql: string) => string) {
    this.#fleet = fleet;
    this.#rename = rename;
  }

  /** @param rename gives tables in a statement other names */
  static async start(
    options: FleetOptions & { readonly seed: number },
    rename = (sql: string) => sql,
  ): Promise<WharfFleet> {
    return new WharfFleet(await SimulatedFleet.start(options, { seed: options.seed }), rename);
  }

  /** Runs statements on tables by their own names. */
  async define(statements: readonly string[]): Promise<void> {
    for (const statement of statements) await this.#run(statement);
  }

  async ask(sql: string): Promise<RawAnswer> {
    try {
      const { schema, rows, coverage, rowsAffected } = await this.#run(this.#rename(sql));
      if (coverage !== null && !coverage.complete) throw new Error(`not complete: ${coverage.reasons.join('; ')}`);
      const types = schema.fields.map(({ type }) => type);
      const texts = rows.map((row) => row.map((value, i) => cell(types[i], value)));
      return { oids: types.map(postgresOid), rows: texts, rowsAffected };
    } catch (error) {
      if (error instanceof QueryError) throw new SqlFailure(error.sqlState, error.message, { cause: error });
      throw error;
    }
  }

  #run(sql: string): Promise<Answer> {
    const { nodes } = this.#fleet;
    const node = nodes[this.#statements++ % nodes.length];
    if (node === undefined) throw new Error('a fleet without nodes');
    return this.#fleet.drive(run(node, sql));
  }
}

function cell(type: SqlType | undefined, value: SqlValue | null | undefined): string | null {
  return type === undefined || value === null || value === undefined ? null : formatValue(type, value);
}
