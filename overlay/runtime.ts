/**
 * The one seam to time and chance. Nothing in overlay/, operators/, planner/ or engine/ reads a clock,
 * sets a timer or rolls dice except through it; the simulator gives a virtual one.
 */
export interface Runtime {
  /** Milliseconds since 1970-01-01 UTC, possibly fractional; never goes backwards within one node. */
  now(): number;
  /** Calls `run` once, `delayMs` from now or a little later, unless cancelled. */
  after(delayMs: number, run: () => void): Timer;
  /** Uniform in [0, 1). */
  random(): number;
}

export interface Timer {
  cancel(): void;
}

/** Where a node can be reached: `host:port`, IPv6 hosts in brackets. */
export type Address = string;

/**
 * The one seam to other machines. Frames on one link arrive in order and each at most once; some may
 * never arrive, and a link may die unnoticed. Whoever needs an answer acknowledges and retries.
 */
export interface Transport {
  /** The address that other nodes use for this one. */
  readonly address: Address;
  /**
   * Queues one frame of at most `frameBytesMax`, which nobody changes from now on; opens the link if there is none.
   * Never throws for a dead peer.
   */
  send(to: Address, frame: Uint8Array): void;
  /** Bytes queued towards `to` and not yet handed to the network. */
  queuedBytes(to: Address): number;
  /** Sets the one receiver of frames. `frame` is the receiver's to keep, not to change. */
  onFrame(receive: (from: Address, frame: Uint8Array) => void): void;
  /** Sets the one receiver of the news that a link broke or could not be opened. */
  onLinkDown(receive: (peer: Address, reason: string) => void): void;
  /** Closes the link to a peer that sent nonsense; counted and logged by the transport. */
  reject(peer: Address, reason: string): void;
  close(): Promise<void>;
}

/** A frame longer than this is refused by the sender and closes the link at the receiver. */
export const frameBytesMax = 4 * 1024 * 1024;
