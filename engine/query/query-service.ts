import { QueryError } from '../../columnar/index.ts';
import { type Contact, type Overlay, RegionSet, type Runtime, type Timer } from '../../overlay/index.ts';
import { decodePlan, encodePlan, type PhysicalPlan } from '../../planner/index.ts';
import type { Log } from '../log.ts';
import { Engagement, type Parent } from './engagement.ts';
import type { Downstream } from './exchange.ts';
import { Execution, type ExecutionHost, type QueryInfo } from './execution.ts';
import {
  decodeMessage,
  type Engage,
  encodeMessage,
  type MessageOf,
  messageLengthMax,
  type QueryId,
  type QueryMessage,
} from './messages.ts';

/** The overlay application of queries. */
export const queryApp = 2;

/** Batches that overtook their query wait this long for it, then count as lost. */
const earlyHoldMs = 3_000;
const earlyBytesMax = 16 * 1024 * 1024;
const earlyMessagesMax = 4_096;
/** Queries that one node takes part in at once, its own included. */
const queriesMax = 1_024;
/** Ended queries are remembered this long, so that stragglers do not bring them back. */
const endedRememberedMs = 30_000;
/** A participant forgets a query this long after its deadline, if nobody told it to. */
const deadlineGraceMs = 5_000;

interface LocalQuery {
  readonly info: QueryInfo;
  readonly executions: Map<number, Execution>;
  readonly startedAtMs: number;
  /** At participants; the proxy keeps its own deadline. */
  readonly expiry: Timer | null;
  /** Set at the proxy. */
  readonly owner: QueryOwner | null;
}

/** The proxy's side of a query: told of failures anywhere in the fleet. */
export interface QueryOwner {
  failed(error: QueryError): void;
}

interface Early {
  readonly messages: { readonly from: Contact; readonly message: MessageOf<'batch'> }[];
  readonly timer: Timer;
  bytes: number;
}

/** A query as `sys.queries` shows it at one node. */
export interface QueryStatus {
  readonly id: QueryId;
  readonly role: 'proxy' | 'participant';
  readonly sql: string;
  readonly proxy: string;
  readonly startedAtMs: number;
  readonly executions: number;
  readonly memoryBytes: number;
}

export interface QueryServiceOptions {
  readonly overlay: Overlay;
  readonly runtime: Runtime;
  readonly log: Log;
  readonly scan: ExecutionHost['scan'];
  /** Bytes that one query may hold at this node, whatever its proxy grants. */
  readonly memoryBytesMax: number;
}

/** Every query that this node has a part in, by id, and the messages between the parts. */
export class QueryService implements ExecutionHost {
  readonly overlay: Overlay;
  readonly runtime: Runtime;
  readonly scan: ExecutionHost['scan'];
  readonly #log: Log;
  readonly #memoryBytesMax: number;
  readonly #queries = new Map<QueryId, LocalQuery>();
  readonly #early = new Map<string, Early>();
  readonly #ended = new Map<QueryId, number>();
  #earlyBytes = 0;
  #earlyMessages = 0;
  #delegations = 0;
  #isShutDown = false;

  constructor(options: QueryServiceOptions) {
    this.overlay = options.overlay;
    this.runtime = options.runtime;
    this.scan = options.scan;
    this.#log = options.log;
    this.#memoryBytesMax = options.memoryBytesMax;
    options.overlay.register(queryApp, { receive: (from, payload) => this.#receive(from, payload) });
  }

  status(): readonly QueryStatus[] {
    return [...this.#queries.values()].map(({ info, executions, startedAtMs, owner }) => ({
      id: info.id,
      role: owner === null ? 'participant' : 'proxy',
      sql: info.sql,
      proxy: info.proxy.address,
      startedAtMs,
      executions: executions.size,
      memoryBytes: [...executions.values()].reduce((sum, { memory }) => sum + memory.bytes, 0),
    }));
  }

