import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { QueryError } from '../columnar/index.ts';
import {
  type Address,
  type Blobs,
  type GeometryName,
  Journal,
  type ObjectStore,
  OverlayError,
  type OverlayOptions,
  overlayDefaults,
  randomKey,
  StorageError,
  SystemRuntime,
  type Timer,
  WsTransport,
} from '../overlay/index.ts';
import { forgetIdentity, identify, openDataDirectory, unusable } from './data-directory.ts';
import { heard } from './heard-transport.ts';
import { overlayLog, silentLog } from './log.ts';
import { type NodeOptions, WharfNode } from './node.ts';
import type { Session, SessionFactory } from './session.ts';
import { checkStartOptions, type StartOptions } from './start-options.ts';
import { WaysIn } from './ways-in.ts';

/** Where a node listens unless it is told otherwise: reachable from this machine only. */
export const defaultListen = '127.0.0.1:7400';
export const defaultCluster = 'wharf';
export const defaultReplicas: number = overlayDefaults.replicas;
export const defaultGeometry: GeometryName = overlayDefaults.geometry;

/** A node on real sockets. */
export class RunningNode implements SessionFactory {
  readonly #node: WharfNode;
  readonly #transport: WsTransport;
  readonly #runtime: NodeRuntime;

  constructor(node: WharfNode, transport: WsTransport, runtime: NodeRuntime) {
    this.#node = node;
    this.#transport = transport;
    this.#runtime = runtime;
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

  /** The fleet's object store, for data that is no table. Its namespace `catalog` is the engine's own. */
  get store(): ObjectStore {
    return this.#node.store;
  }

  /** The same for values that are too large for one item. */
  get blobs(): Blobs {
    return this.#node.blobs;
  }

  /** Lets a door take WebSocket upgrades of `path` on the node's port. */
  onUpgrade(path: string, handler: (request: IncomingMessage, socket: Duplex, head: Buffer) => void): void {
    this.#transport.http.onUpgrade(path, handler);
  }

  /**
   * Resolves when this node holds its copies of the fleet's data and knows at least `membersMin` members, itself
   * included. Nobody else can tell how many there should be: who starts a fleet waits for this at every node.
   * @throws QueryError `shutdown` when it stops before
   */
  ready(membersMin = 1): Promise<void> {
    return this.#node.ready(membersMin);
  }

  /** Leaves the fleet, handing data over first. */
  async stop(): Promise<void> {
    await this.#node.stop();
    this.#runtime.close();
  }

  /** Ends without goodbye, as a crash would. */
  async kill(): Promise<void> {
    await this.#node.kill();
    this.#runtime.close();
  }
}

/** The machine's clock and timers, until the node ends: a timer left over would keep the process of a program alive. */
class NodeRuntime extends SystemRuntime {
  readonly #timers = new Set<Timer>();

  override after(delayMs: number, run: () => void): Timer {
    const timer = super.after(delayMs, () => {
      this.#timers.delete(timer);
      run();
    });
    this.#timers.add(timer);
    return {
      cancel: () => {
        this.#timers.delete(timer);
        timer.cancel();
      },
    };
  }

  close(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }
}

/**
 * Starts a node in this process and joins its fleet.
 * @throws QueryError `configuration` (busy port, bad address, an option that is none, a directory that is not its own),
 * `dataDirectory`, `duplicateTable`, `unreachable` (no seed answered), `unauthorized` (refused)
 */
export async function startNode(options: StartOptions = {}): Promise<RunningNode> {
  checkStartOptions(options);
  const { host, port } = parseListen(options.listen ?? defaultListen);
  const cluster = options.cluster ?? defaultCluster;
  const replicas = options.replicas ?? defaultReplicas;
  const geometry = options.geometry ?? defaultGeometry;
  const secret = options.secret ?? null;
  const advertised = options.advertise === undefined ? {} : { advertise: options.advertise };
  const waysIn = new WaysIn(options.join ?? [], options.log ?? silentLog);
  const transport = await explained('configuration', () =>
    WsTransport.listen({ host, port, cluster, replicas, geometry, secret, log: overlayLog(waysIn.log), ...advertised }),
  );
  const runtime = new NodeRuntime();
  let journal: Journal | null = null;
  let isNew = false;
  try {
    const { data, log = silentLog } = options;
    if (data === undefined) return await enter(transport, runtime, waysIn, { ...options, replicas, geometry }, {});
    journal = new Journal(await openDataDirectory(data), overlayLog(log));
    const known = await identify(journal, data, cluster, () => randomKey(() => runtime.random()));
    ({ isNew } = known);
    return await enter(transport, runtime, waysIn, { ...options, replicas, geometry }, { journal, id: known.id });
  } catch (error) {
    // A disk that fails now is not why this node ends.
    if (isNew && journal && options.data !== undefined) await forgetIdentity(journal, options.data).catch(() => {});
    runtime.close();
    await transport.close();
    await journal?.close();
    throw error instanceof StorageError && options.data !== undefined ? unusable(options.data, error) : error;
  }
}

async function enter(
  transport: WsTransport,
  runtime: NodeRuntime,
  waysIn: WaysIn,
  {
    join = [],
    tables = [],
    label,
    storageBytesMax,
    geometry,
    replicas,
  }: StartOptions & Pick<OverlayOptions, 'geometry' | 'replicas'>,
  state: Pick<NodeOptions, 'journal' | 'id'>,
): Promise<RunningNode> {
  waysIn.excludeSelf(transport.address);
  const node = new WharfNode({
    runtime,
    transport: heard(transport, (peer, reason) => waysIn.linkDown(peer, reason)),
    log: waysIn.log,
    waysIn,
    tables,
    overlay: { geometry, replicas, ...(storageBytesMax === undefined ? {} : { storageBytesMax }) },
    ...(label === undefined ? {} : { label }),
    ...state,
  });
  await explained('unauthorized', () => Promise.race([node.start(join), waysIn.allRefused]).catch(waysIn.explain));
  waysIn.joined();
  return new RunningNode(node, transport, runtime);
}

function parseListen(listen: string): { host: string; port: number } {
  const match = /^(\[[0-9a-fA-F:]+\]|[^:\s]+):(\d{1,5})$/.exec(listen);
  const port = Number(match?.[2]);
  if (match?.[1] === undefined || port > 65_535) {
    throw new QueryError('configuration', `"${listen}" is not host:port`, { hint: `For example ${defaultListen}.` });
  }
  return { host: match[1].replace(/^\[|\]$/g, ''), port };
}

/** @param refused what it means here that something was refused */
async function explained<T>(refused: 'configuration' | 'unauthorized', run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof OverlayError)) throw error;
    throw new QueryError(error.code === 'refused' ? refused : 'unreachable', error.message, { cause: error });
  }
}
