import { type Address, OverlayError, type Transport } from '../overlay/index.ts';

/** Refusals, as the transport words them, that asking again cannot change. */
const refusedForGood = /^refused: (wrong |cluster secret |address |own address)/;

/**
 * The links of a node that joins. The overlay asks its seeds again and again, since members may start together, and
 * learns only that nobody answered in time; why a link could not be opened is known here.
 */
export class SeedLinks implements Transport {
  /** Rejects with an OverlayError `refused` once every seed has refused this node for good. */
  readonly allRefused: Promise<never>;
  readonly #transport: Transport;
  readonly #reasons: Map<Address, string | null>;
  #refuse: (error: OverlayError) => void = () => {};

  constructor(transport: Transport, seeds: readonly Address[]) {
    this.#transport = transport;
    this.#reasons = new Map(seeds.map((seed) => [seed, null]));
    this.allRefused = new Promise((_, reject) => {
      this.#refuse = reject;
    });
  }

  /** Throws a failure to join again, with what is known about each seed. */
  readonly explain = (failure: unknown): never => {
    const known = [...this.#reasons].filter(([, reason]) => reason !== null);
    if (!(failure instanceof OverlayError) || known.length === 0) throw failure;
    const reasons = known.map(([seed, reason]) => `${seed}: ${reason?.replace(/^refused: /, '')}`);
    throw new OverlayError(failure.code, `cannot join through ${reasons.join('; ')}`, { cause: failure });
  };

  get address(): Address {
    return this.#transport.address;
  }

  send(to: Address, frame: Uint8Array): void {
    this.#transport.send(to, frame);
  }

  queuedBytes(to: Address): number {
    return this.#transport.queuedBytes(to);
  }

  onFrame(receive: (from: Address, frame: Uint8Array) => void): void {
    this.#transport.onFrame(receive);
  }

  onLinkDown(receive: (peer: Address, reason: string) => void): void {
    this.#transport.onLinkDown((peer, reason) => {
      this.#note(peer, reason);
      receive(peer, reason);
    });
  }

  reject(peer: Address, reason: string): void {
    this.#transport.reject(peer, reason);
  }

  close(): Promise<void> {
    return this.#transport.close();
  }

  #note(peer: Address, reason: string): void {
    if (!this.#reasons.has(peer)) return;
    this.#reasons.set(peer, reason);
    if ([...this.#reasons.values()].every((known) => known !== null && refusedForGood.test(known))) {
      this.#refuse(new OverlayError('refused', reason));
    }
  }
}
