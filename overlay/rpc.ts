import { CodecError } from './codec.ts';
import type { Log } from './defaults.ts';
import { decodeRefusal, encodeRefusal, type Message, type ReplyMessage, type RequestMessage } from './messages.ts';
import { type AppId, type Contact, type Key, OverlayError } from './overlay.ts';
import type { Runtime, Timer } from './runtime.ts';
import type { Target } from './wire.ts';

export interface RpcOptions {
  readonly requestTimeoutMs: number;
  readonly requestBytesMax: number;
  readonly answersRememberedMs: number;
  readonly answersMax: number;
  readonly answersBytesMax: number;
  readonly requestsInWorkMax: number;
}

export interface RpcOutput {
  transmit(to: Target, message: Message): void;
  /** The app's answer to a request; may throw. */
  answer(from: Contact, app: AppId, payload: Uint8Array): Promise<Uint8Array> | Uint8Array;
  /** How long to wait for an answer before asking again. */
  timeoutMs(id: Key | null, attempt: number): number;
  /** The app could not read the request: there will be no answer. */
  malformed(from: Contact, app: AppId, error: CodecError): void;
  /** A request had no answer in that time. */
  unanswered(to: Target): void;
}

export interface RpcCounters {
  requestsOut: number;
  requestsRetried: number;
  requestsFailed: number;
  requestsIn: number;
}

interface Pending {
  readonly to: Target;
  readonly message: RequestMessage;
  readonly deadlineMs: number;
  readonly resolve: (reply: Uint8Array) => void;
  readonly reject: (error: OverlayError) => void;
  attempt: number;
  timer: Timer | null;
}

interface Answer {
  readonly message: ReplyMessage;
  readonly atMs: number;
}

/**
 * Questions and answers in single frames. A question is repeated until it is answered; the answering side
 * remembers its answers for a while, so a repetition is answered without being worked on again.
 */
export class Rpc {
  readonly counters: RpcCounters = { requestsOut: 0, requestsRetried: 0, requestsFailed: 0, requestsIn: 0 };
  readonly #runtime: Runtime;
  readonly #options: RpcOptions;
  readonly #output: RpcOutput;
  readonly #log: Log;
  readonly #pending = new Map<number, Pending>();
  #nextRequest: number;
  #isClosed = false;

  /** By peer, life and request; oldest first. */
  readonly #answers = new Map<string, Answer>();
  #answersBytes = 0;
  readonly #inWork = new Set<string>();

  constructor(runtime: Runtime, options: RpcOptions, output: RpcOutput, log: Log) {
    this.#runtime = runtime;
    this.#options = options;
    this.#output = output;
    this.#log = log;
    this.#nextRequest = Math.floor(runtime.random() * 2 ** 31);
  }

  // ---- Asking

