import { type Address, OverlayError } from '../overlay/index.ts';
import type { Log } from './log.ts';
import type { WaysIn } from './node.ts';

/** Refusals, as the transport words them, that asking again cannot change. */
const refusedForGood = /^refused: (wrong |cluster secret |address |own address)/;

/**
 * What is known about the members that a node joins through. The overlay asks them again and again, since members may
 * start together, and learns only that nobody answered in time; why not is heard from the transport.
 */
export class Seeds implements WaysIn {
  /** Rejects with an OverlayError `refused` once every seed has refused this node for good. */
  readonly allRefused: Promise<never>;
  readonly #log: Log;
  readonly #reasons: Map<Address, string | null>;
  #hasJoined = false;
  #refuse: (error: OverlayError) => void = () => {};

  constructor(addresses: readonly Address[], log: Log) {
    this.#log = log;
    this.#reasons = new Map(addresses.map((address) => [address, null]));
    this.allRefused = new Promise((_, reject) => {
      this.#refuse = reject;
    });
  }

  add(addresses: readonly Address[]): void {
    for (const address of addresses) if (!this.#reasons.has(address)) this.#reasons.set(address, null);
  }

  refusal(): string | null {
    return [...this.#reasons.values()].find(isForGood) ?? null;
  }

  /** A link could not be opened, or broke. */
  linkDown(peer: Address, reason: string): void {
    if (this.#hasJoined || !this.#reasons.has(peer)) return;
    const isNews = this.#reasons.get(peer) !== reason;
    this.#reasons.set(peer, reason);
    if (isNews) this.#log.warn('cannot reach a member to join through', { seed: peer, reason });
    if ([...this.#reasons.values()].every(isForGood)) {
      this.#refuse(new OverlayError('refused', reason));
    }
  }

  /** From now on a seed is a member like any other. */
  joined(): void {
    this.#hasJoined = true;
  }

  /** The log without what would be said about seeds at each attempt to join: each reason is told once, here. */
  get log(): Log {
    const tells = (detail: object = {}): boolean => {
      const about = 'peer' in detail ? detail.peer : 'seed' in detail ? detail.seed : null;
      return this.#hasJoined || typeof about !== 'string' || !this.#reasons.has(about);
    };
    return {
      info: (event, detail) => void (tells(detail) && this.#log.info(event, detail)),
      warn: (event, detail) => void (tells(detail) && this.#log.warn(event, detail)),
      error: (event, detail) => this.#log.error(event, detail),
    };
  }

  /** Throws a failure to join again, with what is known about each seed. */
  readonly explain = (failure: unknown): never => {
    const known = [...this.#reasons].filter(([, reason]) => reason !== null);
    if (!(failure instanceof OverlayError) || known.length === 0) throw failure;
    const reasons = known.map(([seed, reason]) => `${seed}: ${reason?.replace(/^refused: /, '')}`);
    throw new OverlayError(failure.code, `cannot join through ${reasons.join('; ')}`, { cause: failure });
  };
}

function isForGood(reason: string | null): reason is string {
  return reason !== null && refusedForGood.test(reason);
}
