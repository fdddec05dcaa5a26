import { type Address, wsDefaults } from '../overlay/index.ts';
import { type Clock, ticksPerMs } from './clock.ts';
import { Digest } from './digest.ts';
import { Event } from './event-queue.ts';
import { connect, type LinkEnd, type Machine, Station, shut } from './link.ts';
import type { Random } from './random.ts';

export interface NetworkOptions {
  /** Milliseconds from one machine to another, or a rule that may draw them for each frame. */
  readonly oneWayDelayMs: number | ((from: Address, to: Address, random: Random) => number);
  /** Added to each frame's delay: uniform in [0, jitterMs). */
  readonly jitterMs: number;
  /** What each machine can receive; the rest waits in its inbound queue. `Infinity` turns the queue off. */
  readonly inboundBytesPerSecond: number;
  /** The same for what each machine can send: its frames, to whomever, leave one after the other. */
  readonly outboundBytesPerSecond: number;
  /** Share of frames that vanish, 0 to 1. */
  readonly lossRate: number;
  /** The peers of a crashed machine are told nothing, as when its power fails. */
  readonly silentCrashes: boolean;
}

export interface NetworkStats {
  /** Frames delivered, and their bytes. */
  readonly messages: number;
  readonly bytes: number;
  /** Frames that were sent and will not arrive: lost, cut off by a partition, or sent to a dead machine or link. */
  readonly messagesLost: number;
  /** Links closed by `reject`. */
  readonly rejections: number;
  /** Bytes delivered to each machine, over all its lives. */
  readonly inboundBytes: ReadonlyMap<Address, number>;
}

/** Links that carried nothing either way for so long are closed, as real ones are. */
const linkIdleTicks = wsDefaults.idleMs * ticksPerMs;

/** Moves frames between stations: delay, order, bandwidth, loss, partitions, and the news of broken links. */
export class Network {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #options: NetworkOptions;
  readonly #inboundBytesPerTick: number;
  readonly #outboundBytesPerTick: number;
  readonly #machines = new Map<Address, Machine>();
  readonly #stations = new Map<Address, Station>();
  readonly #partitions: { readonly a: ReadonlySet<Address>; readonly b: ReadonlySet<Address> }[] = [];
  readonly #digest = new Digest();
  #lossRate: number;
  #messages = 0;
  #bytes = 0;
  #messagesLost = 0;
  #rejections = 0;

  constructor(clock: Clock, random: Random, options: NetworkOptions) {
    this.#clock = clock;
    this.#random = random;
    this.#options = options;
    this.#inboundBytesPerTick = options.inboundBytesPerSecond / 1_000 / ticksPerMs;
    this.#outboundBytesPerTick = options.outboundBytesPerSecond / 1_000 / ticksPerMs;
    this.#lossRate = options.lossRate;
  }

