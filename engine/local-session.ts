import {
  type Batch,
  batchFromRows,
  intervalToMs,
  parseValue,
  QueryError,
  type Schema,
  typeName,
  types,
} from '../columnar/index.ts';
import {
  type CreateTable,
  type Insert,
  ParseError,
  parse,
  type Query,
  type Statement,
  type Subscribe,
} from '../parser/index.ts';
import {
  defineTable,
  explainPlan,
  type PhysicalPlan,
  planInsert,
  planQuery,
  planSubscription,
  referencedTables,
  type TableDefinition,
  type Tables,
  tableKey,
} from '../planner/index.ts';
import type { Catalog } from './catalog.ts';
import type { DistributedTables } from './distributed-tables.ts';
import { Insertion } from './insertion.ts';
import { QueryRun } from './query/query-run.ts';
import type { QueryOwner, QueryService } from './query/query-service.ts';
import { Subscription } from './query/subscription.ts';
import type { Coverage, Session, StatementResult } from './session.ts';

/** What sessions of a node share. */
export interface SessionServices {
  readonly catalog: Catalog;
  readonly tables: DistributedTables;
  readonly queries: QueryService;
  /** Copies that the fleet keeps of everything. */
  readonly replicas: number;
  readonly limits: { readonly deadlineMs: number; readonly memoryBytesMax: number };
}

/** What a session does at a moment. */
interface Running extends QueryOwner {
  cancel(): void;
}

type Settings = {
  coverage: 'partial' | 'strict';
  /** Milliseconds; 0 means the node's own limit. */
  statement_timeout: number;
};

const showTablesQuery =
  'SELECT table_name, source, count(*) AS nodes FROM sys.tables GROUP BY table_name, source ORDER BY table_name';

const textSchema = (...names: readonly string[]): Schema => ({
  fields: names.map((name) => ({ name, type: types.text })),
});

/** A conversation with the node in this process. */
export class LocalSession implements Session {
  readonly #services: SessionServices;
  readonly #onClose: (session: LocalSession) => void;
  readonly #settings: Settings = { coverage: 'partial', statement_timeout: 0 };
  #running: Running | null = null;
  /** The statement was cancelled, perhaps while its names were still being looked up. */
  #cancelled = false;
  #closed = false;

  constructor(services: SessionServices, onClose: (session: LocalSession) => void) {
    this.#services = services;
    this.#onClose = onClose;
  }

  async *execute(sql: string): AsyncGenerator<StatementResult, void, undefined> {
    for (const statement of parseStatements(sql)) {
      this.#cancelled = false;
      this.#requireOpen();
      try {
        yield await this.#run(statement, sql.slice(statement.span.start, statement.span.end));
      } finally {
        // A result that nobody read, or not to its end, must not go on in the fleet.
        this.#running?.cancel();
        this.#running = null;
      }
    }
  }

  cancel(): void {
    this.#cancelled = true;
    this.#running?.cancel();
  }

  /** @param why what becomes of a statement that is running */
  close(why: QueryError = new QueryError('cancelled', 'the session was closed')): void {
    this.#closed = true;
    this.#running?.failed(why);
    this.#onClose(this);
  }

