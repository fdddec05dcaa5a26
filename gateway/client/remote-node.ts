import WebSocket from 'ws';
import { QueryError } from '../../columnar/index.ts';
import type { Session, SessionFactory } from '../../engine/index.ts';
import { keepAlive } from './keep-alive.ts';
import { decodeSessionReply, encodeMessage, type SessionRequest } from './protocol.ts';
import { RemoteSession, type Request } from './remote-session.ts';

/** A connection to a node; any number of sessions share it. */
export class RemoteNode implements SessionFactory {
  /** Where it was reached. */
  readonly address: string;
  readonly id: string;
  readonly #socket: WebSocket;
  readonly #sessions = new Map<number, RemoteSession>();
  #sessionsOpened = 0;
  #lost: QueryError | null = null;

  /** @param socket welcomed by the node; taken over */
  constructor(address: string, id: string, socket: WebSocket) {
    this.address = address;
    this.id = id;
    this.#socket = socket;
    socket.removeAllListeners();
    socket.on('message', (data) => this.#received(data instanceof Buffer ? data : new Uint8Array()));
    // What went wrong is followed by `close`.
    socket.on('error', () => undefined);
    socket.on('close', (_code, reason) => this.#closed(reason.toString()));
    keepAlive(socket);
  }

  /** Whether the connection is gone for good: every statement on it fails. */
  get isLost(): boolean {
    return this.#lost !== null;
  }

  /** A session on a lost connection fails with its first statement. */
  openSession(): Session {
    const number = this.#sessionsOpened++;
    const send = (request: Request): void => {
      if (this.#socket.readyState !== WebSocket.OPEN) return;
      this.#socket.send(encodeMessage({ ...request, session: number } as SessionRequest));
    };
    const session = new RemoteSession(send, () => this.#sessions.delete(number));
    this.#sessions.set(number, session);
    if (this.#lost !== null) session.lost(this.#lost);
    return session;
  }

  /** Ends every session. */
  close(): void {
    for (const session of this.#sessions.values()) session.close();
    this.#socket.close();
  }

  #received(data: Uint8Array): void {
    try {
      const reply = decodeSessionReply(data);
      // A session that was closed here may still be sent what was under way.
      this.#sessions.get(reply.session)?.received(reply);
    } catch (error) {
      if (!(error instanceof QueryError)) throw error;
      this.#closed(error.message);
      this.#socket.terminate();
    }
  }

  #closed(reason: string): void {
    const why = reason === '' ? '' : `: ${reason}`;
    this.#lost ??= new QueryError('unreachable', `lost the connection to the Wharf node at ${this.address}${why}`);
    for (const session of this.#sessions.values()) session.lost(this.#lost);
    this.#sessions.clear();
  }
}
