import { type Batch, encodeBatch, encodedRowsMax, QueryError, sliceBatch } from '../../columnar/index.ts';
import type { EpochAnswer, Log, Session, StatementResult } from '../../engine/index.ts';
import { batchBytesMax, type SessionReply, windowBytes } from './protocol.ts';

/** A reply before the session's number is put on it. */
export type Reply = SessionReply extends infer R ? (R extends SessionReply ? Omit<R, 'session'> : never) : never;
type EpochMark = Extract<SessionReply, { type: 'batch' }>['epoch'];

/** The node's side of one client session: runs what the client asks and sends outcomes while there is credit. */
export class ServedSession {
  readonly #session: Session;
  readonly #send: (reply: Reply) => void;
  readonly #log: Log;
  #executing = false;
  #abandoned = false;
  /** The result being sent was left by the client. */
  #stopped = false;
  #closed = false;
  #creditBytes = windowBytes;
  #delivering = false;
  /** Resumes the one wait that is under way: for credit or for `next`. */
  #wake: (() => void) | null = null;
  #nextWanted = false;

  constructor(session: Session, send: (reply: Reply) => void, log: Log) {
    this.#session = session;
    this.#send = send;
    this.#log = log;
  }

  /** @throws QueryError `protocol` while another execution runs */
  execute(sql: string): void {
    if (this.#executing) throw new QueryError('protocol', 'a session executes one text at a time');
    this.#executing = true;
    this.#abandoned = false;
    void this.#run(sql);
  }

  next(): void {
    this.#nextWanted = true;
    this.#woken();
  }

  stop(): void {
    this.#stopped = true;
    if (this.#delivering) this.#session.cancel();
    this.#woken();
  }

  abandon(): void {
    this.#abandoned = true;
    this.stop();
    this.#session.cancel();
  }

  cancel(): void {
    this.#session.cancel();
  }

  credit(bytes: number): void {
    this.#creditBytes = Math.min(windowBytes, this.#creditBytes + bytes);
    this.#woken();
  }

  close(): void {
    this.#closed = true;
    this.#session.close();
    this.abandon();
  }

  async #run(sql: string): Promise<void> {
    let outcome: Reply;
    try {
      for await (const result of this.#session.execute(sql)) {
        this.#stopped = this.#abandoned;
        this.#nextWanted = false;
        await this.#deliver(result);
        while (!this.#nextWanted && !this.#abandoned) await this.#nextEvent();
        if (this.#abandoned) break;
      }
      outcome = { type: 'done' };
    } catch (error) {
      outcome = this.#failure(error);
    }
    this.#executing = false;
    this.#post(outcome);
  }

  async #deliver(result: StatementResult): Promise<void> {
    switch (result.kind) {
      case 'command': {
        const { tag, rowsAffected, coverage } = result;
        this.#post({ type: 'command', tag, rowsAffected, coverage });
        return;
      }
      case 'rows': {
        this.#post({ type: 'rows', queryId: result.queryId, schema: result.schema });
        await this.#each(result.batches, (batch) => this.#sendBatch(batch, null));
        this.#post({ type: 'end', coverage: this.#stopped ? null : result.coverage() });
        return;
      }
      case 'epochs':
        this.#post({ type: 'epochs', queryId: result.queryId, schema: result.schema });
        await this.#each(result.epochs, (answer) => this.#sendEpoch(answer));
        this.#post({ type: 'end', coverage: null });
    }
  }

  /** Sends every item until the result ends or the client leaves it. */
  async #each<T>(items: AsyncIterable<T>, send: (item: T) => Promise<void>): Promise<void> {
    this.#delivering = true;
    try {
      for await (const item of items) {
        if (!this.#stopped) await send(item);
        if (this.#stopped) break;
      }
    } catch (error) {
      // `stop` cancels a wait for the next item; the client has already turned away.
      if (!this.#stopped) throw error;
    } finally {
      this.#delivering = false;
    }
  }

  #sendEpoch({ epoch, atMs, batch, coverage }: EpochAnswer): Promise<void> {
    return this.#sendBatch(batch, { number: epoch, atMs, coverage });
  }

  async #sendBatch(batch: Batch, epoch: EpochMark): Promise<void> {
    const pieces = [...encodePieces(batch)];
    for (const [i, bytes] of pieces.entries()) {
      while (this.#creditBytes <= 0 && !this.#stopped) await this.#nextEvent();
      if (this.#stopped) return;
      this.#creditBytes -= bytes.length;
      this.#post({ type: 'batch', batch: bytes, epoch: i === pieces.length - 1 ? epoch : null });
    }
  }

  #failure(error: unknown): Reply {
    if (error instanceof QueryError) {
      return { type: 'failed', code: error.code, message: error.message, position: error.position, hint: error.hint };
    }
    this.#log.error('a query failed unexpectedly', { error });
    const message = `internal error: ${error instanceof Error ? error.message : String(error)}`;
    return { type: 'failed', code: 'internal', message, position: null, hint: null };
  }

  #post(reply: Reply): void {
    if (!this.#closed) this.#send(reply);
  }

  #nextEvent(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #woken(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }
}

/** Encodes a batch in pieces that fit a message: at least one, and as few rows in a piece as its bytes demand. */
function* encodePieces(batch: Batch): Generator<Uint8Array> {
  if (batch.numRows <= encodedRowsMax) {
    const bytes = encodeBatch(batch);
    if (bytes.length <= batchBytesMax || batch.numRows <= 1) {
      yield bytes;
      return;
    }
  }
  const middle = batch.numRows >>> 1;
  yield* encodePieces(sliceBatch(batch, 0, middle));
  yield* encodePieces(sliceBatch(batch, middle, batch.numRows));
}
