import { Channel, type ChannelMessage, type ChannelOptions } from './channel.ts';
import type { DataMessage, Message } from './messages.ts';
import type { AppId, Contact, Key } from './overlay.ts';
import type { Address, Runtime, Timer } from './runtime.ts';

export interface LinkOptions extends ChannelOptions {
  readonly forgetAfterMs: number;
  readonly watchIdleMs: number;
  readonly watchRetryMs: number;
  readonly watchGiveUpMs: number;
  readonly reopenAfterMs: number;
}

/** What links do to the rest of the node. */
export interface LinkOutput {
  transmit(to: Contact, message: Message): void;
  deliver(from: Contact, app: AppId, payload: Uint8Array): void;
  ping(to: Contact): void;
  /** A peer was given up here; others may judge whether it is dead. */
  lost(peer: Contact, reason: string): void;
  /** The life of the peer that was heard last; 0 when none was. */
  incarnationOf(id: Key): number;
}

export interface LinkCounters {
  /** Data fragments sent, repetitions included. */
  fragmentsOut: number;
  acksOut: number;
  peersLost: number;
}

interface Link {
  contact: Contact;
  readonly channel: Channel;
  readonly watchers: Set<(reason: string) => void>;
  heardAtMs: number;
  /** Pings that the watch has sent since anything was heard, and the time of the last. */
  pings: number;
  pingedAtMs: number;
  /** Times the link broke since anything was heard. */
  breaks: number;
  reopenAtMs: number | null;
  timer: Timer | null;
  timerAtMs: number;
}

/** The conversations of a node, one channel a peer, and the watches over peers. Owns their timers. */
export class Links {
  readonly counters: LinkCounters = { fragmentsOut: 0, acksOut: 0, peersLost: 0 };
  readonly #runtime: Runtime;
  readonly #options: LinkOptions;
  readonly #incarnation: number;
  readonly #output: LinkOutput;
  readonly #links = new Map<Key, Link>();
  #isClosed = false;

  constructor(runtime: Runtime, options: LinkOptions, incarnation: number, output: LinkOutput) {
    this.#runtime = runtime;
    this.#options = options;
    this.#incarnation = incarnation;
    this.#output = output;
  }

