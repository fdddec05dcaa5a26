import { type Batch, concatBatches, QueryError } from '../../columnar/index.ts';
import { RegionSet, type Timer, wholeRing } from '../../overlay/index.ts';
import type { PhysicalPlan } from '../../planner/index.ts';
import type { EpochAnswer } from '../session.ts';
import { alwaysReady } from './exchange.ts';
import type { QueryId } from './messages.ts';
import { newQueryId } from './query-run.ts';
import type { QueryOwner, QueryService } from './query-service.ts';
import { coverageOf, ReportBuilder } from './report.ts';

/** An epoch that takes longer than both this and the interval ends with what has arrived. */
const epochDeadlineMinMs = 5_000;
/** No further epoch begins while the client has this many answers to read. */
const answersWaitingMax = 16;

export interface SubscriptionRequest {
  readonly sql: string;
  readonly plan: PhysicalPlan;
  readonly everyMs: number;
  /** `null`: until cancelled. */
  readonly forMs: number | null;
  readonly memoryBytesMax: number;
}

interface RunningEpoch {
  /** When it ends with what has arrived. */
  readonly expiry: Timer;
  /** Known, but those of earlier epochs are not. */
  answer: EpochAnswer | null;
}

/**
 * A standing query at its proxy. Each epoch spreads anew over the members of that moment, so who joined
 * takes part at once and who died is not waited for, and is tiled and counted like any query's answer.
 * Epochs are numbered by time: epoch k begins k intervals after 1970.
 */
export class Subscription implements QueryOwner {
  readonly id: QueryId;
  readonly #service: QueryService;
  readonly #request: SubscriptionRequest;
  readonly #answers: EpochAnswer[] = [];
  /** Epochs under way, oldest first: answers are given in order. */
  readonly #running = new Map<number, RunningEpoch>();
  #epochsLeft: number;
  #lastEpoch = 0;
  #timer: Timer | null = null;
  #error: unknown = null;
  #ended = false;
  #wake: (() => void) | null = null;

  constructor(service: QueryService, request: SubscriptionRequest) {
    this.id = newQueryId(service.runtime);
    this.#service = service;
    this.#request = request;
    this.#epochsLeft =
      request.forMs === null ? Number.POSITIVE_INFINITY : Math.max(1, Math.ceil(request.forMs / request.everyMs));
    service.open(
      {
        ...request,
        id: this.id,
        rendezvous: [],
        deadlineAtMs: Number.POSITIVE_INFINITY,
      },
      this,
    );
  }

  start(): void {
    this.#beginEpoch();
  }

  async *epochs(): AsyncGenerator<EpochAnswer, void, undefined> {
    try {
      for (;;) {
        const answer = this.#answers.shift();
        if (answer !== undefined) yield answer;
        else if (this.#error !== null) throw this.#error;
        else if (this.#ended) return;
        else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
      }
    } finally {
      this.#end();
    }
  }

  cancel(): void {
    this.failed(new QueryError('cancelled', 'the subscription was cancelled'));
  }

  failed(error: QueryError): void {
    this.#error ??= error;
    this.#end();
  }

  #beginEpoch(): void {
    if (this.#ended) return;
    const { everyMs } = this.#request;
    const now = this.#service.runtime.now();
    // Timers may fire a little early: an epoch is never begun twice.
    const epoch = Math.max(Math.floor(now / everyMs), this.#lastEpoch + 1);
    this.#lastEpoch = epoch;
    if (this.#answers.length < answersWaitingMax) {
      this.#epochsLeft -= 1;
      try {
        this.#runEpoch(epoch);
      } catch (error) {
        this.failed(error instanceof QueryError ? error : new QueryError('internal', String(error), { cause: error }));
      }
    }
    if (this.#epochsLeft > 0 && !this.#ended) {
      this.#timer = this.#service.runtime.after((epoch + 1) * everyMs - now, () => this.#beginEpoch());
    }
  }

  #runEpoch(epoch: number): void {
    const { runtime } = this.#service;
    const { plan, everyMs } = this.#request;
    const rows: Batch[] = [];
    const results = alwaysReady((batch) => void rows.push(batch));
    const { execution, root } = this.#service.engageRoot(this.id, epoch, RegionSet.whole(), results, {
      contact: null,
      dropped: () => {},
      echo: (wave, report, partials) => {
        this.#running.get(epoch)?.expiry.cancel();
        for (const { exchange, batch } of partials) execution.pushAtProxy(exchange, batch);
        execution.completeInputs(wave);
        this.#service.closeEpoch(this.id, epoch);
        const total = new ReportBuilder();
        total.add(report);
        this.#answered({
          epoch,
          atMs: runtime.now(),
          batch: concatBatches(plan.schema, rows),
          coverage: coverageOf(total.take(), wholeRing),
        });
      },
    });
    const expiry = runtime.after(Math.max(everyMs, epochDeadlineMinMs), () => root.expire());
    this.#running.set(epoch, { expiry, answer: null });
  }

  #answered(answer: EpochAnswer): void {
    const running = this.#running.get(answer.epoch);
    if (this.#ended || running === undefined) return;
    running.answer = answer;
    for (const [epoch, { answer: known }] of this.#running) {
      if (known === null) break;
      this.#running.delete(epoch);
      this.#answers.push(known);
    }
    if (this.#epochsLeft === 0 && this.#running.size === 0) this.#end();
    this.#notify();
  }

  #end(): void {
    if (!this.#ended) {
      this.#ended = true;
      this.#timer?.cancel();
      for (const { expiry } of this.#running.values()) expiry.cancel();
      this.#service.close(this.id);
    }
    this.#notify();
  }

  #notify(): void {
    this.#wake?.();
    this.#wake = null;
  }
}
