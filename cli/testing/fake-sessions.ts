import { Writable } from 'node:stream';
import { type Batch, batchFromRows, QueryError, type Schema, types } from '../../columnar/index.ts';
import type { Coverage, Session, SessionFactory, StatementResult } from '../../engine/index.ts';

export const wholeCoverage: Coverage = {
  complete: true,
  nodesAnswered: 8,
  nodesReached: 8,
  missing: [],
  regionsLost: [],
  batchesLost: 0,
  reasons: [],
};

export const partialCoverage: Coverage = {
  ...wholeCoverage,
  complete: false,
  nodesAnswered: 7,
  reasons: ['node 5 failed'],
};

/** A column of texts, as SHOW and DESCRIBE give. */
export function texts(name: string, values: readonly string[], coverage: Coverage | null = null): StatementResult {
  const schema: Schema = { fields: [{ name, type: types.text }] };
  return rows(
    schema,
    [
      batchFromRows(
        schema,
        values.map((value) => [value]),
      ),
    ],
    coverage,
  );
}

export function rows(schema: Schema, batches: readonly Batch[], coverage: Coverage | null = null): StatementResult {
  return {
    kind: 'rows',
    queryId: null,
    schema,
    batches: (async function* () {
      yield* batches;
    })(),
    coverage: () => coverage,
  };
}

/** Stands in for a node: statements cut at `;` and what each gives. Anything else is a syntax error at its start. */
export class FakeSessions implements SessionFactory {
  readonly asked: string[] = [];
  readonly #answers: Readonly<Record<string, (cancelled: AbortSignal) => StatementResult>>;

  constructor(answers: Readonly<Record<string, (cancelled: AbortSignal) => StatementResult>>) {
    this.#answers = answers;
  }

  openSession(): Session {
    const { asked } = this;
    const answers = this.#answers;
    let running = new AbortController();
    return {
      async *execute(sql) {
        for (const statement of sql.split(';').map((part) => part.trim())) {
          asked.push(statement);
          running = new AbortController();
          const answer = answers[statement];
          if (answer === undefined)
            throw new QueryError('syntax', `unexpected "${statement}"`, { position: sql.indexOf(statement) });
          yield answer(running.signal);
        }
      },
      cancel: () => running.abort(),
      close: () => running.abort(),
    };
  }
}

/** Keeps what is written to it. */
export class Capture extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}