  /**
   * Begins a query at this node, its proxy. Nothing is sent until `engageRoot`.
   * @throws QueryError `tooManyQueries`
   */
  open(query: OpenQuery, owner: QueryOwner): void {
    this.#requireRoom();
    const info: QueryInfo = {
      ...query,
      planBytes: encodePlan(query.plan),
      proxy: this.overlay.self,
    };
    this.#queries.set(query.id, this.#localQuery(info, owner));
  }

  /** Starts an epoch of a query that was opened here. */
  engageRoot(
    id: QueryId,
    epoch: number,
    region: RegionSet,
    results: Downstream,
    parent: Parent,
  ): { execution: Execution; root: Engagement } {
    const query = this.#queries.get(id);
    if (query === undefined) throw new QueryError('cancelled', 'the query has ended');
    const execution = this.#execution(query, epoch, results);
    const root = new Engagement(execution, parent, region, false, 0, () => {});
    execution.engagements.set('root', root);
    root.start();
    return { execution, root };
  }

  /** Ends one epoch of a query at its proxy, and below it. */
  closeEpoch(id: QueryId, epoch: number): void {
    const query = this.#queries.get(id);
    query?.executions.get(epoch)?.close();
    query?.executions.delete(epoch);
  }

  /** Ends a query at its proxy and, through the engagements, everywhere. */
  close(id: QueryId): void {
    const query = this.#queries.get(id);
    if (query !== undefined) this.#end(query);
  }

  owner(id: QueryId): QueryOwner | null {
    return this.#queries.get(id)?.owner ?? null;
  }

