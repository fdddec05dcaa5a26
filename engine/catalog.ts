import { QueryError, type Schema, typeName } from '../columnar/index.ts';
import {
  absent,
  CodecError,
  keyOf,
  type ObjectStore,
  type Overlay,
  OverlayError,
  RegionSet,
  type Runtime,
  type Timer,
} from '../overlay/index.ts';
import { didYouMean, type TableDefinition } from '../planner/index.ts';
import { type CatalogEntry, decodeEntry, encodeEntry } from './catalog-entry.ts';
import type { Log } from './log.ts';
import { overlayFailure } from './overlay-failure.ts';
import { systemTable, systemTableNames } from './system-tables.ts';
import type { TableSource } from './table.ts';
import { clashingColumns, unionSchema } from './union-schema.ts';

/** The overlay application of catalog news. */
export const catalogApp = 3;

const namespace = 'catalog';
/** A resolved name is trusted this long; changes are broadcast, so it only bounds a lost broadcast. */
const leaseMs = 5_000;
/** How long a local table is known after the last node that has it was heard of. */
const localLifetimeMs = 60_000;
const publishEveryMs = 20_000;
const publicationsAtOnce = 8;
/** How long a node that starts waits for its local tables to be known. */
const publishPatienceMs = 2_000;
/** Definitions of distributed tables stay until dropped: their owner renews them when half of this is over. */
const distributedLifetimeMs = 7 * 24 * 60 * 60 * 1_000;

export interface CatalogOptions {
  readonly overlay: Overlay;
  readonly store: ObjectStore;
  readonly runtime: Runtime;
  readonly log: Log;
  readonly local: readonly TableSource[];
  /** A distributed table is gone: forget its rows. */
  readonly dropped: (namespace: string) => void;
}

/**
 * Names to tables. Definitions are objects in the DHT, one an (equal) definition of a name: a name with
 * two of them is a clash. Local tables are published again and again, as soft state.
 */
export class Catalog {
  readonly #options: CatalogOptions;
  readonly #local: ReadonlyMap<string, TableSource>;
  readonly #leases = new Map<string, { readonly table: TableDefinition; readonly untilMs: number }>();
  #publishing: Timer | null = null;
  #malformedTold = false;
  #closed = false;

