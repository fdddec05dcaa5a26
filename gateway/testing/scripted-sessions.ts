import { type Batch, batchFromRows, QueryError, type Schema, types } from '../../columnar/index.ts';
import type { Coverage, EpochAnswer, Session, SessionFactory, StatementResult } from '../../engine/index.ts';

/** Coverage of an answer to which all of `nodes` nodes contributed. */
export function wholeCoverage(nodes: number): Coverage {
  return {
    complete: true,
    nodesAnswered: nodes,
    nodesReached: nodes,
    missing: [],
    regionsLost: [],
    batchesLost: 0,
    reasons: [],
  };
}

export const partialCoverage: Coverage = {
  ...wholeCoverage(8),
  complete: false,
  nodesAnswered: 7,
  reasons: ['node 127.0.0.1:7403 failed'],
};

export const numbersSchema: Schema = { fields: [{ name: 'n', type: types.int8 }] };

export function numbers(from: number, to: number): Batch {
  return batchFromRows(
    numbersSchema,
    Array.from({ length: to - from }, (_, i) => [BigInt(from + i)]),
  );
}

/** What a statement gives, given a signal that fires when it is cancelled. */
export type Script = (cancelled: AbortSignal) => StatementResult | Promise<StatementResult>;

export function rows(
  schema: Schema,
  batches: AsyncIterable<Batch> | Batch[],
  coverage: Coverage | null = null,
): StatementResult {
  return {
    kind: 'rows',
    queryId: 'q1',
    schema,
    batches: (async function* () {
      yield* batches;
    })(),
    coverage: () => coverage,
  };
}

export function epochs(schema: Schema, answers: AsyncIterable<EpochAnswer>): StatementResult {
  return { kind: 'epochs', queryId: 'q2', schema, epochs: answers };
}

/** Resolves never; rejects with `cancelled` when the signal fires. */
export function untilCancelled(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const cancel = (): void => reject(new QueryError('cancelled', 'the query was cancelled'));
    if (signal.aborted) cancel();
    else signal.addEventListener('abort', cancel);
  });
}

/**
 * Stands in for a node: each statement of the text, cut at `;`, runs the script of that name. Keeps what
 * doors must take care of: how many sessions are open and what was asked.
 */
export class ScriptedSessions implements SessionFactory {
  readonly asked: string[] = [];
  sessionsOpen = 0;
  readonly #scripts: Readonly<Record<string, Script>>;

  constructor(scripts: Readonly<Record<string, Script>>) {
    this.#scripts = scripts;
  }

  openSession(): Session {
    this.sessionsOpen++;
    let running = new AbortController();
    let open = true;
    const { asked } = this;
    const script = (name: string): Script => {
      const found = this.#scripts[name];
      if (found === undefined) {
        throw new QueryError('unknownTable', `there is no script "${name}"`, { position: 7, hint: 'write another' });
      }
      return found;
    };
    return {
      async *execute(sql) {
        for (const statement of sql.split(';').map((part) => part.trim())) {
          if (statement === '') continue;
          asked.push(statement);
          running = new AbortController();
          yield await script(statement)(running.signal);
        }
      },
      cancel: () => running.abort(),
      close: () => {
        if (!open) return;
        open = false;
        this.sessionsOpen--;
        running.abort();
      },
    };
  }
}
