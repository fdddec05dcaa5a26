import { type Batch, concatBatches, decodeBatch, QueryError, type Schema } from '../../columnar/index.ts';
import type { Coverage, EpochAnswer, Session, StatementResult } from '../../engine/index.ts';
import { Inbox } from './inbox.ts';
import type { SessionReply, SessionRequest } from './protocol.ts';

/** A request before the session's number is put on it. */
export type Request = SessionRequest extends infer R ? (R extends SessionRequest ? Omit<R, 'session'> : never) : never;
type BatchReply = Extract<SessionReply, { type: 'batch' }>;

/** Where the reading of one result stands. */
interface ResultState {
  ended: boolean;
  coverage: Coverage | null;
}

/** A session on a node elsewhere. Batches wait here up to the window that the protocol grants, no more. */
export class RemoteSession implements Session {
  readonly #send: (request: Request) => void;
  readonly #onClose: () => void;
  readonly #inbox = new Inbox<SessionReply>();
  /** An execution is under way: neither `done` nor `failed` has been read. */
  #executing = false;
  #closed = false;

  constructor(send: (request: Request) => void, onClose: () => void) {
    this.#send = send;
    this.#onClose = onClose;
    send({ type: 'open' });
  }

  received(reply: SessionReply): void {
    this.#inbox.push(reply);
  }

  /** The link is gone. */
  lost(reason: QueryError): void {
    this.#closed = true;
    this.#inbox.fail(reason);
  }

  async *execute(sql: string): AsyncGenerator<StatementResult> {
    if (this.#executing) throw new QueryError('invalidParameter', 'the session already runs a statement');
    this.#executing = true;
    this.#post({ type: 'execute', sql });
    try {
      for (;;) {
        const reply = await this.#take();
        if (reply.type === 'done') return;
        yield* this.#statement(reply);
        // A failure inside the result was thrown to whoever read it.
        if (!this.#executing) return;
        this.#post({ type: 'next' });
      }
    } finally {
      await this.#abandon();
    }
  }

  cancel(): void {
    if (this.#executing) this.#post({ type: 'cancel' });
  }

  close(): void {
    if (this.#closed) return;
    this.#post({ type: 'close' });
    this.lost(new QueryError('cancelled', 'the session was closed'));
    this.#onClose();
  }

  async *#statement(reply: SessionReply): AsyncGenerator<StatementResult> {
    if (reply.type === 'command') {
      const { tag, rowsAffected, coverage } = reply;
      yield { kind: 'command', tag, rowsAffected, coverage };
      return;
    }
    if (reply.type !== 'rows' && reply.type !== 'epochs') throw this.#unexpected(reply);
    const { schema } = reply;
    const state: ResultState = { ended: false, coverage: null };
    yield reply.type === 'rows'
      ? {
          kind: 'rows',
          queryId: reply.queryId,
          schema,
          batches: this.#batches(schema, state),
          coverage: () => state.coverage,
        }
      : { kind: 'epochs', queryId: reply.queryId, schema, epochs: this.#epochs(schema, state) };
    await this.#leave(state);
  }

  async *#batches(schema: Schema, state: ResultState): AsyncGenerator<Batch> {
    for await (const { batch } of this.#replies(state)) yield decode(schema, batch);
  }

  async *#epochs(schema: Schema, state: ResultState): AsyncGenerator<EpochAnswer> {
    let pieces: Batch[] = [];
    for await (const { batch, epoch } of this.#replies(state)) {
      pieces.push(decode(schema, batch));
      if (epoch === null) continue;
      const whole = concatBatches(schema, pieces);
      pieces = [];
      yield { epoch: epoch.number, atMs: epoch.atMs, batch: whole, coverage: epoch.coverage };
    }
  }

  async *#replies(state: ResultState): AsyncGenerator<BatchReply> {
    try {
      while (!state.ended) {
        const reply = await this.#take();
        if (reply.type === 'batch') yield reply;
        else this.#end(state, reply);
      }
    } finally {
      await this.#leave(state);
    }
  }

  #end(state: ResultState, reply: SessionReply): void {
    if (reply.type !== 'end') throw this.#unexpected(reply);
    state.ended = true;
    state.coverage = reply.coverage;
  }

  /** Skips what is left of a result that its reader left early. */
  async #leave(state: ResultState): Promise<void> {
    if (state.ended || !this.#executing) return;
    this.#post({ type: 'stop' });
    while (!state.ended) {
      const reply = await this.#take();
      if (reply.type !== 'batch') this.#end(state, reply);
    }
  }

  /** Ends an execution that its reader left early, so that the session can run another. */
  async #abandon(): Promise<void> {
    if (!this.#executing) return;
    this.#post({ type: 'abandon' });
    while (this.#executing) {
      // Nobody is left to hear of a failure.
      await this.#take().catch(() => undefined);
    }
  }

  async #take(): Promise<SessionReply> {
    let reply: SessionReply;
    try {
      reply = await this.#inbox.take();
    } catch (lost) {
      this.#executing = false;
      throw lost;
    }
    if (reply.type === 'batch') this.#post({ type: 'credit', bytes: reply.batch.length });
    if (reply.type === 'done' || reply.type === 'failed') this.#executing = false;
    if (reply.type === 'failed') throw rebuilt(reply);
    return reply;
  }

  #post(request: Request): void {
    if (!this.#closed) this.#send(request);
  }

  #unexpected(reply: SessionReply): QueryError {
    const error = new QueryError('protocol', `the node sent an unexpected message "${reply.type}"`);
    this.lost(error);
    this.#executing = false;
    return error;
  }
}

/** Copies: the bytes are a view into a network message, at any alignment. */
function decode(schema: Schema, bytes: Uint8Array): Batch {
  return decodeBatch(schema, Uint8Array.from(bytes));
}

function rebuilt({ code, message, position, hint }: Extract<SessionReply, { type: 'failed' }>): QueryError {
  return new QueryError(code, message, {
    ...(position === null ? {} : { position }),
    ...(hint === null ? {} : { hint }),
  });
}