  send(to: Contact, app: AppId, payload: Uint8Array): void {
    if (this.#isClosed) return;
    const link = this.#link(to);
    link.contact = to;
    link.channel.send(app, payload, this.#runtime.now());
    this.#arm(link);
  }

  watch(peer: Contact, onLost: (reason: string) => void): () => void {
    if (this.#isClosed) return () => {};
    const link = this.#link(peer);
    const watcher = (reason: string): void => onLost(reason);
    if (link.watchers.size === 0) link.heardAtMs = Math.max(link.heardAtMs, this.#runtime.now());
    link.watchers.add(watcher);
    this.#arm(link);
    return () => link.watchers.delete(watcher);
  }

  /** Whether the peer is watched or owes an acknowledgement. */
  isEngaged(id: Key): boolean {
    const link = this.#links.get(id);
    return link !== undefined && (link.watchers.size > 0 || link.channel.hasUnacknowledged);
  }

  // ---- Frames

  /** Anything at all came from the peer. */
  heard(id: Key, nowMs: number): void {
    const link = this.#links.get(id);
    if (!link) return;
    link.heardAtMs = nowMs;
    link.pings = 0;
    link.breaks = 0;
  }

  /** @throws ChannelViolation */
  onMessage(from: Contact, message: DataMessage | Exclude<ChannelMessage, { type: 'data' }>): void {
    if (this.#isClosed) return;
    const nowMs = this.#runtime.now();
    if (message.type === 'data' && message.incarnation !== 0 && message.incarnation !== this.#incarnation) {
      this.#output.transmit(from, { type: 'reset', session: message.session });
      return;
    }
    const link = message.type === 'data' ? this.#link(from) : this.#links.get(from.id);
    if (!link) return;
    link.contact = from;
    switch (message.type) {
      case 'data':
        link.channel.onData(message, nowMs);
        break;
      case 'ack':
        link.channel.onAcknowledgement(message.acknowledges, nowMs);
        break;
      case 'reset':
        link.channel.onReset(message.session);
        break;
    }
    this.#arm(link);
  }

  onLinkDown(address: Address, reason: string): void {
    for (const link of this.#links.values()) {
      const matters = link.channel.hasUnacknowledged || link.watchers.size > 0;
      if (link.contact.address !== address || !matters) continue;
      link.breaks += 1;
      if (link.breaks > 1) this.#giveUp(link, `the link broke and could not be opened again: ${reason}`);
      else {
        link.reopenAtMs = this.#runtime.now() + this.#options.reopenAfterMs;
        this.#arm(link);
      }
    }
  }

  // ---- Judgements made elsewhere

  /** The peer is dead or has left for good. */
  abandon(id: Key, reason: string): void {
    const link = this.#links.get(id);
    if (link) this.#giveUp(link, reason);
  }

  restarted(id: Key): void {
    const link = this.#links.get(id);
    if (!link) return;
    link.channel.peerRestarted('the peer restarted');
    this.#tellWatchers(link, 'the peer restarted');
  }

  /** Forgets conversations that have long been over. */
  forgetIdle(nowMs: number): void {
    for (const [id, link] of this.#links) {
      const isIdle = !link.channel.hasUnacknowledged && nowMs - link.channel.activeAtMs > this.#options.forgetAfterMs;
      if (!isIdle || link.watchers.size > 0) continue;
      link.timer?.cancel();
      this.#links.delete(id);
    }
  }

  /** Nothing is sent any more, and nobody told of losses. */
  close(): void {
    this.#isClosed = true;
    for (const link of this.#links.values()) link.timer?.cancel();
    this.#links.clear();
  }

  // ---- Inside

  #link(contact: Contact): Link {
    const known = this.#links.get(contact.id);
    if (known) return known;
    const channel = new Channel(this.#options, {
      transmit: (message) => this.#transmit(link, message),
      deliver: (app, payload) => this.#output.deliver(link.contact, app, payload),
      lost: (reason) => this.#tellWatchers(link, reason),
    });
    const link: Link = {
      contact,
      channel,
      watchers: new Set(),
      heardAtMs: 0,
      pings: 0,
      pingedAtMs: 0,
      breaks: 0,
      reopenAtMs: null,
      timer: null,
      timerAtMs: 0,
    };
    this.#links.set(contact.id, link);
    return link;
  }

  #transmit(link: Link, message: ChannelMessage): void {
    if (message.type === 'data') {
      this.counters.fragmentsOut += 1;
      this.#output.transmit(link.contact, { ...message, incarnation: this.#output.incarnationOf(link.contact.id) });
      return;
    }
    if (message.type === 'ack') this.counters.acksOut += 1;
    this.#output.transmit(link.contact, message);
  }

  #giveUp(link: Link, reason: string): void {
    link.reopenAtMs = null;
    link.channel.abandon(reason);
    this.#tellWatchers(link, reason);
  }

  #tellWatchers(link: Link, reason: string): void {
    this.counters.peersLost += 1;
    const watchers = [...link.watchers];
    link.watchers.clear();
    for (const onLost of watchers) onLost(reason);
    this.#output.lost(link.contact, reason);
  }

  #fire(link: Link): void {
    link.timer = null;
    const nowMs = this.#runtime.now();
    link.channel.onTimer(nowMs, link.heardAtMs);
    if (link.reopenAtMs !== null && link.reopenAtMs <= nowMs) {
      link.reopenAtMs = null;
      link.channel.retry(nowMs);
      if (!link.channel.hasUnacknowledged) this.#output.ping(link.contact);
    }
    const pingAtMs = this.#pingAtMs(link);
    if (pingAtMs !== null && pingAtMs <= nowMs) this.#checkWatched(link, nowMs);
    this.#arm(link);
  }

  #checkWatched(link: Link, nowMs: number): void {
    const { watchIdleMs, watchRetryMs, watchGiveUpMs } = this.#options;
    // Counted as well as timed, so that a clock that jumps kills nobody.
    const pingsMax = (watchGiveUpMs - watchIdleMs) / watchRetryMs;
    if (link.pings >= pingsMax && nowMs - link.heardAtMs >= watchGiveUpMs) {
      this.#giveUp(link, 'the peer does not answer');
      return;
    }
    link.pings += 1;
    link.pingedAtMs = nowMs;
    this.#output.ping(link.contact);
  }

  #pingAtMs(link: Link): number | null {
    if (link.watchers.size === 0) return null;
    const { watchIdleMs, watchRetryMs } = this.#options;
    return link.pings === 0 ? link.heardAtMs + watchIdleMs : link.pingedAtMs + watchRetryMs;
  }

  /** One timer a link, at its earliest duty; one that fires too early finds nothing to do and is set again. */
  #arm(link: Link): void {
    if (this.#isClosed) return;
    const duties = [link.channel.timerAtMs(), link.reopenAtMs, this.#pingAtMs(link)];
    const dueAtMs = Math.min(...duties.map((atMs) => atMs ?? Number.POSITIVE_INFINITY));
    if (dueAtMs === Number.POSITIVE_INFINITY || (link.timer && link.timerAtMs <= dueAtMs)) return;
    link.timer?.cancel();
    link.timerAtMs = dueAtMs;
    link.timer = this.#runtime.after(Math.max(1, dueAtMs - this.#runtime.now()), () => this.#fire(link));
  }
}