  /** Begins the next life of the machine at this address. */
  start(address: Address): Station {
    let machine = this.#machines.get(address);
    if (!machine) {
      machine = { address, index: this.#machines.size, lives: 0, inboundBytes: 0, clockSkewMs: 0 };
      this.#machines.set(address, machine);
    }
    machine.lives += 1;
    const station = new Station(machine);
    this.#stations.set(address, station);
    return station;
  }

  machine(address: Address): Machine | undefined {
    return this.#machines.get(address);
  }

  /** The machine's present life, if it is up. */
  station(address: Address): Station | undefined {
    return this.#stations.get(address);
  }

  send(station: Station, to: Address, frame: Uint8Array): void {
    if (!station.alive) return;
    if (to === station.address) {
      this.#clock.call(this.#clock.tick + 1, () => station.onLinkDown(to, 'refused: own address'));
      return;
    }
    const end = station.ends.get(to) ?? this.#open(station, to);
    end.usedTick = this.#clock.tick;
    if (!end.other.open) this.#answerWithReset(end);
    // Also for frames that will be lost: they are lost on the way.
    const waitTicks = this.#leave(end, frame.length);
    const isLost = this.#lossRate > 0 && this.#random() < this.#lossRate;
    if (isLost || !end.other.open || this.#isCut(station.address, to)) {
      this.#messagesLost += 1;
      return;
    }
    this.#clock.schedule(new InFlight(this, end.other, frame, ''), this.#arrivalTick(end, waitTicks));
  }

  queuedBytes(station: Station, to: Address): number {
    const end = station.ends.get(to);
    return end ? end.bytesNotLeft(this.#clock.tick) + end.other.waitingBytes : 0;
  }

  reject(station: Station, peer: Address, reason: string): void {
    const end = station.ends.get(peer);
    if (!end) return;
    this.#rejections += 1;
    this.#breakLink(end, 'closed by the peer');
    this.#clock.call(this.#clock.tick + 1, () => station.onLinkDown(peer, `rejected: ${reason}`));
  }

  /** The orderly end of a life: every peer is told. */
  close(station: Station): void {
    this.#endLife(station, 'closed by the peer', true);
  }

  crash(station: Station): void {
    this.#endLife(station, 'connection reset', !this.#options.silentCrashes);
  }

  partition(groupA: Iterable<Address>, groupB: Iterable<Address>): void {
    this.#partitions.push({ a: new Set(groupA), b: new Set(groupB) });
  }

  heal(): void {
    this.#partitions.length = 0;
  }

  setLossRate(lossRate: number): void {
    this.#lossRate = lossRate;
  }

  digest(): string {
    return this.#digest.toString();
  }

  stats(): NetworkStats {
    const inboundBytes = new Map(
      [...this.#machines.values()].map((machine) => [machine.address, machine.inboundBytes]),
    );
    return {
      messages: this.#messages,
      bytes: this.#bytes,
      messagesLost: this.#messagesLost,
      rejections: this.#rejections,
      inboundBytes,
    };
  }

  /** Called when something in flight reaches its receiver, and again when it has passed the inbound queue. */
  arrive(item: InFlight): void {
    const { end } = item;
    if (item.isWaiting) {
      end.waitingBytes -= item.bytes;
      end.usedTick = this.#clock.tick;
      end.station.inboundWaiting -= 1;
    } else if (end.open && this.#mustWait(item)) {
      return;
    }
    if (end.open && end.station.alive) this.#deliver(item);
    else if (item.frame) this.#messagesLost += 1;
  }

  #mustWait(item: InFlight): boolean {
    const { station } = item.end;
    const { tick } = this.#clock;
    station.inboundFreeTick = Math.max(station.inboundFreeTick, tick) + item.bytes / this.#inboundBytesPerTick;
    const dueTick = Math.ceil(station.inboundFreeTick);
    // Even news without bytes may not overtake frames that leave the queue at this same instant.
    if (dueTick === tick && station.inboundWaiting === 0) return false;
    item.isWaiting = true;
    item.end.waitingBytes += item.bytes;
    station.inboundWaiting += 1;
    this.#clock.schedule(item, dueTick);
    return true;
  }

  #deliver({ end, frame, reason }: InFlight): void {
    const { station, peer } = end;
    const { machine } = station;
    this.#digest.addNumber(this.#clock.tick);
    this.#digest.addNumber(peer.index);
    this.#digest.addNumber(machine.index);
    if (!frame) {
      this.#digest.addText(reason);
      shut(end);
      station.onLinkDown(peer.address, reason);
      return;
    }
    this.#digest.addBytes(frame);
    this.#messages += 1;
    this.#bytes += frame.length;
    machine.inboundBytes += frame.length;
    station.onFrame(peer.address, frame);
  }

  #open(station: Station, to: Address): LinkEnd {
    const target = this.#stations.get(to) ?? nobody(to);
    this.#tidy(station);
    this.#tidy(target);
    const stale = target.ends.get(station.address);
    const end = connect(station, target);
    // The peer still holds a link to an earlier life of this machine, or one that this side has given up.
    if (stale) this.#tell(stale, 'replaced by a new link', this.#arrivalTick(end));
    return end;
  }

