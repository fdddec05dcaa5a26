import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { QueryError } from '../../columnar/index.ts';
import type { Log, SessionFactory } from '../../engine/index.ts';
import { Credentials, isLoopback, type PgAuth } from './auth.ts';
import { CancelKeys } from './cancel.ts';
import { PgConnection, type PgDoorContext } from './connection.ts';

/** Clients at one door; more are refused, as PostgreSQL does with `max_connections`. */
const connectionsMax = 1_000;

export interface PgDoorOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly sessions: SessionFactory;
  readonly auth: PgAuth;
  readonly log: Log;
}

/**
 * Lets Postgres clients in: protocol 3.0, simple queries, text format, one session a connection.
 * Coverage comes as a notice, before CommandComplete: a NOTICE when complete, a WARNING when not.
 * SUBSCRIBE gives one result an epoch, with the columns `epoch`, `nodes_answered`, `complete` in front.
 */
export class PgDoor {
  readonly #server: Server;
  readonly #context: PgDoorContext;
  readonly #connections = new Set<PgConnection>();

  /** @throws QueryError `configuration` when the port cannot be had or trust would reach beyond this machine */
  static async listen({ host, port, sessions, auth, log }: PgDoorOptions): Promise<PgDoor> {
    if (auth.kind === 'trust' && !isLoopback(host)) {
      throw new QueryError('configuration', `the Postgres door on ${host} would let anyone in`, {
        hint: 'listen on 127.0.0.1, or name the users who may come in',
      });
    }
    const credentials = auth.kind === 'scram' ? new Credentials(auth.users) : null;
    const door = new PgDoor({ sessions, credentials, cancelKeys: new CancelKeys(), log });
    await door.#bind(host, port);
    return door;
  }

  private constructor(context: PgDoorContext) {
    this.#context = context;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Ends every connection and gives the port back. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of this.#connections) connection.shutDown();
    await closed;
  }

  #bind(host: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const cannotBind = (error: NodeJS.ErrnoException): void => reject(bindError(host, port, error));
      this.#server.once('error', cannotBind);
      this.#server.listen({ host, port }, () => {
        // Later errors (no file handles left) cost one client, not the node.
        this.#server.off('error', cannotBind).on('error', (error) => {
          this.#context.log.warn('the Postgres door failed to accept a client', { error });
        });
        resolve();
      });
    });
  }

  #accept(socket: Socket): void {
    const connection = new PgConnection(socket, this.#context);
    if (this.#connections.size >= connectionsMax) {
      connection.refuse('53300', 'sorry, too many clients already');
      return;
    }
    this.#connections.add(connection);
    void connection.run().finally(() => this.#connections.delete(connection));
  }
}

function bindError(host: string, port: number, error: NodeJS.ErrnoException): QueryError {
  const where = `${host}:${port}`;
  if (error.code === 'EADDRINUSE') {
    return new QueryError('configuration', `the Postgres port ${where} is already in use`, {
      cause: error,
      hint: 'choose another port, or stop the program that has it',
    });
  }
  return new QueryError('configuration', `cannot listen for Postgres clients on ${where}: ${error.message}`, {
    cause: error,
  });
}
