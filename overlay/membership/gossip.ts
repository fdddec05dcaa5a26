import {
  type GossipAckMessage,
  type GossipMessage,
  gossipNewsMax,
  type MemberName,
  type Message,
  type News,
} from '../messages.ts';
import type { Contact } from '../overlay.ts';
import type { Runtime, Timer } from '../runtime.ts';
import type { Budget } from './budget.ts';
import { nameIn, type RumourOptions, Rumours } from './rumours.ts';

export interface GossipOptions extends RumourOptions {
  readonly gossipEveryMs: number;
}

export interface GossipOutput {
  transmit(to: Contact, message: Message): void;
  /** Some member, by chance. */
  listener(): Contact | undefined;
  /** How many members this node knows. */
  members(): number;
  /** Considers a piece that was not known; returns whether to tell it on. */
  consider(news: News): boolean;
}

/** What a frame and its answer cost beside the news in it, some of them to strangers, and one piece, about. */
const frameBytes = 48;
const newsBytes = { joined: 32, left: 11, failed: 11 } as const;
/** Pieces that a round waits for, rather than spend its frame on fewer, when there are more than can be paid for. */
const batchMin = 8;
const unansweredMax = 16;

/** Rounds of telling: while there is news, one member at a time is told of it, as fast as the budget allows. */
export class Gossip {
  readonly #runtime: Runtime;
  readonly #options: GossipOptions;
  readonly #budget: Budget;
  readonly #output: GossipOutput;
  readonly #rumours: Rumours;
  /** What was told in frames of which no answer has come. */
  readonly #told = new Map<number, readonly MemberName[]>();
  #number = 0;
  #timer: Timer | null = null;
  #isClosed = false;

  constructor(runtime: Runtime, options: GossipOptions, budget: Budget, output: GossipOutput) {
    this.#runtime = runtime;
    this.#options = options;
    this.#budget = budget;
    this.#output = output;
    this.#rumours = new Rumours(options);
  }

  /** Something that this node saw itself. */
  tell(news: News): void {
    const nowMs = this.#runtime.now();
    if (this.#rumours.isKnown(news, nowMs)) return;
    this.#rumours.add(news, nowMs, this.#output.members());
    this.#arm();
  }

  onGossip(from: Contact, { number, news }: GossipMessage): void {
    const nowMs = this.#runtime.now();
    let known = 0;
    for (const [i, piece] of news.entries()) {
      if (this.#rumours.isKnown(piece, nowMs) || !this.#output.consider(piece)) known |= 1 << i;
      else this.#rumours.add(piece, nowMs, this.#output.members());
    }
    this.#output.transmit(from, { type: 'gossipAck', number, known: known >>> 0 });
    this.#arm();
  }

  onAck({ number, known }: GossipAckMessage): void {
    const names = this.#told.get(number);
    if (!names) return;
    this.#told.delete(number);
    this.#rumours.wear(names.filter((_, i) => (known >>> i) & 1));
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  #arm(): void {
    if (this.#timer || this.#isClosed || this.#rumours.isQuiet) return;
    // Neighbours who saw the same shall not all tell it in step.
    const delayMs = this.#options.gossipEveryMs * (0.5 + this.#runtime.random());
    this.#timer = this.#runtime.after(delayMs, () => {
      this.#timer = null;
      this.#round();
      this.#arm();
    });
  }

  #round(): void {
    const nowMs = this.#runtime.now();
    const listener = this.#output.listener();
    if (!listener || this.#budget.left(nowMs) < frameBytes + batchMin * newsBytes.joined) return;
    const affordable = Math.floor((this.#budget.left(nowMs) - frameBytes) / newsBytes.joined);
    const news = this.#rumours.tell(listener.id, Math.min(gossipNewsMax, affordable), nowMs);
    if (news.length === 0) return;
    this.#budget.take(
      news.reduce((sum, { kind }) => sum + newsBytes[kind], frameBytes),
      nowMs,
    );
    this.#number = (this.#number + 1) & 0xffff;
    this.#told.set(this.#number, news.map(nameIn));
    for (const oldest of this.#told.keys()) {
      if (this.#told.size <= unansweredMax) break;
      this.#told.delete(oldest);
    }
    this.#output.transmit(listener, { type: 'gossip', number: this.#number, news });
  }
}
