import { strict as assert } from 'node:assert';
import type { AckMessage, Acknowledgement, DataMessage, ResetMessage } from './messages.ts';
import type { AppId } from './overlay.ts';
import { RoundTrip, type RoundTripOptions } from './round-trip.ts';

export interface ChannelOptions extends RoundTripOptions {
  readonly giveUpAfterMs: number;
  readonly stuckAfterMs: number;
  readonly retransmitMaxMs: number;
  readonly ackDelayMs: number;
  readonly ackEveryBytes: number;
  readonly fragmentBytesMax: number;
  readonly payloadBytesMax: number;
  readonly windowInitialBytes: number;
  readonly windowMinBytes: number;
  readonly windowMaxBytes: number;
  readonly reorderBytesMax: number;
  readonly reorderFramesMax: number;
  readonly idleAfterMs: number;
}

export type ChannelMessage = Omit<DataMessage, 'incarnation'> | AckMessage | ResetMessage;

/** What a channel does to the world. */
export interface ChannelOutput {
  transmit(message: ChannelMessage): void;
  deliver(app: AppId, payload: Uint8Array): void;
  /** Payloads that were sent may not have arrived; the channel starts afresh with the next one. */
  lost(reason: string): void;
}

/** The peer broke the rules of the channel. */
export class ChannelViolation extends Error {
  override readonly name = 'ChannelViolation';
}

/** Transmissions of one fragment before a peer is given up, however much time seems to have passed. */
const attemptsMin = 8;
/** Added to a doubled round trip before the path counts as queueing. */
const queueingMs = 100;
const sackBits = 32;

interface Segment {
  readonly sequence: number;
  readonly app: AppId;
  readonly isLast: boolean;
  readonly payload: Uint8Array;
  sentAtMs: number;
  transmissions: number;
  arrived: boolean;
}

/**
 * One end of a conversation between two nodes: payloads arrive complete, in order and at most once, or
 * `lost` says that some may not have. A pure state machine: frames and the time go in, outputs come out.
 *
 * The sending half numbers fragments within a *session*; cumulative and selective acknowledgements ride on data
 * going back, or travel alone after a short delay. An overdue acknowledgement sends everything unacknowledged
 * again from a small window, since what usually loses one frame is a broken link that loses them all; a gap
 * below a selective acknowledgement is filled at once. The window shrinks when round trips grow beyond what the
 * path needs, so a bulk sender does not bury everybody's pings in a queue.
 */
export class Channel {
  readonly #options: ChannelOptions;
  readonly #output: ChannelOutput;
  readonly #roundTrip: RoundTrip;

  // The sending half.
  #session = 0;
  #sessions = 0;
  #segments: Segment[] = [];
  /** Index into `#segments` of the next one to transmit; those before it are on their way. */
  #next = 0;
  #nextSequence = 0;
  #isOpening = true;
  #onWayBytes = 0;
  #windowBytes: number;
  #timeouts = 0;
  #progressAtMs = 0;
  #activeAtMs = 0;

  // The receiving half.
  #peerSession = 0;
  #peerSessionOver = 0;
  #expected = 0;
  readonly #early = new Map<number, DataMessage>();
  #earlyBytes = 0;
  #parts: Uint8Array[] = [];
  #partsBytes = 0;
  #ackDueAtMs: number | null = null;
  #unackedBytes = 0;

  constructor(options: ChannelOptions, output: ChannelOutput) {
    this.#options = options;
    this.#output = output;
    this.#roundTrip = new RoundTrip(options);
    this.#windowBytes = options.windowInitialBytes;
  }

  /** Payload bytes sent or waiting to be, and not acknowledged. */
  get hasUnacknowledged(): boolean {
    return this.#segments.length > 0;
  }

  /** When anything was last sent or received in earnest. */
  get activeAtMs(): number {
    return this.#activeAtMs;
  }

