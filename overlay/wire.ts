import { strict as assert } from 'node:assert';
import { ChannelViolation } from './channel.ts';
import { CodecError } from './codec.ts';
import type { Log } from './defaults.ts';
import { Introductions } from './introductions.ts';
import {
  decodeFrame,
  type Envelope,
  encodeBriefFrame,
  encodeFrame,
  isBrief,
  type MemberName,
  type Message,
  type MessageHandlers,
  nameOf,
} from './messages.ts';
import type { AppId, Contact, Key } from './overlay.ts';
import { type Address, frameBytesMax, type Runtime, type Transport } from './runtime.ts';

/** Whom a frame is for; a null id is whoever lives at the address. */
export interface Target {
  readonly id: Key | null;
  readonly address: Address;
}

export interface WireCounters {
  framesIn: number;
  framesOut: number;
  bytesIn: number;
  bytesOut: number;
  /** Frames that were no message of ours; each closed its link. */
  framesMalformed: number;
  /** Payloads of valid frames that their app could not read. */
  payloadsMalformed: number;
  /** Frames meant for another node, such as the one that lived at this address before. */
  framesMisdirected: number;
  /** Frames whose brief header stood for nothing known here. */
  framesUnknown: number;
}

export interface WireOptions {
  readonly runtime: Runtime;
  readonly transport: Transport;
  readonly self: Contact;
  readonly incarnation: number;
  /** How long a peer that is silent is remembered to know this node. */
  readonly forgetAfterMs: number;
  readonly log: Log;
}

/** Messages out and in: the codec, the envelope, and what happens to nonsense. */
export class Wire {
  readonly counters: WireCounters = {
    framesIn: 0,
    framesOut: 0,
    bytesIn: 0,
    bytesOut: 0,
    framesMalformed: 0,
    payloadsMalformed: 0,
    framesMisdirected: 0,
    framesUnknown: 0,
  };
  /** Whether this node belongs to the ring: each frame says so. */
  isMember = false;
  /** Whether frames are heard: others may have more to say than a node can take that does not know yet what it has itself. */
  isListening = true;
  readonly #options: WireOptions;
  readonly #name: MemberName;
  readonly #introductions: Introductions;

  constructor(options: WireOptions) {
    this.#options = options;
    this.#name = nameOf(options.self.id);
    this.#introductions = new Introductions(options.self.id, options.incarnation, options.forgetAfterMs / 2);
  }

  /** `heard` is told of the sender before the message is handled, and answers with its contact. */
  start(heard: (envelope: Envelope, from: Address) => Contact, handlers: MessageHandlers): void {
    const { runtime, transport } = this.#options;
    transport.onFrame((from, frame) => {
      if (!this.isListening) return;
      this.counters.framesIn += 1;
      this.counters.bytesIn += frame.length;
      try {
        const envelope = decodeFrame(frame, (check) => this.#introductions.expand(from, check, runtime.now()));
        if (envelope) this.#receive(from, envelope, isBrief(frame), heard, handlers);
        else {
          this.counters.framesUnknown += 1;
          this.send({ id: null, address: from }, { type: 'unknown' });
        }
      } catch (error) {
        if (!(error instanceof CodecError || error instanceof ChannelViolation)) throw error;
        this.reject(from, error.message);
      }
    });
  }

  send(to: Target, message: Message): void {
    const { self, incarnation, transport, runtime } = this.#options;
    const check = this.#introductions.check(to, this.isMember, runtime.now());
    const frame =
      check === null || message.type === 'data'
        ? encodeFrame({
            sender: self.id,
            incarnation,
            isMember: this.isMember,
            target: to.id && nameOf(to.id),
            message,
          })
        : encodeBriefFrame(check, message);
    if (frame.length > frameBytesMax) assert.fail(`a ${message.type} of ${frame.length} bytes fits no frame`);
    this.counters.framesOut += 1;
    this.counters.bytesOut += frame.length;
    transport.send(to.address, frame);
  }

  /** Forgets who was silent since `beforeMs`. */
  forgetSilent(beforeMs: number): void {
    this.#introductions.forgetSilent(beforeMs);
  }

  /** A peer sent nonsense. */
  reject(from: Address, reason: string): void {
    this.counters.framesMalformed += 1;
    this.#options.log('warn', 'malformed frame', { from, reason });
    this.#options.transport.reject(from, reason);
  }

  /**
   * Runs an app's upcall; false when it found the payload malformed.
   * @param author where the payload was made; null where that is not known, or this node itself: then nobody is cut off
   * @param via who sent the frame, for the log
   */
  guard(author: Address | null, via: Address, app: AppId, run: () => void): boolean {
    try {
      run();
      return true;
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      this.rejectPayload(author, via, app, error);
      return false;
    }
  }

  /** An app could not read a payload: see `guard`. */
  rejectPayload(author: Address | null, via: Address, app: AppId, { message: reason }: CodecError): void {
    this.counters.payloadsMalformed += 1;
    this.#options.log('warn', 'malformed payload', { from: via, app, reason, linkClosed: author !== null });
    if (author !== null) this.#options.transport.reject(author, reason);
  }

  #receive(
    from: Address,
    envelope: Envelope,
    isIntroduced: boolean,
    heard: (envelope: Envelope, from: Address) => Contact,
    handlers: MessageHandlers,
  ): void {
    const { self, runtime } = this.#options;
    const { sender, target, message } = envelope;
    const isForAnother = target !== null && target !== this.#name;
    if (sender === self.id || isForAnother) {
      this.counters.framesMisdirected += 1;
      if (isForAnother && message.type !== 'stranger') {
        this.send({ id: sender, address: from }, { type: 'stranger', meant: target });
      }
      return;
    }
    const isComplaint = message.type === 'unknown' || message.type === 'stranger';
    // Before the introduction of another inhabitant takes the place of the one who was meant.
    const meant = isComplaint ? this.#introductions.forgotten(from) : null;
    if (!isIntroduced) this.#introductions.heard(from, envelope, runtime.now());
    const contact = heard(envelope, from);
    if (isComplaint) {
      const isOld = message.type === 'stranger' && meant !== null && nameOf(meant) !== message.meant;
      if (meant !== null && meant !== sender && !isOld) handlers.stranger(contact, meant);
      return;
    }
    const handle = handlers[message.type] as (from: Contact, message: Message, envelope: Envelope) => void;
    handle(contact, message, envelope);
  }
}
