import { strict as assert } from 'node:assert';
import { type Batch, QueryError, type Schema, selectColumns } from '../columnar/index.ts';
import {
  type Address,
  Blobs,
  type Contact,
  inRegion,
  type Journal,
  ObjectStore,
  OverlayError,
  OverlayNode,
  type OverlayOptions,
  type Region,
  type Runtime,
  type Transport,
} from '../overlay/index.ts';
import { Catalog } from './catalog.ts';
import { DistributedTables } from './distributed-tables.ts';
import { LocalSession } from './local-session.ts';
import { type Log, overlayLog } from './log.ts';
import type { ScanNode } from './query/execution.ts';
import { QueryService } from './query/query-service.ts';
import type { Session, SessionFactory } from './session.ts';
import { type NodeFacts, scanSystemTable } from './system-tables.ts';
import type { TableSource } from './table.ts';
import { converter } from './union-schema.ts';
import type { WaysIn } from './ways-in.ts';

/** Limits of a node; each may be set in its options. */
export const nodeDefaults = {
  /** A query that has not ended by then fails. */
  queryDeadlineMs: 60_000,
  /** Bytes that the operators of one query may hold at one node. */
  queryMemoryBytesMax: 512 * 1024 * 1024,
} as const;

/** How often `ready` looks. */
const readyPollMs = 50;

export interface NodeOptions {
  readonly runtime: Runtime;
  readonly transport: Transport;
  readonly log: Log;
  /** 40 hexadecimal digits; by default drawn by chance. */
  readonly id?: string;
  /** For people: shown in `sys.nodes`. */
  readonly label?: string;
  readonly tables?: readonly TableSource[];
  readonly queryDeadlineMs?: number;
  readonly queryMemoryBytesMax?: number;
  readonly overlay?: Partial<OverlayOptions>;
  /** What outlives the node; nothing does when it is absent. */
  readonly journal?: Journal;
  /** What is heard of those that the node joins through; told of the members that it tries beside its seeds. */
  readonly waysIn?: WaysIn;
}

/** Members of an earlier life that are asked beside the seeds. */
const rejoinThroughMax = 3;

/** One node of a fleet: its place in the DHT, its tables, the queries it has a part in. */
export class WharfNode implements SessionFactory {
  readonly overlay: OverlayNode;
  readonly store: ObjectStore;
  readonly blobs: Blobs;
  readonly #options: NodeOptions;
  readonly #catalog: Catalog;
  readonly #tables: DistributedTables;
  readonly #queries: QueryService;
  readonly #startedAtMs: number;
  readonly #sessions = new Set<LocalSession>();
  /** Rejects when the node stops, so that nobody waits for what it will never be. */
  readonly #stopped: Promise<never>;
  #tellStopped: (why: QueryError) => void = () => {};