  async #run(statement: Statement, sql: string): Promise<StatementResult> {
    switch (statement.kind) {
      case 'select':
        return this.#query(await this.#planQuery(statement.query), sql);
      case 'explain':
        return this.#explain(statement.statement, statement.analyze);
      case 'createTable':
        return this.#createTable(statement);
      case 'dropTable':
        await this.#services.catalog.drop(tableKey(statement.table), statement.ifExists, statement.table.span.start);
        return done('DROP TABLE');
      case 'insert':
        return this.#insert(statement, sql);
      case 'showTables':
        return this.#query(await this.#planText(showTablesQuery), sql);
      case 'describe':
        return this.#describe(await this.#table(statement));
      case 'subscribe':
        return this.#subscribe(statement, sql);
      case 'set':
        this.#set(statement.name, statement.value, statement.span.start);
        return done('SET');
      case 'show':
        return this.#show(statement.name, statement.span.start);
      case 'cancel':
        return this.#cancelQuery(statement.query);
      case 'transaction':
        return done(statement.action.toUpperCase());
    }
  }

  /** Names are looked up meanwhile: the client may have gone since. */
  #requireOpen(): void {
    if (this.#closed) throw new QueryError('shutdown', 'the session is closed');
    if (this.#cancelled) throw new QueryError('cancelled', 'the statement was cancelled');
  }

  async #planQuery(query: Query): Promise<PhysicalPlan> {
    return planQuery(query, await this.#resolve({ kind: 'select', query, span: query.span }), this.#context());
  }

  async #planText(sql: string): Promise<PhysicalPlan> {
    const [statement] = parseStatements(sql);
    if (statement?.kind !== 'select') throw new Error('not a query');
    return this.#planQuery(statement.query);
  }

  #query(plan: PhysicalPlan, sql: string): StatementResult {
    const run = this.#startQuery(plan, sql);
    return {
      kind: 'rows',
      queryId: run.id,
      schema: plan.schema,
      batches: this.#guarded(run),
      coverage: () => coverageOf(run, plan),
    };
  }

  #startQuery(plan: PhysicalPlan, sql: string): QueryRun {
    const { queries, limits } = this.#services;
    this.#requireOpen();
    const run = new QueryRun(queries, {
      sql,
      plan,
      deadlineMs: this.#deadlineMs(),
      memoryBytesMax: limits.memoryBytesMax,
    });
    this.#running = run;
    run.start();
    return run;
  }

  #deadlineMs(): number {
    const { statement_timeout: timeoutMs } = this.#settings;
    return timeoutMs > 0 ? timeoutMs : this.#services.limits.deadlineMs;
  }

  /** Strict coverage withholds the answer until it is known to be whole. */
  async *#guarded(run: QueryRun): AsyncGenerator<Batch, void, undefined> {
    if (this.#settings.coverage === 'partial') {
      yield* run.batches();
      return;
    }
    const batches: Batch[] = [];
    for await (const batch of run.batches()) batches.push(batch);
    requireComplete(run.coverage);
    yield* batches;
  }

  async #explain(statement: Statement, analyze: boolean): Promise<StatementResult> {
    if (analyze)
      throw new QueryError('unsupported', 'EXPLAIN ANALYZE is not supported yet', { position: statement.span.start });
    const lines = explainPlan(await this.#planOf(statement));
    return rowsResult(
      textSchema('plan'),
      lines.map((line) => [line]),
    );
  }

  async #planOf(statement: Statement): Promise<PhysicalPlan> {
    switch (statement.kind) {
      case 'select':
        return this.#planQuery(statement.query);
      case 'insert': {
        const tables = await this.#resolve(statement);
        return planInsert(statement, await this.#table(statement), tables, this.#context());
      }
      case 'subscribe':
        return planSubscription(statement, await this.#resolve(statement), this.#context()).plan;
      default:
        throw new QueryError('unsupported', 'EXPLAIN takes a SELECT, INSERT or SUBSCRIBE', {
          position: statement.span.start,
        });
    }
  }

  async #createTable(statement: CreateTable): Promise<StatementResult> {
    const { catalog, replicas } = this.#services;
    const namespace = catalog.newNamespace(tableKey(statement.table));
    const table = defineTable(statement, { namespace, replicasMax: replicas, nowMs: this.#context().nowMs });
    await catalog.create(table, statement.ifNotExists, statement.table.span.start);
    return done('CREATE TABLE');
  }

  async #insert(statement: Insert, sql: string): Promise<StatementResult> {
    const target = await this.#table(statement);
    const plan = planInsert(statement, target, await this.#resolve(statement), this.#context());
    const { tables, queries } = this.#services;
    const run = this.#startQuery(plan, sql);
    const insertion = new Insertion({ runtime: queries.runtime, tables, target, run, deadlineMs: this.#deadlineMs() });
    this.#running = insertion;
    const rows = await insertion.write(this.#guarded(run));
    return { kind: 'command', tag: `INSERT 0 ${rows}`, rowsAffected: rows, coverage: coverageOf(run, plan) };
  }

  async #subscribe(statement: Subscribe, sql: string): Promise<StatementResult> {
    const { queries, limits } = this.#services;
    const { plan, everyMs, forMs } = planSubscription(statement, await this.#resolve(statement), this.#context());
    this.#requireOpen();
    const subscription = new Subscription(queries, {
      sql,
      plan,
      everyMs,
      forMs,
      memoryBytesMax: limits.memoryBytesMax,
    });
    this.#running = subscription;
    subscription.start();
    return { kind: 'epochs', queryId: subscription.id, schema: plan.schema, epochs: subscription.epochs() };
  }

  #describe(table: TableDefinition): StatementResult {
    const { distributed } = table;
    const rows = table.schema.fields.map((field, i) => [
      field.name,
      typeName(field.type),
      distributed?.notNull.includes(i) || distributed?.primaryKey.includes(i) ? 'no' : 'yes',
      [
        ...(distributed?.primaryKey.includes(i) ? ['primary key'] : []),
        ...(distributed?.partitionBy.includes(i) ? ['partition key'] : []),
      ].join(', '),
    ]);
    return rowsResult(textSchema('column_name', 'type', 'nullable', 'key'), rows);
  }

  #set(name: string, value: string, position: number): void {
    switch (name) {
      case 'coverage':
        if (value !== 'strict' && value !== 'partial') {
          throw new QueryError('invalidParameter', `coverage is strict or partial, not "${value}"`, { position });
        }
        this.#settings.coverage = value;
        return;
      case 'statement_timeout':
        this.#settings.statement_timeout = durationMs(value, position);
        return;
      default:
        // Postgres clients set many things on connecting; what has no meaning here is accepted if PostgreSQL knows it.
        if (postgresSettings.has(name)) return;
        throw new QueryError('unknownColumn', `unrecognized configuration parameter "${name}"`, {
          position,
          hint: `Known parameters: ${Object.keys(this.#settings).join(', ')}.`,
        });
    }
  }

  #show(name: string, position: number): StatementResult {
    if (name !== 'coverage' && name !== 'statement_timeout') {
      throw new QueryError('unknownColumn', `unrecognized configuration parameter "${name}"`, { position });
    }
    const value = name === 'coverage' ? this.#settings.coverage : String(this.#deadlineMs());
    return rowsResult(textSchema(name), [[value]]);
  }

  #cancelQuery(id: string): StatementResult {
    const owner = this.#services.queries.owner(id);
    if (owner === null) {
      throw new QueryError('invalidParameter', `no query ${id} started at this node`, {
        hint: 'SELECT query_id, proxy FROM sys.queries shows where each query started.',
      });
    }
    owner.failed(new QueryError('cancelled', 'the query was cancelled by CANCEL QUERY'));
    return done('CANCEL QUERY');
  }

  async #table(statement: Extract<Statement, { kind: 'describe' | 'insert' }>): Promise<TableDefinition> {
    return this.#services.catalog.resolve(tableKey(statement.table), statement.table.span.start);
  }

  async #resolve(statement: Statement): Promise<Tables> {
    const tables = new Map<string, TableDefinition>();
    for (const name of referencedTables(statement)) {
      const key = tableKey(name);
      if (!tables.has(key)) tables.set(key, await this.#services.catalog.resolve(key, name.span.start));
    }
    return tables;
  }

  #context(): { readonly nowMs: number } {
    return { nowMs: this.#services.queries.runtime.now() };
  }
}

