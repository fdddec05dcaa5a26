import type { Address } from '../overlay/index.ts';

/** A machine over all its lives. */
export interface Machine {
  readonly address: Address;
  readonly index: number;
  lives: number;
  inboundBytes: number;
  clockSkewMs: number;
}

/** One life of a machine, from its start to its crash or close: what its network card knows. */
export class Station {
  readonly machine: Machine;
  readonly address: Address;
  readonly ends = new Map<Address, LinkEnd>();
  alive = true;
  onFrame: (from: Address, frame: Uint8Array) => void = ignore;
  onLinkDown: (peer: Address, reason: string) => void = ignore;
  /** When the inbound queue will have passed everything it holds; ticks, with a fraction. */
  inboundFreeTick = 0;
  inboundWaiting = 0;
  /** When everything sent so far will have left; ticks, with a fraction. */
  outboundFreeTick = 0;
  /** When its idle links were last looked for. */
  tidiedTick = 0;

  constructor(machine: Machine) {
    this.machine = machine;
    this.address = machine.address;
  }

  end(): void {
    this.alive = false;
    this.ends.clear();
    this.onFrame = ignore;
    this.onLinkDown = ignore;
  }
}

/** What one of the two stations knows of their link. */
export class LinkEnd {
  readonly station: Station;
  /** The machine at the other end. */
  readonly peer: Machine;
  /** The other end; set once, by `connect`. */
  other: LinkEnd;
  open = true;
  /** The peer's machine has been asked, and will answer that it knows nothing of this link. */
  resetComing = false;
  /** No frame sent from this end arrives before this: frames of one link keep their order. */
  arrivalTick = 0;
  /** Bytes sent to this end that wait in its station's inbound queue. */
  waitingBytes = 0;
  /** The frame that was sent last: when it leaves the outbound queue, and its bytes; none once it has been seen to have left. */
  #lastTick = 0;
  #lastBytes = 0;
  /** The same of those before it that had not left then; null when they all had, as is usual. */
  #before: { readonly tick: number; readonly bytes: number }[] | null = null;
  #beforeBytes = 0;

  constructor(station: Station, peer: Machine) {
    this.station = station;
    this.peer = peer;
    this.other = this;
  }

  /** A frame enters the station's outbound queue, after `bytesNotLeft` of this moment, and leaves it at `tick`. */
  leaves(tick: number, bytes: number): void {
    if (this.#lastBytes > 0) {
      this.#before ??= [];
      this.#before.push({ tick: this.#lastTick, bytes: this.#lastBytes });
      this.#beforeBytes += this.#lastBytes;
    }
    this.#lastTick = tick;
    this.#lastBytes = bytes;
  }

  /** Whether nothing has passed the link, either way, since a tick, nor is about to. */
  isIdleSince(tick: number): boolean {
    const { other } = this;
    if (this.resetComing || other.resetComing || this.waitingBytes > 0 || other.waitingBytes > 0) return false;
    return this.arrivalTick < tick && other.arrivalTick < tick;
  }

  /** Bytes sent from this end that have not left by `tick`. */
  bytesNotLeft(tick: number): number {
    if (this.#lastTick <= tick) {
      this.#lastBytes = 0;
      this.#before = null;
      this.#beforeBytes = 0;
    }
    for (let first = this.#before?.[0]; first && first.tick <= tick; first = this.#before?.[0]) {
      this.#beforeBytes -= first.bytes;
      this.#before?.shift();
    }
    return this.#beforeBytes + this.#lastBytes;
  }
}

/** A new link between two stations; returns the end of the first. */
export function connect(from: Station, to: Station): LinkEnd {
  const near = new LinkEnd(from, to.machine);
  const far = new LinkEnd(to, from.machine);
  near.other = far;
  far.other = near;
  far.open = to.alive;
  from.ends.set(to.address, near);
  if (to.alive) to.ends.set(from.address, far);
  return near;
}

/** Closes this end; the other one learns of it by whatever the network carries there. */
export function shut(end: LinkEnd): void {
  end.open = false;
  const { station, peer } = end;
  if (station.ends.get(peer.address) === end) station.ends.delete(peer.address);
}

function ignore(): void {}