  /** Ends everything and takes part in nothing any more: the node stops, but may take its time to leave the ring. */
  shutdown(): void {
    this.#isShutDown = true;
    for (const query of [...this.#queries.values()]) {
      query.owner?.failed(new QueryError('shutdown', 'the node is shutting down'));
      for (const execution of query.executions.values()) execution.drop();
      this.#end(query);
    }
    for (const key of [...this.#early.keys()]) this.#takeEarly(key);
  }

  nextDelegation(): number {
    this.#delegations += 1;
    return this.#delegations;
  }

  send(to: Contact, message: QueryMessage): void {
    this.overlay.send(to, queryApp, encodeMessage(message));
  }

  #receive(from: Contact, payload: Uint8Array): void {
    const message: QueryMessage = decodeMessage(payload);
    try {
      this.#handlers[message.type](from, message as never);
    } catch (error) {
      // Whatever a peer sends must not end the process, only the query.
      const query = this.#queries.get(message.query);
      if (query !== undefined) this.#fail(query, error);
      else this.#log.warn('a query message could not be handled', { from: from.address, error: String(error) });
    }
  }

  readonly #handlers: { readonly [T in QueryMessage['type']]: (from: Contact, message: MessageOf<T>) => void } = {
    engage: (from, message) => this.#engage(from, message),
    echo: (from, message) => {
      const execution = this.#queries.get(message.query)?.executions.get(message.epoch);
      for (const engagement of execution?.engagements.values() ?? []) engagement.childEchoed(from, message);
    },
    advance: (from, message) => {
      const execution = this.#queries.get(message.query)?.executions.get(message.epoch);
      const engagement = execution?.engagements.get(engagementKey(from, message.delegation));
      if (engagement === undefined) this.#sendDropped(from, message);
      engagement?.advance(message.wave);
      if (engagement !== undefined) execution?.advance(message.wave);
    },
    batch: (from, message) => {
      const execution = this.#queries.get(message.query)?.executions.get(message.epoch);
      if (execution === undefined) this.#hold(from, message);
      else this.#deliver(execution, from, message);
    },
    settled: (from, message) => {
      const execution = this.#queries.get(message.query)?.executions.get(message.epoch);
      execution?.settled(from, message.exchange, message.sequence, message.lost);
    },
    release: (from, message) => this.#release(from, message),
    dropped: (from, message) => {
      const execution = this.#queries.get(message.query)?.executions.get(message.epoch);
      for (const engagement of execution?.engagements.values() ?? []) engagement.childDropped(from, message.delegation);
    },
    failed: (from, message) => {
      const error = new QueryError(message.code, message.message, message.hint === null ? {} : { hint: message.hint });
      this.#log.info('query failed at a participant', {
        query: message.query,
        node: from.address,
        error: message.message,
      });
      this.#queries.get(message.query)?.owner?.failed(error);
    },
  };

  #engage(from: Contact, message: Engage): void {
    const { query: id, epoch } = message;
    if (this.#isShutDown || this.#ended.has(id)) {
      this.#sendDropped(from, message);
      return;
    }
    let query = this.#queries.get(message.query);
    if (query === undefined) {
      let plan: PhysicalPlan;
      try {
        this.#requireRoom();
        plan = decodePlan(message.plan);
      } catch (error) {
        this.#sendFailure(message.proxy, message.query, error);
        return;
      }
      query = this.#localQuery(infoOf(message, plan, this.runtime.now(), this.#memoryBytesMax), null);
      this.#queries.set(id, query);
    }
    try {
      this.#takePart(query, from, message);
    } catch (error) {
      this.#fail(query, error);
    }
    this.#replay(query, epoch);
  }

  #requireRoom(): void {
    if (this.#queries.size < queriesMax) return;
    throw new QueryError(
      'tooManyQueries',
      `node ${this.overlay.self.address} already takes part in ${queriesMax} queries`,
      { hint: 'Try again when some of them have ended; sys.queries lists them.' },
    );
  }

  #takePart(query: LocalQuery, from: Contact, message: Engage): void {
    const { query: id, epoch, delegation } = message;
    const execution = query.executions.get(epoch) ?? this.#execution(query, epoch, null);
    const key = engagementKey(from, message.delegation);
    if (execution.engagements.has(key)) return;
    const parent: Parent = {
      contact: from,
      dropped: () => this.#sendDropped(from, message),
      echo: (wave, report, partials) => {
        this.send(from, { type: 'echo', query: id, epoch, delegation, wave, report, partials: [...partials] });
        if (execution.treeOnly) this.#dropEngagement(id, execution, key);
      },
    };
    const orphaned = () => {
      engagement.drop();
      this.#dropEngagement(id, execution, key);
    };
    const region = new RegionSet(message.regions);
    const engagement = new Engagement(execution, parent, region, message.asHolder, message.depth, orphaned);
    execution.engagements.set(key, engagement);
    engagement.start();
  }

  #release(from: Contact, message: MessageOf<'release'>): void {
    const execution = this.#queries.get(message.query)?.executions.get(message.epoch);
    if (execution !== undefined)
      this.#dropEngagement(message.query, execution, engagementKey(from, message.delegation));
  }

  #dropEngagement(id: QueryId, execution: Execution, key: string): void {
    const query = this.#queries.get(id);
    const engagement = execution.engagements.get(key);
    if (query === undefined || engagement === undefined) return;
    engagement.close();
    execution.engagements.delete(key);
    if (execution.engagements.size > 0) return;
    execution.close();
    query.executions.delete(execution.epoch);
    // A standing or tree-only query may well come again; its state is nothing between epochs.
    if (query.executions.size === 0 && query.owner === null) this.#end(query, !execution.treeOnly);
  }

  #execution(query: LocalQuery, epoch: number, results: Downstream | null): Execution {
    const execution = new Execution(this, query.info, epoch, results, (error) => this.#fail(query, error));
    query.executions.set(epoch, execution);
    return execution;
  }

  #fail(query: LocalQuery, error: unknown): void {
    if (query.owner !== null) {
      query.owner.failed(asQueryError(error));
      return;
    }
    if (!(error instanceof QueryError))
      this.#log.error('a query broke an invariant', { query: query.info.id, error: String(error) });
    this.#sendFailure(query.info.proxy, query.info.id, error);
    this.#end(query);
  }

  #sendDropped(parent: Contact, { query, epoch, delegation }: MessageOf<'engage' | 'advance'>): void {
    this.send(parent, { type: 'dropped', query, epoch, delegation });
  }

  #sendFailure(proxy: Contact, query: QueryId, error: unknown): void {
    const { code, message, hint } = asQueryError(error);
    const cut = (text: string): string => text.slice(0, messageLengthMax);
    this.send(proxy, { type: 'failed', query, code, message: cut(message), hint: hint === null ? null : cut(hint) });
  }

  #localQuery(info: QueryInfo, owner: QueryOwner | null): LocalQuery {
    const now = this.runtime.now();
    const graceMs = Math.max(0, info.deadlineAtMs - now) + deadlineGraceMs;
    const query: LocalQuery = {
      info,
      executions: new Map(),
      startedAtMs: now,
      owner,
      expiry: owner === null ? this.runtime.after(graceMs, () => this.#end(query)) : null,
    };
    return query;
  }

  #end(query: LocalQuery, remember = true): void {
    query.expiry?.cancel();
    for (const execution of query.executions.values()) execution.close();
    query.executions.clear();
    this.#queries.delete(query.info.id);
    if (remember) this.#remember(query.info.id);
  }

  #remember(id: QueryId): void {
    const now = this.runtime.now();
    for (const [ended, atMs] of this.#ended) {
      if (now - atMs < endedRememberedMs) break;
      this.#ended.delete(ended);
    }
    this.#ended.set(id, now);
  }

  #deliver(execution: Execution, from: Contact, message: MessageOf<'batch'>): void {
    const settle = (lost: boolean) => this.#settle(from, message, lost);
    execution.attempt(() => execution.receive(message.exchange, message.batch, settle));
  }

  #settle(to: Contact, { query, epoch, exchange, sequence }: MessageOf<'batch'>, lost: boolean): void {
    this.send(to, { type: 'settled', query, epoch, exchange, sequence, lost });
  }

  #hold(from: Contact, message: MessageOf<'batch'>): void {
    const isFull = this.#earlyMessages >= earlyMessagesMax || this.#earlyBytes + message.batch.length > earlyBytesMax;
    if (this.#isShutDown || this.#ended.has(message.query) || isFull) {
      this.#settle(from, message, true);
      return;
    }
    const key = `${message.query}/${message.epoch}`;
    const early = this.#early.get(key) ?? {
      messages: [],
      bytes: 0,
      timer: this.runtime.after(earlyHoldMs, () => {
        for (const held of this.#takeEarly(key)) this.#settle(held.from, held.message, true);
      }),
    };
    this.#early.set(key, early);
    early.messages.push({ from, message });
    early.bytes += message.batch.length;
    this.#earlyBytes += message.batch.length;
    this.#earlyMessages += 1;
  }

  #replay({ info, executions }: LocalQuery, epoch: number): void {
    for (const { from, message } of this.#takeEarly(`${info.id}/${epoch}`)) {
      const execution = executions.get(epoch);
      if (execution === undefined) this.#settle(from, message, true);
      else this.#deliver(execution, from, message);
    }
  }

  #takeEarly(key: string): Early['messages'] {
    const early = this.#early.get(key);
    if (early === undefined) return [];
    early.timer.cancel();
    this.#early.delete(key);
    this.#earlyBytes -= early.bytes;
    this.#earlyMessages -= early.messages.length;
    return early.messages;
  }
}

export interface OpenQuery {
  readonly id: QueryId;
  readonly sql: string;
  readonly plan: PhysicalPlan;
  readonly rendezvous: readonly Contact[];
  readonly deadlineAtMs: number;
  readonly memoryBytesMax: number;
}

function infoOf(message: Engage, plan: PhysicalPlan, nowMs: number, memoryBytesMax: number): QueryInfo {
  return {
    id: message.query,
    sql: message.sql,
    plan,
    planBytes: message.plan,
    proxy: message.proxy,
    rendezvous: message.rendezvous,
    deadlineAtMs: nowMs + message.remainingMs,
    memoryBytesMax: Math.min(message.memoryBytesMax, memoryBytesMax),
  };
}

function engagementKey(parent: Contact, delegation: number): string {
  return `${parent.id}/${delegation}`;
}

function asQueryError(error: unknown): QueryError {
  return error instanceof QueryError
    ? error
    : new QueryError('internal', `internal error: ${String(error)}`, { cause: error });
}