  constructor(options: CatalogOptions) {
    this.#options = options;
    const local = new Map<string, TableSource>();
    for (const source of options.local) {
      if (local.has(source.name)) throw new QueryError('duplicateTable', `table "${source.name}" is given twice`);
      local.set(source.name, source);
    }
    this.#local = local;
    options.overlay.register(catalogApp, { broadcast: (_origin, payload) => this.#heard(payload) });
  }

  /**
   * Publishes this node's local tables, now and from time to time. Resolves when they are known for the first time, or when that
   * takes long: a node that came back before its fleet serves clients until the others are there.
   */
  async start(): Promise<void> {
    const published = this.#publish().then(() => this.#schedulePublish());
    let impatience: Timer | undefined;
    const late = new Promise<void>((resolve) => {
      impatience = this.#options.runtime.after(publishPatienceMs, resolve);
    });
    await Promise.race([published, late]);
    impatience?.cancel();
  }

  stop(): void {
    this.#closed = true;
    this.#publishing?.cancel();
  }

  source(name: string): TableSource | null {
    return this.#local.get(name) ?? null;
  }

  get localSources(): readonly TableSource[] {
    return [...this.#local.values()];
  }

  /** Definitions of distributed tables that this node keeps for the ring. */
  distributedHere(): readonly TableDefinition[] {
    const { store, overlay } = this.#options;
    return [...store.scan(namespace, overlay.region())]
      .flatMap(({ resourceId, value }) => this.#legible(resourceId, value) ?? [])
      .filter((table) => table.source === 'distributed');
  }

  /** Null for an entry that cannot be read, which is told once: the other tables are as good as ever. */
  #legible(name: string, value: Uint8Array): TableDefinition | null {
    try {
      return decodeEntry(value).table;
    } catch (error) {
      if (!(error instanceof QueryError)) throw error;
      if (!this.#malformedTold)
        this.#options.log.warn('malformed catalog entry', { table: name, error: error.message });
      this.#malformedTold = true;
      return null;
    }
  }

  newNamespace(name: string): string {
    const tag = Math.floor(this.#options.runtime.random() * 2 ** 48)
      .toString(16)
      .padStart(12, '0');
    return `${name}#${tag}`;
  }

  /** @throws QueryError `unknownTable`, `schemaClash`, `unreachable` */
  async resolve(name: string, position: number): Promise<TableDefinition> {
    const system = systemTable(name);
    if (system !== null) return system;
    const lease = this.#leases.get(name);
    if (lease !== undefined && lease.untilMs > this.#options.runtime.now()) return lease.table;
    const entries = await this.#entries(name);
    const [first, ...others] = entries;
    if (first === undefined) {
      throw unknownTable(name, position, [...this.#local.keys(), ...systemTableNames], this.#reasonForDoubt());
    }
    const table = { ...first.table, schema: unionOf(name, [first, ...others], position) };
    this.#leases.set(name, { table, untilMs: this.#options.runtime.now() + leaseMs });
    return table;
  }

  /**
   * Of several that create one name at the same time one succeeds: the owner of the name decides.
   * @throws QueryError `duplicateTable`; `storageFull`, `unreachable`: the table may or may not have been created
   */
  async create(table: TableDefinition, ifNotExists: boolean, position: number): Promise<void> {
    const isTaken = systemTable(table.name) !== null || (await this.#entries(table.name)).length > 0;
    if (!isTaken && (await this.#define(table))) this.#announce({ changed: table.name, dropped: null });
    else if (!ifNotExists) throw new QueryError('duplicateTable', `table "${table.name}" already exists`, { position });
  }

  /** False when there is another definition by now. A put that is repeated is not another: it has a version of its own. */
  async #define(table: TableDefinition): Promise<boolean> {
    const { store, overlay } = this.#options;
    const value = encodeEntry({ table, node: overlay.self.address });
    return attempt(`creating table "${table.name}" failed`, async () => {
      try {
        await store.put(namespace, table.name, 'distributed', value, distributedLifetimeMs, { expected: absent });
        return true;
      } catch (error) {
        if (error instanceof OverlayError && error.code === 'conflict') return false;
        throw error;
      }
    });
  }

  /**
   * @throws QueryError `unknownTable`, `wrongObjectType`; `storageFull`, `unreachable`: the table may or may not have been
   *   dropped
   */
  async drop(name: string, ifExists: boolean, position: number): Promise<void> {
    const system = systemTable(name) !== null;
    const entries = system ? [] : await this.#entries(name);
    const distributed = entries.find(({ table }) => table.distributed !== null)?.table.distributed;
    if (distributed) {
      const { namespace: rows } = distributed;
      const remove = () => this.#options.store.remove(namespace, name, 'distributed');
      try {
        await attempt(`dropping table "${name}" failed`, remove);
      } catch (error) {
        // Nobody could drop the rows another time: what they are called is known no longer.
        if (await this.#isGone(name, rows)) this.#announce({ changed: name, dropped: rows });
        throw error;
      }
      this.#announce({ changed: name, dropped: rows });
    } else if (system || entries.length > 0) {
      throw new QueryError('wrongObjectType', `"${name}" is not a distributed table`, {
        position,
        hint: 'Local tables belong to their nodes: stop giving them to the nodes.',
      });
    } else if (!ifExists) throw unknownTable(name, position, []);
  }

  /** Whether a distributed table is known to exist no longer; another of its name may. */
  async #isGone(name: string, rows: string): Promise<boolean> {
    try {
      return (await this.#entries(name)).every(({ table }) => table.distributed?.namespace !== rows);
    } catch (error) {
      if (!(error instanceof QueryError)) throw error;
      return false;
    }
  }

  /** Why a table may exist that is not known here, if for any reason. */
  #reasonForDoubt(): string | null {
    const { overlay } = this.#options;
    const missing = overlay.missing().length;
    if (missing > 0) return missing === 1 ? 'a member is missing' : `${missing} members are missing`;
    return overlay.losses(RegionSet.whole()).length > 0 ? 'some of what was stored has been lost' : null;
  }

  async #entries(name: string): Promise<readonly CatalogEntry[]> {
    const get = () => this.#options.store.get(namespace, name);
    const items = await attempt(`looking up table "${name}" failed`, get);
    const entries = items.map((item) => decodeEntry(item.value));
    const own = this.#local.get(name);
    return own === undefined ? entries : [...entries, this.#localEntry(own)];
  }

  #localEntry({ name, schema }: TableSource): CatalogEntry {
    return { table: { name, source: 'local', schema, distributed: null }, node: this.#options.overlay.self.address };
  }

  async #publish(): Promise<void> {
    const { store, log } = this.#options;
    const publish = async (source: TableSource): Promise<void> => {
      // Nodes with equal schemas refresh one and the same object, however many columns they have.
      const instance = `local ${keyOf(describe(source.schema))}`;
      try {
        await store.put(namespace, source.name, instance, encodeEntry(this.#localEntry(source)), localLifetimeMs, {
          isSoft: true,
        });
      } catch (error) {
        log.warn('could not publish a local table', { table: source.name, error: String(error) });
      }
    };
    const sources = [...this.#local.values()];
    for (let i = 0; i < sources.length; i += publicationsAtOnce) {
      await Promise.all(sources.slice(i, i + publicationsAtOnce).map(publish));
    }
  }

  async #renewDistributed(): Promise<void> {
    const { store, overlay, log } = this.#options;
    for (const { resourceId, instanceId, lifetimeLeftMs } of [...store.scan(namespace, overlay.region())]) {
      if (instanceId !== 'distributed' || lifetimeLeftMs > distributedLifetimeMs / 2) continue;
      try {
        // Where that fails it is tried again.
        await store.renew(namespace, resourceId, instanceId, distributedLifetimeMs, { isSoft: true });
      } catch (error) {
        log.warn('could not renew a table definition', { table: resourceId, error: String(error) });
      }
    }
  }

  #schedulePublish(): void {
    if (this.#closed) return;
    const delayMs = publishEveryMs * (0.75 + 0.5 * this.#options.runtime.random());
    this.#publishing = this.#options.runtime.after(delayMs, () => {
      void this.#publish()
        .then(() => this.#renewDistributed())
        .then(() => this.#schedulePublish());
    });
  }

  #announce(news: News): void {
    this.#options.overlay.broadcast(catalogApp, new TextEncoder().encode(JSON.stringify(news)));
    this.#apply(news);
  }

  #heard(payload: Uint8Array): void {
    this.#apply(newsOf(payload));
  }

  #apply({ changed, dropped }: News): void {
    this.#leases.delete(changed);
    if (dropped !== null) this.#options.dropped(dropped);
  }
}

/** @param failed what did not succeed, in words */
async function attempt<T>(failed: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (cause) {
    if (!(cause instanceof OverlayError)) throw cause;
    throw overlayFailure(failed, cause);
  }
}

interface News {
  readonly changed: string;
  /** Namespace of the rows to forget. */
  readonly dropped: string | null;
}

/** @throws CodecError */
function newsOf(payload: Uint8Array): News {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(payload));
  } catch (cause) {
    throw new CodecError('malformed catalog news', { cause });
  }
  if (typeof value === 'object' && value !== null && 'changed' in value && 'dropped' in value) {
    const { changed, dropped } = value;
    if (typeof changed === 'string' && (dropped === null || typeof dropped === 'string')) return { changed, dropped };
  }
  throw new CodecError('malformed catalog news');
}

function describe(schema: Schema): string {
  return schema.fields.map(({ name, type }) => `${name} ${typeName(type)}`).join(', ');
}

/** Nodes may have guessed types of their own from files of theirs. @throws QueryError `schemaClash` */
function unionOf(
  name: string,
  [first, ...others]: readonly [CatalogEntry, ...CatalogEntry[]],
  position: number,
): Schema {
  return others.reduce<Schema>((schema, other) => {
    const union = first.table.source === other.table.source ? unionSchema(schema, other.table.schema) : null;
    if (union) return union;
    throw clash(name, first, other, position);
  }, first.table.schema);
}

/** Tells the columns that clash, or all where already their names do. */
function clash(name: string, a: CatalogEntry, b: CatalogEntry, position: number): QueryError {
  const clashing = clashingColumns(a.table.schema, b.table.schema);
  const [first, second] = [a, b].map((entry) => {
    const { fields } = entry.table.schema;
    return `(${describe({ fields: clashing ? fields.filter((_, i) => clashing.includes(i)) : fields })}) ${placeOf(entry)}`;
  });
  const hint = 'Rename one of them, or give all nodes the same columns.';
  return new QueryError('schemaClash', `table "${name}" ${clashing ? 'has' : 'is'} ${first} and ${second}`, {
    position,
    hint: clashing ? `${hint} A CSV column without any value counts as text.` : hint,
  });
}

function placeOf({ table, node }: CatalogEntry): string {
  return table.source === 'local' ? `at node ${node}` : 'as a distributed table';
}

/** @param doubt why it may exist all the same */
function unknownTable(
  name: string,
  position: number,
  known: readonly string[],
  doubt: string | null = null,
): QueryError {
  const doubtful = doubt === null ? null : `Perhaps it exists: ${doubt}.`;
  return new QueryError('unknownTable', `table "${name}" does not exist`, {
    position,
    hint: didYouMean(name, known) ?? doubtful ?? 'SHOW TABLES lists the tables of the fleet.',
  });
}
