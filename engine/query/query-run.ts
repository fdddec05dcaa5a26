import { type Batch, QueryError } from '../../columnar/index.ts';
import {
  type Contact,
  type Overlay,
  type Region,
  RegionSet,
  type Runtime,
  type Timer,
  wholeRing,
} from '../../overlay/index.ts';
import type { PhysicalPlan } from '../../planner/index.ts';
import type { Coverage } from '../session.ts';
import { BatchQueue } from './batch-queue.ts';
import type { Engagement, Partial } from './engagement.ts';
import type { Execution } from './execution.ts';
import { type QueryId, rendezvousMax } from './messages.ts';
import type { QueryOwner, QueryService } from './query-service.ts';
import { coverageOf, type Report, ReportBuilder } from './report.ts';

export interface QueryRequest {
  readonly sql: string;
  readonly plan: PhysicalPlan;
  readonly deadlineMs: number;
  readonly memoryBytesMax: number;
}

/** One query at its proxy, from the first message to the last row. */
export class QueryRun implements QueryOwner {
  readonly id: QueryId;
  readonly #service: QueryService;
  readonly #request: QueryRequest;
  readonly #region: Region | null;
  readonly #queue: BatchQueue;
  readonly #report = new ReportBuilder();
  readonly #deadline: Timer;
  #execution: Execution | null = null;
  #root: Engagement | null = null;
  #coverage: Coverage | null = null;
  #ended = false;

  constructor(service: QueryService, request: QueryRequest) {
    const { runtime, overlay } = service;
    this.id = newQueryId(runtime);
    this.#service = service;
    this.#request = request;
    this.#region = regionOf(request.plan);
    this.#queue = new BatchQueue(() => this.#execution?.settleSoon());
    service.open(
      {
        ...request,
        id: this.id,
        rendezvous: rendezvousFor(request.plan, overlay),
        deadlineAtMs: runtime.now() + request.deadlineMs,
      },
      this,
    );
    this.#deadline = runtime.after(request.deadlineMs, () => {
      this.failed(
        new QueryError('deadline', `the query did not end within its deadline of ${request.deadlineMs} ms`, {
          hint: "SET statement_timeout = '10 min' gives it more time.",
        }),
      );
    });
  }

  start(): void {
    try {
      const { execution, root } = this.#service.engageRoot(
        this.id,
        0,
        new RegionSet([this.#region ?? wholeRing]),
        this.#queue,
        {
          contact: null,
          echo: (wave, report, partials) => this.#echoed(wave, report, partials),
          dropped: () => {},
        },
      );
      this.#execution = execution;
      this.#root = root;
    } catch (error) {
      this.failed(error instanceof QueryError ? error : new QueryError('internal', String(error), { cause: error }));
    }
  }

  /** Known once the rows have ended. */
  get coverage(): Coverage | null {
    return this.#coverage;
  }

  async *batches(): AsyncGenerator<Batch, void, undefined> {
    try {
      for (;;) {
        const batch = await this.#queue.next();
        if (batch === null) return;
        yield batch;
      }
    } finally {
      this.#end();
    }
  }

  failed(error: QueryError): void {
    this.#queue.fail(error);
    this.#end();
  }

  cancel(): void {
    this.failed(new QueryError('cancelled', 'the query was cancelled'));
  }

  #echoed(wave: number, report: Report, partials: readonly Partial[]): void {
    const execution = this.#execution;
    if (execution === null || this.#ended) return;
    this.#report.add(report);
    for (const { exchange, batch } of partials) execution.pushAtProxy(exchange, batch);
    if (wave + 1 < this.#request.plan.waves) {
      this.#root?.advance(wave + 1);
      execution.advance(wave + 1);
      return;
    }
    execution.completeInputs(wave);
    this.#coverage = coverageOf(this.#report.take(), this.#region);
    this.#queue.end();
    this.#end();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#deadline.cancel();
    this.#service.close(this.id);
  }
}

export function newQueryId(runtime: Runtime): QueryId {
  const word = () =>
    Math.floor(runtime.random() * 4_294_967_296)
      .toString(16)
      .padStart(8, '0');
  return word() + word();
}

/** The part of the key space that must answer; `null` for a query that reads no table. */
function regionOf({ dissemination }: PhysicalPlan): Region | null {
  switch (dissemination.kind) {
    case 'all':
      return wholeRing;
    case 'key':
      return { from: dissemination.key, to: successorOf(dissemination.key) };
    case 'none':
      return null;
  }
}

function successorOf(key: string): string {
  const next = (BigInt(`0x${key}`) + 1n) % (1n << 160n);
  return next.toString(16).padStart(40, '0');
}

/**
 * The nodes that hash exchanges of a query send to, fixed when it begins: every node then agrees where
 * equal keys meet, whoever joins or fails meanwhile. In a fleet larger than `rendezvousMax` they are
 * spread evenly over the ring.
 */
function rendezvousFor(plan: PhysicalPlan, overlay: Overlay): readonly Contact[] {
  if (!plan.opgraphs.some((graph) => graph.output?.kind === 'hash')) return [];
  if (plan.dissemination.kind === 'key') return overlay.replicas(plan.dissemination.key, 1);
  if (plan.dissemination.kind === 'none') return [overlay.self];
  const contacts = overlay.contacts();
  if (contacts.length <= rendezvousMax) return contacts;
  return Array.from(
    { length: rendezvousMax },
    (_, i) => contacts[Math.floor((i * contacts.length) / rendezvousMax)],
  ).filter((contact) => contact !== undefined);
}
