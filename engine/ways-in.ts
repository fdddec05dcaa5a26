import { type Address, OverlayError } from '../overlay/index.ts';
import type { Log } from './log.ts';

const ownAddress = 'refused: own address';
/** Refusals, as the transport words them, that asking again cannot change. */
const refusedForGood = /^refused: (wrong |cluster secret |address |own address)/;
/** Those by members of the node's cluster. Where one of another cluster answers, a member may have lived before. */
const refusedByMember = /^refused: (wrong (?!cluster:)|cluster secret )/;

/**
 * What is known about the members that a node joins through: those that it was told of, and in a later life those that it
 * remembers. The overlay asks them again and again, since members may start together, and learns only that nobody
 * answered in time; why not is heard from the transport.
 */
export class WaysIn {
  /** Rejects with an OverlayError `refused` once every one of them has refused this node for good. */
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
    this.allRefused.catch(() => {});
  }

  /** These are about to be tried, too. */
  add(addresses: readonly Address[]): void {
    for (const address of addresses) if (!this.#reasons.has(address)) this.#reasons.set(address, null);
  }

  /** This is an address of the node itself: it leads nowhere, and says nothing about the others. */
  excludeSelf(address: Address): void {
    if (this.#reasons.size > 1) this.#reasons.delete(address);
    this.#check();
  }

  /** Why a member that was heard will never let this node in; null when none has said so. */
  refusal(): string | null {
    return [...this.#reasons.values()].find((reason) => reason !== null && refusedByMember.test(reason)) ?? null;
  }

  /** A link could not be opened, or broke. */
  linkDown(peer: Address, reason: string): void {
    if (this.#hasJoined || !this.#reasons.has(peer)) return;
    const isNews = this.#reasons.get(peer) !== reason;
    this.#reasons.set(peer, reason);
    if (isNews) this.#log.warn('cannot reach a member to join through', { peer, reason });
    if (reason === ownAddress) this.excludeSelf(peer);
    else this.#check();
  }

  /** From now on they are members like any others. */
  joined(): void {
    this.#hasJoined = true;
  }

  /** The log without what would be said about them at each attempt to join: each reason is told once, here. */
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

  /** Throws a failure to join again, with what is known about each. */
  readonly explain = (failure: unknown): never => {
    const known = [...this.#reasons].filter(([, reason]) => reason !== null);
    if (!(failure instanceof OverlayError) || known.length === 0) throw failure;
    const reasons = known.map(([address, reason]) => `${address}: ${reason?.replace(/^refused: /, '')}`);
    throw new OverlayError(failure.code, `cannot join through ${reasons.join('; ')}`, { cause: failure });
  };

  #check(): void {
    const reasons = [...this.#reasons.values()];
    const [reason] = reasons;
    if (reason && reasons.every((one) => one !== null && refusedForGood.test(one))) {
      this.#refuse(new OverlayError('refused', reason));
    }
  }
}