const postgresSettings: ReadonlySet<string> = new Set([
  'application_name',
  'bytea_output',
  'client_encoding',
  'client_min_messages',
  'datestyle',
  'extra_float_digits',
  'intervalstyle',
  'search_path',
  'standard_conforming_strings',
  'timezone',
  'row_security',
  'synchronous_commit',
]);

function durationMs(value: string, position: number): number {
  if (/^\d+$/.test(value)) return Number(value);
  try {
    const interval = parseValue(types.interval, value);
    if (typeof interval === 'object' && 'micros' in interval) return intervalToMs(interval);
  } catch (cause) {
    throw new QueryError('invalidParameter', `not a duration: "${value}"`, { position, cause });
  }
  throw new QueryError('invalidParameter', `not a duration: "${value}"`, { position });
}

function done(tag: string): StatementResult {
  return { kind: 'command', tag, rowsAffected: null, coverage: null };
}

/** A query that reads no table covers nothing. */
function coverageOf(run: QueryRun, plan: PhysicalPlan): Coverage | null {
  return plan.dissemination.kind === 'none' ? null : run.coverage;
}

function requireComplete(coverage: Coverage | null): void {
  if (coverage === null || coverage.complete) return;
  throw new QueryError('nodesLost', `the answer is not complete: ${coverage.reasons.join('; ')}`, {
    hint: 'SET coverage = partial returns what there is, with its coverage.',
  });
}

function rowsResult(schema: Schema, rows: readonly (readonly (string | null)[])[]): StatementResult {
  const batch = batchFromRows(schema, rows);
  return {
    kind: 'rows',
    queryId: null,
    schema,
    batches: (async function* () {
      yield batch;
    })(),
    coverage: () => null,
  };
}

function parseStatements(sql: string): readonly Statement[] {
  try {
    return parse(sql);
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    throw new QueryError(error.code === 'unsupported' ? 'unsupported' : 'syntax', error.message, {
      position: error.position,
      cause: error,
      ...(error.hint === null ? {} : { hint: error.hint }),
    });
  }
}
