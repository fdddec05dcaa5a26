import { PGlite } from '@electric-sql/pglite';
import { type RawAnswer, type SqlEngine, SqlFailure, typeLetters } from './engine.ts';

/** PostgreSQL itself, compiled to WebAssembly: the judge of what is right. */
export class Postgres implements SqlEngine {
  readonly name = 'postgres';
  readonly #database: PGlite;

  private constructor(database: PGlite) {
    this.#database = database;
  }

  static async start(): Promise<Postgres> {
    const database = await PGlite.create();
    await database.exec("SET timezone = 'UTC'; SET datestyle = 'ISO'; SET extra_float_digits = 1");
    return new Postgres(database);
  }

  async ask(sql: string): Promise<RawAnswer> {
    try {
      const { fields, rows, affectedRows } = await this.#database.query<(string | null)[]>(sql, [], {
        rowMode: 'array',
        parsers: asText,
      });
      return { oids: fields.map(({ dataTypeID }) => dataTypeID), rows, rowsAffected: affectedRows ?? null };
    } catch (error) {
      if (error instanceof Error && 'code' in error && typeof error.code === 'string') {
        throw new SqlFailure(error.code, error.message, { cause: error });
      }
      throw error;
    }
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}

const asText = Object.fromEntries([...typeLetters.keys()].map((oid) => [oid, (text: string) => text]));
