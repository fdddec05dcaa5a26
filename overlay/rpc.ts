import { Answers, type AnswersOptions, type RequestName } from './answers.ts';
import { type Codec, CodecError, decode } from './codec.ts';
import { Deadlines } from './deadlines.ts';
import type { Log } from './defaults.ts';
import { decodeRefusal, encodeRefusal, type Message, type ReplyMessage, type RequestMessage } from './messages.ts';
import { type AppId, type Contact, type Key, OverlayError, type RequestOptions } from './overlay.ts';
import type { Address, Runtime } from './runtime.ts';
import type { Target } from './wire.ts';

export interface RpcOptions extends AnswersOptions {
  readonly requestTimeoutMs: number;
  readonly requestBytesMax: number;
  readonly requestsInWorkMax: number;
}

export interface RpcOutput {
  transmit(to: Target, message: Message): void;
  /** The app's answer to a request; may throw. */
  answer(from: Contact, app: AppId, payload: Uint8Array): Promise<Uint8Array> | Uint8Array;
  /** The app's answer, had at once, to a request that is safe to repeat; undefined when the app has other ones. May throw. */
  read(from: Contact, app: AppId, payload: Uint8Array): Uint8Array | undefined;
  /** How long to wait for an answer before asking again. */
  timeoutMs(id: Key | null, attempt: number): number;
  /** A request, or the answer to one, could not be read. */
  malformed(from: Target, app: AppId, error: CodecError): void;
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
  readonly answered: (reply: Uint8Array) => void;
  readonly reject: (error: OverlayError) => void;
  readonly isWanted: RequestOptions['isWanted'];
  attempt: number;
  /** There is no time for another attempt. */
  isLast: boolean;
}

/**
 * Questions and answers in single frames. A question is repeated until it is answered; the answering side
 * remembers its answers for a while, so a repetition is answered without being worked on again. What is
 * safe to repeat is answered anew instead: the answers to reads would be most of what is remembered.
 */
export class Rpc {
  readonly counters: RpcCounters = { requestsOut: 0, requestsRetried: 0, requestsFailed: 0, requestsIn: 0 };
  readonly #runtime: Runtime;
  readonly #options: RpcOptions;
  readonly #output: RpcOutput;
  readonly #log: Log;
  readonly #pending = new Map<number, Pending>();
  readonly #deadlines: Deadlines<Pending>;
  readonly #answers: Answers;
  #nextRequest: number;
  #isClosed = false;

  constructor(runtime: Runtime, options: RpcOptions, output: RpcOutput, log: Log) {
    this.#runtime = runtime;
    this.#options = options;
    this.#output = output;
    this.#log = log;
    this.#deadlines = new Deadlines(runtime, (pending) => this.#unanswered(pending));
    this.#answers = new Answers(options);
    this.#nextRequest = Math.floor(runtime.random() * 2 ** 31);
  }

  // ---- Asking

  request(to: Target, app: AppId, payload: Uint8Array, options?: RequestOptions): Promise<Uint8Array> {
    return this.#begin(to, app, payload, (reply) => reply, options);
  }

  /** The same, for an answer that is read with a codec. @throws OverlayError `unreachable`, too, when it cannot be */
  ask<T>(to: Target, app: AppId, payload: Uint8Array, answer: Codec<T>, options?: RequestOptions): Promise<T> {
    return this.#begin(to, app, payload, (reply) => this.#read(to, app, answer, reply), options);
  }

