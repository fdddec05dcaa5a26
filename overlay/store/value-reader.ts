import { hash } from 'node:crypto';
import { encode } from '../codec.ts';
import { valuesApp } from '../control.ts';
import { Deadlines } from '../deadlines.ts';
import type { OverlayNode } from '../node.ts';
import { type Contact, OverlayError } from '../overlay.ts';
import { type ValueRequest, valueReply, valueRequest } from './messages.ts';
import { Sources } from './sources.ts';

/** What reading asks of a node. */
export type ReadingNode = Pick<OverlayNode, 'self' | 'runtime' | 'options' | 'replicas' | 'isSuspect' | 'ask'>;

interface Question {
  readonly copy: Contact;
  readonly askedAtMs: number;
}

/** One value that is being looked for. */
interface Search {
  readonly sha256: string;
  readonly request: Uint8Array;
  /** Copies that have not been asked yet. */
  readonly untried: Contact[];
  readonly found: (value: Uint8Array | null) => void;
  readonly failed: (error: unknown) => void;
  /** Under way, the latest last. */
  readonly waiting: Question[];
  /** When the next copy is asked whatever that costs. */
  overdueAtMs: number;
  isOver: boolean;
}

export interface ValueReaderCounters {
  /** Second questions to another copy, since the first was slower than usual. */
  hedges: number;
}

/**
 * Reads the values of immutable items from whichever copy is quick. They prove themselves: no copy need be complete,
 * up to date or honest. When an answer takes longer than that copy usually does, a second one is asked and the
 * first answer counts, for a bounded share of all reads.
 * @see Dean and Barroso, "The Tail at Scale", 2013: hedged requests
 */
export class ValueReader {
  readonly counters: ValueReaderCounters = { hedges: 0 };
  readonly #node: ReadingNode;
  readonly #sources: Sources;
  readonly #patience: Deadlines<Search>;
  #hedgesLeft: number;

  constructor(node: ReadingNode) {
    this.#node = node;
    this.#sources = new Sources(node.options);
    this.#patience = new Deadlines(node.runtime, (search) => this.#late(search));
    this.#hedgesLeft = node.options.hedgesBurst;
  }

  /** Null when no copy that answers has it. @throws OverlayError `closed` */
  read(what: ValueRequest): Promise<Uint8Array | null> {
    const { replicas, hedgesShare, hedgesBurst } = this.#node.options;
    const own = this.#node.self.id;
    const untried = this.#node.replicas(what.key, replicas).filter(({ id }) => id !== own);
    const { sha256 } = what;
    const request = encode(valueRequest, what);
    this.#hedgesLeft = Math.min(hedgesBurst, this.#hedgesLeft + hedgesShare);
    return new Promise((found, failed) => {
      this.#askNext({
        sha256,
        request,
        untried,
        found,
        failed,
        waiting: [],
        overdueAtMs: 0,
        isOver: false,
      });
    });
  }

  #askNext(search: Search): void {
    const nowMs = this.#node.runtime.now();
    const copy = this.#next(search.untried, nowMs);
    if (!copy) {
      if (search.waiting.length === 0) this.#end(search, null);
      return;
    }
    const question = { copy, askedAtMs: nowMs };
    search.waiting.push(question);
    search.overdueAtMs = nowMs + this.#sources.overdueMs(copy.id);
    if (search.untried.length === 0) this.#patience.met(search);
    else this.#patience.set(search, nowMs + this.#sources.patienceMs(copy.id));
    this.#sources.asked(copy.id);
    const { requestTimeoutMs: timeoutMs } = this.#node.options;
    const isWanted = (): boolean => !search.isOver;
    this.#node.ask(copy, valuesApp, search.request, valueReply, { timeoutMs, isWanted }).then(
      (value) => this.#answered(search, question, value),
      (error: unknown) => this.#unanswered(search, question, error),
    );
  }

  /** Takes a copy out of those untried; one that may be dead only when there is no other. */
  #next(untried: Contact[], nowMs: number): Contact | null {
    const trusted = untried.filter(({ id }) => !this.#node.isSuspect(id));
    const copy = this.#sources.choose(trusted.length > 0 ? trusted : untried, nowMs);
    if (copy) untried.splice(untried.indexOf(copy), 1);
    return copy;
  }

  #late(search: Search): void {
    const nowMs = this.#node.runtime.now();
    const latest = search.waiting.at(-1);
    if (latest) this.#sources.keptWaiting(latest.copy.id, nowMs - latest.askedAtMs, nowMs);
    const isOverdue = nowMs >= search.overdueAtMs;
    if (!isOverdue && this.#hedgesLeft < 1) {
      this.#patience.set(search, search.overdueAtMs);
      return;
    }
    if (!isOverdue) {
      this.#hedgesLeft -= 1;
      this.counters.hedges += 1;
    }
    this.#askNext(search);
  }

  #answered(search: Search, question: Question, value: Uint8Array | null): void {
    const { copy, askedAtMs } = question;
    const nowMs = this.#node.runtime.now();
    this.#sources.answered(copy.id, nowMs - askedAtMs, nowMs);
    if (search.isOver) return;
    search.waiting.splice(search.waiting.indexOf(question), 1);
    if (value && hash('sha256', value, 'hex') === search.sha256) {
      this.#end(search, value);
      return;
    }
    if (value) this.#sources.failed(copy.id, nowMs - askedAtMs, nowMs);
    else this.#sources.hadNothing(copy.id);
    this.#askNext(search);
  }

  #unanswered(search: Search, question: Question, error: unknown): void {
    const { copy, askedAtMs } = question;
    const nowMs = this.#node.runtime.now();
    this.#sources.failed(copy.id, nowMs - askedAtMs, nowMs);
    if (search.isOver) return;
    search.waiting.splice(search.waiting.indexOf(question), 1);
    if (error instanceof OverlayError && error.code !== 'closed') {
      this.#askNext(search);
      return;
    }
    this.#over(search);
    search.failed(error);
  }

  #end(search: Search, value: Uint8Array | null): void {
    this.#over(search);
    search.found(value);
  }

  /** Whoever has not answered until now is slower than one who has, at the least. */
  #over(search: Search): void {
    search.isOver = true;
    this.#patience.met(search);
    const nowMs = this.#node.runtime.now();
    for (const { copy, askedAtMs } of search.waiting) this.#sources.keptWaiting(copy.id, nowMs - askedAtMs, nowMs);
  }
}
