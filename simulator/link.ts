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
  /** When a frame was last sent from this end, also one that was lost, or last passed the inbound queue towards it. */
  usedTick = 0;
  /** No frame sent from this end arrives before this: frames of one link keep their order. */
  arrivalTick = 0;
  /** Bytes sent to this end that wait in its station's inbound queue. */
  waitingBytes = 0;

  // ---- The frames of this end in its station's outbound queue
  /** The last one, apart from the others since it mostly is the only one: when it has left, and its bytes, 0 afterwards. */
  #lastTick = 0;
  #lastBytes = 0;
  /** Those before it, in order; null or empty when there are none. */
  #before: { readonly tick: number; readonly bytes: number }[] | null = null;
  #beforeBytes = 0;

  constructor(station: Station, peer: Machine) {
    this.station = station;
    this.peer = peer;
    this.other = this;
  }

  /** A frame enters the station's outbound queue now, and will have left it at `leavesTick`. */
  enqueue(bytes: number, nowTick: number, leavesTick: number): void {
    this.#forgetLeft(nowTick);
    if (this.#lastBytes > 0) {
      this.#before ??= [];
      this.#before.push({ tick: this.#lastTick, bytes: this.#lastBytes });
      this.#beforeBytes += this.#lastBytes;
    }
    this.#lastTick = leavesTick;
    this.#lastBytes = bytes;
  }

  /** Whether neither end has been used since a tick, and nothing is on its way or waits. */
  isIdleSince(tick: number): boolean {
    return this.#wasIdleSince(tick) && this.other.#wasIdleSince(tick);
  }

  #wasIdleSince(tick: number): boolean {
    if (this.resetComing || this.waitingBytes > 0) return false;
    return this.usedTick < tick && this.arrivalTick < tick && this.#lastTick < tick;
  }

  /** Bytes sent from this end that wait in its station's outbound queue. */
  bytesNotLeft(nowTick: number): number {
    this.#forgetLeft(nowTick);
    return this.#beforeBytes + this.#lastBytes;
  }

  #forgetLeft(nowTick: number): void {
    if (this.#lastTick <= nowTick) {
      this.#lastBytes = 0;
      this.#before = null;
      this.#beforeBytes = 0;
    }
    for (let first = this.#before?.[0]; first && first.tick <= nowTick; first = this.#before?.[0]) {
      this.#beforeBytes -= first.bytes;
      this.#before?.shift();
    }
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