  /** Closes links that have been idle for long: they open again, and nobody notices. */
  #tidy(station: Station): void {
    const idleSinceTick = this.#clock.tick - linkIdleTicks;
    if (station.tidiedTick > idleSinceTick) return;
    station.tidiedTick = this.#clock.tick;
    for (const end of station.ends.values()) {
      if (!end.isIdleSince(idleSinceTick)) continue;
      shut(end);
      shut(end.other);
    }
  }

  #endLife(station: Station, reason: string, isTold: boolean): void {
    const ends = [...station.ends.values()];
    if (this.#stations.get(station.address) === station) this.#stations.delete(station.address);
    station.end();
    for (const end of ends) {
      if (isTold) this.#breakLink(end, reason);
      else shut(end);
    }
  }

  #breakLink(end: LinkEnd, reason: string): void {
    shut(end);
    const { other, peer } = end;
    if (other.open && !this.#isCut(end.station.address, peer.address)) {
      this.#tell(other, reason, this.#arrivalTick(end));
    }
  }

  #tell(end: LinkEnd, reason: string, atTick: number): void {
    this.#clock.schedule(new InFlight(this, end, null, reason), atTick);
  }

  /** The peer's machine is down, or up again without this link: it says so, unless nothing is there to say it. */
  #answerWithReset(end: LinkEnd): void {
    const { station, peer } = end;
    const isSilent = this.#options.silentCrashes && !this.#stations.has(peer.address);
    if (end.resetComing || isSilent || this.#isCut(station.address, peer.address)) return;
    end.resetComing = true;
    const reason = peer.index < 0 ? 'refused: nobody listens' : 'connection reset';
    const delayMs = this.#delayMs(station.address, peer.address) + this.#delayMs(peer.address, station.address);
    this.#tell(end, reason, this.#clock.tickAfter(delayMs));
  }

  #arrivalTick(end: LinkEnd, waitTicks = 0): number {
    const delayMs = this.#delayMs(end.station.address, end.peer.address);
    end.arrivalTick = Math.max(end.arrivalTick, this.#clock.tickAfter(delayMs) + waitTicks);
    return end.arrivalTick;
  }

  /** Puts a frame into the outbound queue; returns how many ticks pass until all of it has left. */
  #leave(end: LinkEnd, bytes: number): number {
    if (this.#outboundBytesPerTick === Number.POSITIVE_INFINITY) return 0;
    const { station } = end;
    const { tick } = this.#clock;
    station.outboundFreeTick = Math.max(station.outboundFreeTick, tick) + bytes / this.#outboundBytesPerTick;
    const leavesTick = Math.ceil(station.outboundFreeTick);
    end.enqueue(bytes, tick, leavesTick);
    return leavesTick - tick;
  }

  #delayMs(from: Address, to: Address): number {
    const { oneWayDelayMs, jitterMs } = this.#options;
    const delayMs = typeof oneWayDelayMs === 'number' ? oneWayDelayMs : oneWayDelayMs(from, to, this.#random);
    return jitterMs > 0 ? delayMs + jitterMs * this.#random() : delayMs;
  }

  #isCut(from: Address, to: Address): boolean {
    return this.#partitions.some(({ a, b }) => (a.has(from) && b.has(to)) || (b.has(from) && a.has(to)));
  }
}

/** A frame, or without one the news that the link broke, on its way to one end of a link. */
class InFlight extends Event {
  isWaiting = false;
  readonly end: LinkEnd;
  readonly frame: Uint8Array | null;
  readonly reason: string;
  readonly #network: Network;

  constructor(network: Network, end: LinkEnd, frame: Uint8Array | null, reason: string) {
    super();
    this.#network = network;
    this.end = end;
    this.frame = frame;
    this.reason = reason;
  }

  get bytes(): number {
    return this.frame?.length ?? 0;
  }

  fire(): void {
    this.#network.arrive(this);
  }
}

/** Stands in for a machine that was never started or is down. */
function nobody(address: Address): Station {
  const station = new Station({ address, index: -1, lives: 0, inboundBytes: 0, clockSkewMs: 0 });
  station.end();
  return station;
}