  /** Accepts a payload, which must not be changed until it is acknowledged. */
  send(app: AppId, payload: Uint8Array, nowMs: number): void {
    const { payloadBytesMax, fragmentBytesMax, idleAfterMs } = this.#options;
    if (payload.length > payloadBytesMax)
      throw new RangeError(`a payload of ${payload.length} bytes exceeds ${payloadBytesMax}`);
    const isIdle = this.#segments.length === 0;
    if (this.#session === 0 || (isIdle && nowMs - this.#activeAtMs > idleAfterMs)) this.#open();
    if (isIdle) this.#progressAtMs = nowMs;
    let offset = 0;
    do {
      const end = Math.min(offset + fragmentBytesMax, payload.length);
      this.#segments.push({
        sequence: this.#nextSequence,
        app,
        isLast: end === payload.length,
        payload: payload.length <= fragmentBytesMax ? payload : payload.subarray(offset, end),
        sentAtMs: 0,
        transmissions: 0,
        arrived: false,
      });
      this.#nextSequence += 1;
      offset = end;
    } while (offset < payload.length);
    this.#pump(nowMs);
  }

  /** @throws ChannelViolation */
  onData(message: DataMessage, nowMs: number): void {
    this.onAcknowledgement(message.acknowledges, nowMs);
    if (message.session < this.#peerSession) return;
    if (message.session > this.#peerSession) {
      if (!message.isOpening || message.session <= this.#peerSessionOver) {
        this.#output.transmit({ type: 'reset', session: message.session });
        return;
      }
      this.#forgetReceived();
      this.#peerSession = message.session;
    }
    this.#activeAtMs = nowMs;
    const payloads = this.#receive(message, nowMs);
    // Last, since receivers answer at once and the answer carries the acknowledgement.
    for (const { app, payload } of payloads) this.#output.deliver(app, payload);
    if (this.#ackDueAtMs !== null && this.#ackDueAtMs <= nowMs) this.#acknowledge();
  }

  /** @throws ChannelViolation */
  onAcknowledgement({ session, next, sack }: Acknowledgement, nowMs: number): void {
    if (session === 0 || session !== this.#session) return;
    if (next > this.#nextSequence) throw new ChannelViolation('acknowledges what was never sent');
    this.#advance(next, nowMs);
    if (sack !== 0) this.#fillGaps(next, sack, nowMs);
    this.#pump(nowMs);
  }

  onReset(session: number): void {
    if (session === this.#session) this.lose('the peer has forgotten the conversation');
  }

  /** `heardAtMs`: when anything at all was last heard from the peer. */
  onTimer(nowMs: number, heardAtMs: number): void {
    if (this.#ackDueAtMs !== null && this.#ackDueAtMs <= nowMs) this.#acknowledge();
    const oldest = this.#segments[0];
    if (!oldest || this.#next === 0 || nowMs < this.#retransmitAtMs(oldest)) return;
    const { giveUpAfterMs, stuckAfterMs } = this.#options;
    const silentMs = nowMs - Math.max(this.#progressAtMs, heardAtMs);
    const isStuck = nowMs - this.#progressAtMs >= stuckAfterMs;
    if (oldest.transmissions >= attemptsMin && (silentMs >= giveUpAfterMs || isStuck)) {
      this.lose(isStuck ? 'the peer acknowledges nothing' : 'the peer is silent');
      return;
    }
    this.#timeouts += 1;
    this.#resend(nowMs);
  }

  /** The link broke, and what was on its way with it: sends it again over a new one. */
  retry(nowMs: number): void {
    if (this.#next > 0) this.#resend(nowMs);
  }

  /** When `onTimer` is due, in milliseconds; null when nothing is waited for. */
  timerAtMs(): number | null {
    const oldest = this.#segments[0];
    const retransmitAtMs = oldest && this.#next > 0 ? this.#retransmitAtMs(oldest) : null;
    if (retransmitAtMs === null) return this.#ackDueAtMs;
    return this.#ackDueAtMs === null ? retransmitAtMs : Math.min(retransmitAtMs, this.#ackDueAtMs);
  }

  /** Ends the session, whatever it still has to deliver. */
  lose(reason: string): void {
    const hadUnacknowledged = this.#segments.length > 0;
    this.#session = 0;
    this.#segments = [];
    this.#next = 0;
    this.#onWayBytes = 0;
    if (hadUnacknowledged) this.#output.lost(reason);
  }

  /** The peer is gone: both halves end, and the session that it was sending is refused should it come back. */
  abandon(reason: string): void {
    this.#peerSessionOver = this.#peerSession;
    this.#peerSession = 0;
    this.#forgetReceived();
    this.lose(reason);
  }

  /** Another life of the peer, which begins its count of sessions anew. */
  peerRestarted(reason: string): void {
    this.abandon(reason);
    this.#peerSessionOver = 0;
  }

  checkInvariants(): void {
    const onWay = this.#segments.slice(0, this.#next).filter((segment) => !segment.arrived);
    const bytes = onWay.reduce((sum, segment) => sum + segment.payload.length, 0);
    assert.equal(this.#onWayBytes, bytes, 'bytes on their way are counted');
    assert(this.#segments.length === 0 || this.#session !== 0, 'what is sent belongs to a session');
    for (const [i, segment] of this.#segments.entries()) {
      assert.equal(
        segment.sequence,
        this.#nextSequence - this.#segments.length + i,
        'sequence numbers are consecutive',
      );
    }
    assert(!this.#early.has(this.#expected), 'what can be delivered was');
  }

  // ---- Sending

  #open(): void {
    this.#sessions += 1;
    this.#session = this.#sessions;
    this.#nextSequence = 0;
    this.#isOpening = true;
    this.#timeouts = 0;
    this.#windowBytes = this.#options.windowInitialBytes;
  }

  #pump(nowMs: number): void {
    while (this.#next < this.#segments.length) {
      const segment = this.#segments[this.#next] as Segment;
      const { length } = segment.payload;
      const fits = this.#onWayBytes === 0 || this.#onWayBytes + length <= this.#windowBytes;
      if (!segment.arrived && !fits) return;
      this.#next += 1;
      if (segment.arrived) continue;
      this.#onWayBytes += length;
      this.#transmit(segment, nowMs);
    }
  }

  #transmit(segment: Segment, nowMs: number): void {
    segment.sentAtMs = nowMs;
    segment.transmissions += 1;
    this.#activeAtMs = nowMs;
    this.#output.transmit({
      type: 'data',
      session: this.#session,
      sequence: segment.sequence,
      acknowledges: this.#takeAcknowledgement(),
      app: segment.app,
      isOpening: this.#isOpening,
      isLast: segment.isLast,
      payload: segment.payload,
    });
  }

  #retransmitAtMs(oldest: Segment): number {
    // Backing off further would leave too few attempts before the peer is given up; the small window is enough.
    const onceMs = this.#roundTrip.timeoutMs();
    const waitMs = Math.min(this.#roundTrip.timeoutMs(this.#timeouts), Math.max(onceMs, this.#options.retransmitMaxMs));
    return oldest.sentAtMs + waitMs;
  }

  #resend(nowMs: number): void {
    this.#next = 0;
    this.#onWayBytes = 0;
    this.#windowBytes = Math.max(this.#options.windowMinBytes, this.#windowBytes / 2);
    this.#pump(nowMs);
  }

  /** Everything before `next` has arrived. */
  #advance(next: number, nowMs: number): void {
    let count = 0;
    let ackedBytes = 0;
    let sampleMs: number | null = null;
    for (const segment of this.#segments) {
      if (segment.sequence >= next) break;
      if (count < this.#next && !segment.arrived) this.#onWayBytes -= segment.payload.length;
      ackedBytes += segment.payload.length;
      // Karn's rule: the answer to a retransmission measures nothing.
      if (segment.transmissions === 1 && !segment.arrived) sampleMs = nowMs - segment.sentAtMs;
      count += 1;
    }
    if (count === 0) return;
    this.#segments.splice(0, count);
    this.#next = Math.max(0, this.#next - count);
    this.#isOpening = false;
    this.#timeouts = 0;
    this.#progressAtMs = nowMs;
    this.#activeAtMs = nowMs;
    if (sampleMs !== null) this.#measured(sampleMs, ackedBytes);
  }

  #measured(rttMs: number, ackedBytes: number): void {
    const { windowMinBytes, windowMaxBytes, ackDelayMs } = this.#options;
    this.#roundTrip.sample(rttMs);
    const isQueueing = rttMs > 2 * this.#roundTrip.leastMs + queueingMs + ackDelayMs;
    this.#windowBytes = isQueueing
      ? Math.max(windowMinBytes, this.#windowBytes * 0.8)
      : Math.min(windowMaxBytes, this.#windowBytes + ackedBytes);
  }

  #fillGaps(next: number, sack: number, nowMs: number): void {
    const highest = next + sackBits - Math.clz32(sack);
    const patienceMs = this.#roundTrip.timeoutMs() / 2;
    for (let i = 0; i < this.#next; i++) {
      const segment = this.#segments[i] as Segment;
      const bit = segment.sequence - next - 1;
      if (segment.sequence > highest) break;
      if (segment.arrived) continue;
      if (bit >= 0 && (sack >>> bit) & 1) {
        segment.arrived = true;
        this.#onWayBytes -= segment.payload.length;
      } else if (segment.transmissions === 1 || nowMs - segment.sentAtMs > patienceMs) {
        this.#transmit(segment, nowMs);
      }
    }
  }

  // ---- Receiving

  /** Files a fragment; returns the payloads that are complete now. */
  #receive(message: DataMessage, nowMs: number): { app: AppId; payload: Uint8Array }[] {
    const { reorderBytesMax, reorderFramesMax, ackDelayMs, ackEveryBytes } = this.#options;
    const ahead = message.sequence - this.#expected;
    if (ahead !== 0) {
      const fits = ahead < reorderFramesMax && this.#earlyBytes + message.payload.length <= reorderBytesMax;
      if (ahead > 0 && fits && !this.#early.has(message.sequence)) {
        this.#early.set(message.sequence, message);
        this.#earlyBytes += message.payload.length;
      }
      this.#ackDueAtMs = nowMs; // A gap or a repetition: the sender is waiting to hear what arrived.
      return [];
    }
    const complete: { app: AppId; payload: Uint8Array }[] = [];
    const filledGap = this.#early.size > 0;
    for (let next: DataMessage | undefined = message; next; next = this.#takeEarly(this.#expected)) {
      this.#expected += 1;
      this.#unackedBytes += next.payload.length;
      const payload = this.#assemble(next);
      if (payload) complete.push({ app: next.app, payload });
    }
    const isUrgent = filledGap || this.#unackedBytes >= ackEveryBytes;
    this.#ackDueAtMs = isUrgent ? nowMs : (this.#ackDueAtMs ?? nowMs + ackDelayMs);
    return complete;
  }

  #takeEarly(sequence: number): DataMessage | undefined {
    const message = this.#early.get(sequence);
    if (message) {
      this.#early.delete(sequence);
      this.#earlyBytes -= message.payload.length;
    }
    return message;
  }

  #assemble({ payload, isLast }: DataMessage): Uint8Array | null {
    if (isLast && this.#parts.length === 0) return payload;
    this.#parts.push(payload);
    this.#partsBytes += payload.length;
    if (this.#partsBytes > this.#options.payloadBytesMax) throw new ChannelViolation('a payload grows without end');
    if (!isLast) return null;
    const whole = new Uint8Array(this.#partsBytes);
    let offset = 0;
    for (const part of this.#parts) {
      whole.set(part, offset);
      offset += part.length;
    }
    this.#parts = [];
    this.#partsBytes = 0;
    return whole;
  }

  #forgetReceived(): void {
    this.#expected = 0;
    this.#early.clear();
    this.#earlyBytes = 0;
    this.#parts = [];
    this.#partsBytes = 0;
    this.#ackDueAtMs = null;
    this.#unackedBytes = 0;
  }

  #acknowledge(): void {
    this.#output.transmit({ type: 'ack', acknowledges: this.#takeAcknowledgement() });
  }

  #takeAcknowledgement(): Acknowledgement {
    this.#ackDueAtMs = null;
    this.#unackedBytes = 0;
    if (this.#peerSession === 0) return { session: 0, next: 0, sack: 0 };
    let sack = 0;
    if (this.#early.size > 0) {
      for (let bit = 0; bit < sackBits; bit++) if (this.#early.has(this.#expected + 1 + bit)) sack |= 1 << bit;
    }
    return { session: this.#peerSession, next: this.#expected, sack: sack >>> 0 };
  }
}
