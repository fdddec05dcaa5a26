import type { Session, SessionFactory, StatementResult } from '../../engine/index.ts';
import type { RemoteNode } from '../../gateway/index.ts';

/** A node and its connection, made anew when it was lost: for people, who type on when a node has restarted. */
export class LastingNode implements SessionFactory {
  readonly #connect: () => Promise<RemoteNode>;
  readonly #connectedAgain: () => void;
  #node: RemoteNode;
  #connecting: Promise<RemoteNode> | null = null;

  /** @param connectedAgain sessions have begun anew, with what was set in them gone */
  constructor(node: RemoteNode, connect: () => Promise<RemoteNode>, connectedAgain: () => void) {
    this.#node = node;
    this.#connect = connect;
    this.#connectedAgain = connectedAgain;
  }

  openSession(): Session {
    return new LastingSession(() => this.#connected());
  }

  close(): void {
    this.#node.close();
  }

  /** @throws QueryError */
  async #connected(): Promise<RemoteNode> {
    if (!this.#node.isLost) return this.#node;
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = null;
    });
    const node = await this.#connecting;
    if (this.#node !== node) {
      this.#node = node;
      this.#connectedAgain();
    }
    return node;
  }
}

/** Opens its session with the first statement, and another one after the connection was lost. */
class LastingSession implements Session {
  readonly #connected: () => Promise<RemoteNode>;
  #node: RemoteNode | null = null;
  #session: Session | null = null;

  constructor(connected: () => Promise<RemoteNode>) {
    this.#connected = connected;
  }

  async *execute(sql: string): AsyncIterable<StatementResult> {
    const node = await this.#connected();
    if (!this.#session || node !== this.#node) this.#session = node.openSession();
    this.#node = node;
    yield* this.#session.execute(sql);
  }

  cancel(): void {
    this.#session?.cancel();
  }

  close(): void {
    this.#session?.close();
  }
}
