import type { Duplex } from 'node:stream';
import type { IncomingMessage } from 'node:http';
import { QueryError } from '../columnar/index.ts';
import { type Address, OverlayError, SystemRuntime, WsTransport } from '../overlay/index.ts';
import { type Log, overlayLog, silentLog } from './log.ts';
import { WharfNode } from './node.ts';
import type { Session, SessionFactory } from './session.ts';
import type { TableSource } from './table.ts';

export interface StartOptions {
  /** `host:port`; port 0 takes any free one. */
  readonly listen?: string;
  /** Members to join through; none: this node founds a fleet. */
  readonly join?: readonly Address[];
  /** Nodes of different clusters do not talk to each other. */
  readonly cluster?: string;
  /** Shared by all members; `null`: none. */
  readonly secret?: string | null;
  readonly tables?: readonly TableSource[];
  readonly label?: string;
  readonly log?: Log;
}

/** Where a node listens unless it is told otherwise: reachable from this machine only. */
export const defaultListen = '127.0.0.1:7400';
export const defaultCluster = 'wharf';

/** A node on real sockets. */
export class RunningNode implements SessionFactory {
  readonly #node: WharfNode;
  readonly #transport: WsTransport;

  constructor(node: WharfNode, transport: WsTransport) {
    this.#node = node;
    this.#transport = transport;
  }

  get id(): string {
    return this.#node.id;
  }

  get address(): Address {
    return this.#node.address;
  }

  openSession(): Session {
    return this.#node.openSession();
  }

  /** Lets a door take WebSocket upgrades of `path` on the node's port. */
  onUpgrade(path: string, handler: (request: IncomingMessage, socket: Duplex, head: Buffer) => void): void {
    this.#transport.http.onUpgrade(path, handler);
  }

  /** Leaves the fleet, handing data over first. */
  stop(): Promise<void> {
    return this.#node.stop();
  }

  /** Ends without goodbye, as a crash would. */
  kill(): Promise<void> {
    return this.#node.kill();
  }
}

/**
 * Starts a node in this process and joins its fleet.
 * @throws QueryError `configuration` (busy port, bad address), `unreachable` (no seed answered), `unauthorized` (refused)
 */
export async function startNode(options: StartOptions = {}): Promise<RunningNode> {
  const log = options.log ?? silentLog;
  const { host, port } = parseListen(options.listen ?? defaultListen);
  const transport = await explained(() =>
    WsTransport.listen({
      host,
      port,
      cluster: options.cluster ?? defaultCluster,
      secret: options.secret ?? null,
      log: overlayLog(log),
    }),
  );
  const node = new WharfNode({
    runtime: new SystemRuntime(),
    transport,
    log,
    tables: options.tables ?? [],
    ...(options.label === undefined ? {} : { label: options.label }),
  });
  try {
    await explained(() => node.start(options.join ?? []));
  } catch (error) {
    await node.kill();
    throw error;
  }
  return new RunningNode(node, transport);
}

function parseListen(listen: string): { host: string; port: number } {
  const match = /^(\[[0-9a-fA-F:]+\]|[^:\s]+):(\d{1,5})$/.exec(listen);
  const port = Number(match?.[2]);
  if (match?.[1] === undefined || port > 65_535) {
    throw new QueryError('configuration', `"${listen}" is not host:port`, { hint: `For example ${defaultListen}.` });
  }
  return { host: match[1].replace(/^\[|\]$/g, ''), port };
}

async function explained<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof OverlayError)) throw error;
    const code = error.code === 'refused' ? 'unauthorized' : 'unreachable';
    throw new QueryError(code, error.message, { cause: error });
  }
}
