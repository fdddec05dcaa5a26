import {
  type GeometryName,
  hostTables,
  type Log,
  openFile,
  type RunningNode,
  SystemRuntime,
  startNode,
  type TableSource,
  tableFromSpec,
} from '../engine/index.ts';
import { ClientDoor, clientPath, PgDoor } from '../gateway/index.ts';
import type { HostPort } from './arguments.ts';

/** Everything that makes a node, as plain data: a fleet sends it to its worker processes. */
export interface NodeSettings {
  readonly listen: string;
  /** Where others reach the node; `null`: where it listens. */
  readonly advertise: string | null;
  readonly join: readonly string[];
  readonly cluster: string;
  readonly replicas: number;
  readonly geometry: GeometryName;
  readonly secret: string | null;
  readonly label: string | null;
  readonly tables: readonly TableSettings[];
  /** Bytes of objects that it keeps for the fleet; `null`: as many as there are. */
  readonly storageBytesMax: number | null;
  /** Where the node keeps its state; `null`: nowhere. */
  readonly data: string | null;
  readonly hostMetrics: boolean;
  /** `null`: no Postgres door. */
  readonly pg: HostPort | null;
  /** Who may use the Postgres door, name and secret; `null`: anyone on this machine. */
  readonly pgUsers: readonly (readonly [string, string])[] | null;
}

/** A file as a table. */
export interface TableSettings {
  /** `name=path` or a path. */
  readonly spec: string;
  /** The node exposes only this part of the rows; `null`: all. */
  readonly slice: { readonly index: number; readonly of: number } | null;
}

/** A node with its doors open. */
export class ServedNode {
  readonly #node: RunningNode;
  readonly #clientDoor: ClientDoor;
  readonly #pgDoor: PgDoor | null;

  constructor(node: RunningNode, clientDoor: ClientDoor, pgDoor: PgDoor | null) {
    this.#node = node;
    this.#clientDoor = clientDoor;
    this.#pgDoor = pgDoor;
  }

  get id(): string {
    return this.#node.id;
  }

  get address(): string {
    return this.#node.address;
  }

  get pgPort(): number | null {
    return this.#pgDoor?.port ?? null;
  }

  /** Resolves when the node has its data and knows at least `membersMin` members, itself included. */
  ready(membersMin = 1): Promise<void> {
    return this.#node.ready(membersMin);
  }

  /** Ends the clients' sessions, hands data over and leaves the fleet. */
  async stop(): Promise<void> {
    await this.#closeDoors();
    await this.#node.stop();
  }

  /** Ends as a crash would: the fleet is told nothing. */
  async kill(): Promise<void> {
    await Promise.all([this.#node.kill(), this.#closeDoors()]);
  }

  async #closeDoors(): Promise<void> {
    this.#clientDoor.close();
    await this.#pgDoor?.close();
  }
}

/** @throws QueryError `configuration`, `file`, `unreachable`, `unauthorized` */
export async function serveNode(settings: NodeSettings, log: Log): Promise<ServedNode> {
  const { listen, advertise, join, cluster, replicas, geometry, secret, label, storageBytesMax, data, pg, pgUsers } =
    settings;
  const tables = await openTables(settings);
  const optional = {
    ...(advertise === null ? {} : { advertise }),
    ...(label === null ? {} : { label }),
    ...(data === null ? {} : { data }),
    ...(storageBytesMax === null ? {} : { storageBytesMax }),
  };
  const node = await startNode({ listen, join, cluster, replicas, geometry, secret, tables, log, ...optional });
  const clientDoor = new ClientDoor({ sessions: node, node: node.id, secret, log });
  node.onUpgrade(clientPath, (request, socket, head) => clientDoor.handleUpgrade(request, socket, head));
  if (pg === null) return new ServedNode(node, clientDoor, null);
  try {
    const auth =
      pgUsers === null ? ({ kind: 'trust' } as const) : ({ kind: 'scram', users: new Map(pgUsers) } as const);
    return new ServedNode(node, clientDoor, await PgDoor.listen({ ...pg, sessions: node, auth, log }));
  } catch (error) {
    await node.stop();
    throw error;
  }
}

async function openTables({ tables, hostMetrics, label }: NodeSettings): Promise<TableSource[]> {
  const files = await Promise.all(
    tables.map(({ spec, slice }) => {
      const { name, path } = tableFromSpec(spec);
      return openFile(path, { name, ...(slice === null ? {} : { slice }) });
    }),
  );
  if (!hostMetrics) return files;
  return [...files, ...hostTables({ runtime: new SystemRuntime(), ...(label === null ? {} : { nodeLabel: label }) })];
}