  request(
    to: Target,
    app: AppId,
    payload: Uint8Array,
    timeoutMs = this.#options.requestTimeoutMs,
  ): Promise<Uint8Array> {
    if (this.#isClosed) return Promise.reject(new OverlayError('closed', 'this node is closed'));
    const { requestBytesMax } = this.#options;
    if (payload.length > requestBytesMax) {
      return Promise.reject(
        new OverlayError('refused', `a request of ${payload.length} bytes exceeds ${requestBytesMax}`),
      );
    }
    this.counters.requestsOut += 1;
    this.#nextRequest = (this.#nextRequest + 1) >>> 0;
    const message: RequestMessage = { type: 'request', request: this.#nextRequest, app, payload };
    return new Promise((resolve, reject) => {
      const deadlineMs = this.#runtime.now() + timeoutMs;
      const pending: Pending = { to, message, deadlineMs, resolve, reject, attempt: 0, timer: null };
      this.#pending.set(message.request, pending);
      this.#ask(pending);
    });
  }

  onReply(from: Contact, message: ReplyMessage): void {
    const pending = this.#pending.get(message.request);
    if (!pending || pending.to.address !== from.address) return;
    const refusal = message.outcome === 'ok' ? null : decodeRefusal(message.payload);
    this.#settle(pending);
    if (message.outcome === 'ok') pending.resolve(message.payload);
    else this.#fail(pending, new OverlayError(message.outcome, refusal ?? 'refused'));
  }

  /** Whether the peer owes an answer. */
  isAsking(id: Key): boolean {
    for (const { to } of this.#pending.values()) if (to.id === id) return true;
    return false;
  }

  /** Whoever it was is dead, gone or another: its questions fail at once. */
  abandon(id: Key, reason: string): void {
    for (const pending of [...this.#pending.values()]) {
      if (pending.to.id !== id) continue;
      this.#settle(pending);
      this.#fail(pending, new OverlayError('unreachable', `${pending.to.address}: ${reason}`));
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const pending of [...this.#pending.values()]) {
      this.#settle(pending);
      this.#fail(pending, new OverlayError('closed', 'this node is closed'));
    }
  }

  #ask(pending: Pending): void {
    const { to, message, deadlineMs } = pending;
    this.#output.transmit(to, message);
    const leftMs = deadlineMs - this.#runtime.now();
    const waitMs = this.#output.timeoutMs(to.id, pending.attempt);
    pending.timer = this.#runtime.after(Math.min(waitMs, leftMs), () => {
      this.#output.unanswered(to);
      if (!this.#pending.has(message.request)) return;
      if (waitMs < leftMs) {
        pending.attempt += 1;
        this.counters.requestsRetried += 1;
        this.#ask(pending);
        return;
      }
      this.#settle(pending);
      this.#fail(pending, new OverlayError('timeout', `no answer from ${to.address} in time`));
    });
  }

  #settle(pending: Pending): void {
    pending.timer?.cancel();
    this.#pending.delete(pending.message.request);
  }

  #fail(pending: Pending, error: OverlayError): void {
    this.counters.requestsFailed += 1;
    pending.reject(error);
  }

  // ---- Answering

  onRequest(from: Contact, incarnation: number, message: RequestMessage): void {
    if (this.#isClosed) return;
    const name = `${from.id}/${incarnation}/${message.request}`;
    const answered = this.#answers.get(name);
    if (answered) {
      this.#output.transmit(from, answered.message);
      return;
    }
    if (this.#inWork.has(name)) return;
    this.counters.requestsIn += 1;
    if (this.#inWork.size >= this.#options.requestsInWorkMax) {
      this.#answer(
        from,
        name,
        this.#refusal(message.request, new OverlayError('refused', 'too many requests in work')),
      );
      return;
    }
    this.#inWork.add(name);
    void this.#work(from, name, message);
  }

  async #work(from: Contact, name: string, message: RequestMessage): Promise<void> {
    let reply: ReplyMessage;
    try {
      const result = this.#output.answer(from, message.app, message.payload);
      const payload = result instanceof Uint8Array ? result : await result;
      const { requestBytesMax } = this.#options;
      if (payload.length > requestBytesMax) {
        throw new OverlayError('refused', `an answer of ${payload.length} bytes exceeds ${requestBytesMax}`);
      }
      reply = { type: 'reply', request: message.request, outcome: 'ok', payload };
    } catch (error) {
      if (error instanceof CodecError) {
        this.#inWork.delete(name);
        if (!this.#isClosed) this.#output.malformed(from, message.app, error);
        return;
      }
      reply = this.#refusal(message.request, error);
    }
    this.#inWork.delete(name);
    if (!this.#isClosed) this.#answer(from, name, reply);
  }

  #refusal(request: number, error: unknown): ReplyMessage {
    const outcome = error instanceof OverlayError ? error.code : 'refused';
    const reason = error instanceof Error ? error.message : String(error);
    if (!(error instanceof OverlayError)) this.#log('warn', 'a request failed', { reason });
    return { type: 'reply', request, outcome, payload: encodeRefusal(reason) };
  }

  #answer(to: Contact, name: string, message: ReplyMessage): void {
    const nowMs = this.#runtime.now();
    this.#answers.set(name, { message, atMs: nowMs });
    this.#answersBytes += message.payload.length;
    const { answersMax, answersBytesMax, answersRememberedMs } = this.#options;
    for (const [oldest, answer] of this.#answers) {
      const isOver = this.#answers.size > answersMax || this.#answersBytes > answersBytesMax;
      if (!isOver && nowMs - answer.atMs <= answersRememberedMs) break;
      this.#answers.delete(oldest);
      this.#answersBytes -= answer.message.payload.length;
    }
    this.#output.transmit(to, message);
  }
}