  constructor(options: NodeOptions) {
    const { runtime, transport, log } = options;
    this.#options = options;
    this.#startedAtMs = runtime.now();
    this.#stopped = new Promise((_, reject) => {
      this.#tellStopped = reject;
    });
    this.#stopped.catch(() => {});
    this.overlay = new OverlayNode({
      runtime,
      transport,
      log: overlayLog(log),
      ...(options.id === undefined ? {} : { id: options.id }),
      ...(options.overlay === undefined ? {} : { options: options.overlay }),
      ...(options.journal === undefined ? {} : { journal: options.journal }),
    });
    this.store = new ObjectStore(this.overlay);
    this.blobs = new Blobs(this.overlay, this.store);
    this.#tables = new DistributedTables({ overlay: this.overlay, runtime });
    this.#catalog = new Catalog({
      overlay: this.overlay,
      store: this.store,
      runtime,
      log,
      local: options.tables ?? [],
      dropped: (namespace) => this.#tables.drop(namespace),
    });
    this.#queries = new QueryService({
      overlay: this.overlay,
      runtime,
      log,
      memoryBytesMax: options.queryMemoryBytesMax ?? nodeDefaults.queryMemoryBytesMax,
      scan: (node, regions, own, signal) => this.#scan(node, regions, own, signal),
    });
  }

  get id(): string {
    return this.overlay.self.id;
  }

  get address(): Address {
    return this.overlay.self.address;
  }

  /**
   * Founds a fleet (no seeds) or joins one through any of its members. A node that was a member in an earlier life joins through
   * those that it knew then, too; when none of them lets it in it stands in for the fleet, until they come back and the
   * parts find each other. Not so when one of them has refused it: they never would.
   * @throws OverlayError `unreachable`, `refused`; StorageError
   */
  async start(seeds: readonly Address[]): Promise<void> {
    const known = await this.overlay.recover();
    if (known.length > 0) await this.#rejoin(seeds, known);
    else if (seeds.length === 0) this.overlay.bootstrap();
    else await this.overlay.join(seeds);
    await this.#catalog.start();
  }

  async #rejoin(seeds: readonly Address[], known: readonly Contact[]): Promise<void> {
    const { waysIn } = this.#options;
    const remembered = known.map(({ address }) => address).filter((address) => address !== this.address);
    const tried = remembered.slice(0, rejoinThroughMax);
    waysIn?.add(tried);
    try {
      await this.overlay.join([...new Set([...seeds, ...tried])], 1);
    } catch (error) {
      if (!(error instanceof OverlayError) || error.code === 'closed') throw error;
      const refusal = waysIn?.refusal() ?? null;
      if (refusal !== null) throw new OverlayError('refused', refusal, { cause: error });
      this.#options.log.warn('nobody of the fleet can be reached: going on alone until they come back', {
        members: known.length,
        reason: error.message,
      });
      this.overlay.recall();
      this.overlay.bootstrap();
    }
  }

  /**
   * Resolves when this node holds complete copies of all that it must keep.
   * @throws QueryError `shutdown` when it stops before
   */
  settled(): Promise<void> {
    return Promise.race([this.overlay.whenSettled(), this.#stopped]);
  }

  /**
   * Resolves when this node holds its copies and knows at least `membersMin` members, itself included: until then
   * answers may be partial for no other reason than that it is new.
   * @throws QueryError `shutdown` when it stops before
   */
  async ready(membersMin: number): Promise<void> {
    await this.settled();
    while (this.overlay.contacts().length < membersMin) {
      const aWhile = new Promise<void>((resolve) => this.#options.runtime.after(readyPollMs, resolve));
      await Promise.race([aWhile, this.#stopped]);
    }
  }

  openSession(): Session {
    const session = new LocalSession(
      {
        catalog: this.#catalog,
        tables: this.#tables,
        queries: this.#queries,
        replicas: this.overlay.options.replicas,
        limits: {
          deadlineMs: this.#options.queryDeadlineMs ?? nodeDefaults.queryDeadlineMs,
          memoryBytesMax: this.#options.queryMemoryBytesMax ?? nodeDefaults.queryMemoryBytesMax,
        },
      },
      (closed) => this.#sessions.delete(closed),
    );
    this.#sessions.add(session);
    return session;
  }

  /** Leaves the fleet: hands its data over, then closes. */
  async stop(): Promise<void> {
    this.#shutdown();
    await this.overlay.leave();
  }

  /** Stops without a word, as a crash would. */
  async kill(): Promise<void> {
    this.#shutdown();
    await this.overlay.close();
  }

  #shutdown(): void {
    const why = new QueryError('shutdown', 'the node is shutting down');
    this.#tellStopped(why);
    for (const session of this.#sessions) session.close(why);
    this.#queries.shutdown();
    this.#catalog.stop();
  }

  async *#scan(node: ScanNode, regions: readonly Region[], own: boolean, signal: AbortSignal): AsyncIterable<Batch> {
    switch (node.source) {
      case 'distributed':
        if (node.namespace !== null) yield* this.#tables.scan(node.namespace, regions, node.columns);
        return;
      case 'system':
        if (own) yield selectColumns(scanSystemTable(node.table, this.#facts()), node.columns);
        return;
      case 'local': {
        const source = own ? this.#catalog.source(node.table) : null;
        if (source === null) return;
        // The proxy may have planned before it heard of this node's table of that name.
        const convert = converter(selectSchema(source.schema, node.columns), node.schema);
        if (!convert) {
          throw new QueryError('schemaClash', `table "${node.table}" has other columns at node ${this.address}`);
        }
        try {
          for await (const batch of source.scan({ columns: node.columns, signal })) yield convert(batch);
        } catch (cause) {
          if (cause instanceof QueryError) throw cause;
          throw new QueryError('file', cause instanceof Error ? cause.message : String(cause), { cause });
        }
      }
    }
  }

  #disk(): string | null {
    const { journal } = this.overlay;
    return journal.isDurable ? (journal.failure?.message ?? 'ok') : null;
  }

  #facts(): NodeFacts {
    const { address } = this;
    const { runtime, label } = this.#options;
    return {
      nodes: () => {
        // The one around the node's own id, should it have several.
        const region = this.overlay
          .region()
          .regions()
          .find((one) => inRegion(this.id, one));
        assert(region, 'a node owns its own id');
        const counters = this.overlay.counters();
        return [
          [
            this.id,
            address,
            label ?? null,
            region.from,
            region.to,
            this.overlay.contacts().length,
            this.overlay.missing().length,
            micros(this.#startedAtMs),
            this.#queries.status().length,
            BigInt(this.#tables.rowsStored),
            BigInt(counters.framesOut),
            BigInt(counters.framesIn),
            BigInt(counters.bytesOut),
            BigInt(counters.bytesIn),
            BigInt(counters.framesMalformed + counters.payloadsMalformed),
            this.#disk(),
          ],
        ];
      },
      tables: () => [
        ...this.#catalog.localSources.map(({ name, schema }) => [
          address,
          name,
          'local',
          schema.fields.length,
          null,
          null,
        ]),
        ...this.#catalog
          .distributedHere()
          .map(({ name, schema, distributed }) => [
            address,
            name,
            'distributed',
            schema.fields.length,
            distributed?.replicas ?? null,
            this.overlay.options.replicas,
          ]),
      ],
      queries: () =>
        this.#queries
          .status()
          .map((query) => [
            address,
            query.id,
            query.role,
            query.proxy,
            query.sql,
            micros(query.startedAtMs),
            runtime.now() - query.startedAtMs,
            query.executions,
            BigInt(query.memoryBytes),
          ]),
    };
  }
}

function selectSchema(schema: Schema, columns: readonly number[]): Schema {
  return { fields: columns.flatMap((column) => schema.fields[column] ?? []) };
}

function micros(ms: number): bigint {
  return BigInt(Math.round(ms * 1_000));
}
