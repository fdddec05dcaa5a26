import { type Header, headerCheck, type MemberName, nameOf } from './messages.ts';
import type { Key } from './overlay.ts';
import type { Address } from './runtime.ts';
import type { Target } from './wire.ts';

/** What two nodes have told each other of themselves. */
interface Acquaintance {
  /** What the other says of itself. */
  theirs: Header | null;
  theirCheck: number;
  /** Whom it is that was told of this node; null when nobody was. */
  told: Key | null;
  toldIsMember: boolean;
  toldCheck: number;
  /** Something came since it was told. */
  isTold: boolean;
  heardAtMs: number;
}

/**
 * Spares two nodes that talk often the repetition of who they are: once a full header has arrived, 31 bits stand
 * for it. They stand for one life of one sender, its membership, and one receiver: whatever of these changes, the
 * check fails, the receiver says so, and the sender introduces itself again.
 */
export class Introductions {
  readonly #self: Key;
  readonly #name: MemberName;
  readonly #incarnation: number;
  readonly #briefForMs: number;
  readonly #byAddress = new Map<Address, Acquaintance>();

  /** `briefForMs`: after such silence a header goes in full again; shorter than the other side's memory. */
  constructor(self: Key, incarnation: number, briefForMs: number) {
    this.#self = self;
    this.#name = nameOf(self);
    this.#incarnation = incarnation;
    this.#briefForMs = briefForMs;
  }

  /** The check to send in place of a header; null when the header must go in full, which this call takes as done. */
  check(to: Target, isMember: boolean, nowMs: number): number | null {
    if (to.id === null) return null;
    const known = this.#byAddress.get(to.address);
    if (known && known.told === to.id && known.toldIsMember === isMember) {
      const isFresh = known.isTold && nowMs - known.heardAtMs < this.#briefForMs;
      return isFresh ? known.toldCheck : null;
    }
    const acquaintance = known ?? this.#meet(to.address);
    acquaintance.told = to.id;
    acquaintance.toldIsMember = isMember;
    acquaintance.toldCheck = headerCheck({
      sender: this.#self,
      incarnation: this.#incarnation,
      isMember,
      target: nameOf(to.id),
    });
    acquaintance.isTold = false;
    return null;
  }

  /** A frame with a full header came, and was meant for this node. */
  heard(from: Address, header: Header, nowMs: number): void {
    const known = this.#byAddress.get(from) ?? this.#meet(from);
    const { sender, incarnation, isMember } = header;
    const before = known.theirs;
    const isSameLife = before?.sender === sender && before.incarnation === incarnation;
    // Another life knows nothing of what the one before was told.
    if (before && !isSameLife) known.told = null;
    if (!isSameLife || before.isMember !== isMember) {
      known.theirs = { sender, incarnation, isMember, target: this.#name };
      known.theirCheck = headerCheck(known.theirs);
    }
    known.heardAtMs = nowMs;
    known.isTold = known.told !== null;
  }

  /** The header that a check stands for; null when that is not known. */
  expand(from: Address, check: number, nowMs: number): Header | null {
    const known = this.#byAddress.get(from);
    if (!known?.theirs || known.theirCheck !== check) return null;
    known.heardAtMs = nowMs;
    known.isTold = known.told !== null;
    return known.theirs;
  }

  /** The node at this address does not know what a check stood for, or is another. Returns who was told of this node. */
  forgotten(from: Address): Key | null {
    const known = this.#byAddress.get(from);
    const told = known?.told ?? null;
    if (known) known.told = null;
    return told;
  }

  forgetSilent(beforeMs: number): void {
    for (const [address, { heardAtMs }] of this.#byAddress) if (heardAtMs < beforeMs) this.#byAddress.delete(address);
  }

  #meet(address: Address): Acquaintance {
    const acquaintance: Acquaintance = {
      theirs: null,
      theirCheck: 0,
      told: null,
      toldIsMember: false,
      toldCheck: 0,
      isTold: false,
      heardAtMs: Number.NEGATIVE_INFINITY,
    };
    this.#byAddress.set(address, acquaintance);
    return acquaintance;
  }
}
