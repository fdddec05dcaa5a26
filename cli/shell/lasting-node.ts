import { QueryError } from '../../columnar/index.ts';
import type { Session, SessionFactory, StatementResult } from '../../engine/index.ts';

/** A connection to a node, like `RemoteNode`. */
export interface Connection extends SessionFactory {
  /** Whether it is gone for good: every statement on it fails. */
  readonly isLost: boolean;
  close(): void;
}

/** A node and its connection, made anew when it was lost: for people, who type on when a node has restarted. */
export class LastingNode implements SessionFactory {
  readonly #connect: () => Promise<Connection>;
  readonly #connectedAgain: () => void;
  #node: Connection;
  #connecting: Promise<Connection> | null = null;
  #isClosed = false;

  /** @param connectedAgain sessions have begun anew, with what was set in them gone */
  constructor(node: Connection, connect: () => Promise<Connection>, connectedAgain: () => void) {
    this.#node = node;
    this.#connect = connect;
    this.#connectedAgain = connectedAgain;
  }

  openSession(): Session {
    return new LastingSession(() => this.#connected());
  }

  close(): void {
    this.#isClosed = true;
    this.#node.close();
  }

  /** @throws QueryError */
  async #connected(): Promise<Connection> {
    if (!this.#node.isLost) return this.#node;
    this.#connecting ??= this.#connect()
      .then((node) => this.#replace(node))
      .finally(() => {
        this.#connecting = null;
      });
    return this.#connecting;
  }

  #replace(node: Connection): Connection {
    if (this.#isClosed) {
      node.close();
      throw cancelled();
    }
    this.#node = node;
    this.#connectedAgain();
    return node;
  }
}

/** Opens its session with the first statement, and another one after the connection was lost. */
class LastingSession implements Session {
  readonly #connected: () => Promise<Connection>;
  #node: Connection | null = null;
  #session: Session | null = null;
  /** The statement that waits for the connection is not to be run. */
  #isCancelled = false;

  constructor(connected: () => Promise<Connection>) {
    this.#connected = connected;
  }

  async *execute(sql: string): AsyncIterable<StatementResult> {
    this.#isCancelled = false;
    const node = await this.#connected();
    if (this.#isCancelled) throw cancelled();
    if (!this.#session || node !== this.#node) this.#session = node.openSession();
    this.#node = node;
    yield* this.#session.execute(sql);
  }

  cancel(): void {
    this.#isCancelled = true;
    this.#session?.cancel();
  }

  close(): void {
    this.#isCancelled = true;
    this.#session?.close();
  }
}

function cancelled(): QueryError {
  return new QueryError('cancelled', 'the statement was cancelled');
}