  #begin<T>(
    to: Target,
    app: AppId,
    payload: Uint8Array,
    read: (reply: Uint8Array) => T,
    { timeoutMs = this.#options.requestTimeoutMs, isWanted }: RequestOptions = {},
  ): Promise<T> {
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
      const answered = (reply: Uint8Array): void => {
        try {
          resolve(read(reply));
        } catch (error) {
          reject(error);
        }
      };
      const pending: Pending = { to, message, deadlineMs, answered, reject, isWanted, attempt: 0, isLast: false };
      this.#pending.set(message.request, pending);
      this.#ask(pending);
    });
  }

  #read<T>(to: Target, app: AppId, answer: Codec<T>, reply: Uint8Array): T {
    try {
      return decode(answer, reply);
    } catch (cause) {
      if (!(cause instanceof CodecError)) throw cause;
      this.#output.malformed(to, app, cause);
      throw new OverlayError('unreachable', `${to.address} gives an answer that is none: ${cause.message}`, { cause });
    }
  }

  onReply(from: Contact, message: ReplyMessage): void {
    const pending = this.#pending.get(message.request);
    if (!pending) return;
    // Whoever was asked by an address alone may go by another one, as `localhost` does.
    const { id, address } = pending.to;
    if (id !== null && address !== from.address) return;
    const refusal = message.outcome === 'ok' ? null : decodeRefusal(message.payload);
    this.#settle(pending);
    if (message.outcome === 'ok') pending.answered(message.payload);
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

  /** Nobody can be reached at the address: questions to whoever lives there fail at once. Members may yet be heard. */
  linkDown(address: Address, reason: string): void {
    for (const pending of [...this.#pending.values()]) {
      if (pending.to.id !== null || pending.to.address !== address) continue;
      this.#settle(pending);
      this.#fail(pending, new OverlayError('unreachable', `${address}: ${reason}`));
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const pending of [...this.#pending.values()]) {
      this.#settle(pending);
      this.#fail(pending, new OverlayError('closed', 'this node is closed'));
    }
    this.#deadlines.clear();
  }

  #ask(pending: Pending): void {
    const { to, message, deadlineMs } = pending;
    this.#output.transmit(to, message);
    const retryAtMs = this.#runtime.now() + this.#output.timeoutMs(to.id, pending.attempt);
    pending.isLast = retryAtMs >= deadlineMs;
    this.#deadlines.set(pending, Math.min(retryAtMs, deadlineMs));
  }

  #unanswered(pending: Pending): void {
    const { to, message } = pending;
    this.#output.unanswered(to);
    if (!this.#pending.has(message.request)) return;
    const isWanted = pending.isWanted?.() ?? true;
    if (isWanted && !pending.isLast) {
      pending.attempt += 1;
      this.counters.requestsRetried += 1;
      this.#ask(pending);
      return;
    }
    this.#settle(pending);
    this.#fail(pending, new OverlayError('timeout', `no answer from ${to.address} in time`));
  }

  #settle(pending: Pending): void {
    this.#deadlines.met(pending);
    this.#pending.delete(pending.message.request);
  }

  #fail(pending: Pending, error: OverlayError): void {
    this.counters.requestsFailed += 1;
    pending.reject(error);
  }

  // ---- Answering

  onRequest(from: Contact, incarnation: number, message: RequestMessage): void {
    if (this.#isClosed) return;
    if (this.#answerRead(from, message)) return;
    const name: RequestName = { asker: from.id, incarnation, request: message.request };
    const answered = this.#answers.find(name);
    if (answered) this.#output.transmit(from, answered);
    if (answered !== undefined) return;
    this.counters.requestsIn += 1;
    this.#answers.begin(name);
    if (this.#answers.inWork > this.#options.requestsInWorkMax) {
      const refusal = this.#refusal(message.request, new OverlayError('refused', 'too many requests in work'));
      this.#answer(from, name, refusal);
      return;
    }
    void this.#work(from, name, message);
  }

  /** False when the request is not safe to repeat. */
  #answerRead(from: Contact, { request, app, payload }: RequestMessage): boolean {
    let reply: ReplyMessage;
    try {
      const read = this.#output.read(from, app, payload);
      if (!read) return false;
      reply = this.#reply(request, read);
    } catch (error) {
      if (error instanceof CodecError) {
        this.#output.malformed(from, app, error);
        return true;
      }
      reply = this.#refusal(request, error);
    }
    this.counters.requestsIn += 1;
    this.#output.transmit(from, reply);
    return true;
  }

  async #work(from: Contact, name: RequestName, message: RequestMessage): Promise<void> {
    let reply: ReplyMessage;
    try {
      const result = this.#output.answer(from, message.app, message.payload);
      reply = this.#reply(message.request, result instanceof Uint8Array ? result : await result);
    } catch (error) {
      if (error instanceof CodecError) {
        this.#answers.abandon(name);
        if (!this.#isClosed) this.#output.malformed(from, message.app, error);
        return;
      }
      reply = this.#refusal(message.request, error);
    }
    if (!this.#isClosed) this.#answer(from, name, reply);
  }

  /** @throws OverlayError `refused` when it is too long */
  #reply(request: number, payload: Uint8Array): ReplyMessage {
    const { requestBytesMax } = this.#options;
    if (payload.length > requestBytesMax) {
      throw new OverlayError('refused', `an answer of ${payload.length} bytes exceeds ${requestBytesMax}`);
    }
    return { type: 'reply', request, outcome: 'ok', payload };
  }

  #refusal(request: number, error: unknown): ReplyMessage {
    const outcome = error instanceof OverlayError ? error.code : 'refused';
    const reason = error instanceof Error ? error.message : String(error);
    if (!(error instanceof OverlayError)) this.#log('warn', 'a request failed', { reason });
    return { type: 'reply', request, outcome, payload: encodeRefusal(reason) };
  }

  #answer(to: Contact, name: RequestName, message: ReplyMessage): void {
    this.#answers.give(name, message, this.#runtime.now());
    this.#output.transmit(to, message);
  }
}
