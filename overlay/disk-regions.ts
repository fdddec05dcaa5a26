import {
  CodecError,
  decode,
  encode,
  key as keyCodec,
  list,
  milliseconds,
  region as regionCodec,
  regionSet,
  regionsMax as regionsOfMemberMax,
  struct,
} from './codec.ts';
import type { Copies } from './copies.ts';
import { diskKey, diskPrefix, type Journal } from './journal.ts';
import { lossesMax } from './losses.ts';
import type { Key, Loss, Region } from './overlay.ts';
import { RegionSet } from './region.ts';

/** A region that was put together while somebody may have had more of it, and its flaws apart from that. */
export interface Doubt {
  readonly region: Region;
  readonly losses: readonly Loss[];
}

interface Regions {
  /** Of which this node has a copy that is complete, and whole but for doubts. */
  readonly complete: RegionSet;
  /** Where it may have something. */
  readonly all: RegionSet;
  readonly doubts: readonly Doubt[];
  /** Who has to be back before there are no doubts. */
  readonly absent: readonly Key[];
}

/** Members that may be absent; when there are more, none of them is known to be back. */
export const absentMax = 4_096;
const doubtsMax = 1_024;

/** Copies held and those to spare may be of other members' places, too. */
const regionsOnDisk = regionSet(4 * regionsOfMemberMax);
const doubtCodec = struct<Doubt>({
  region: regionCodec,
  losses: list(struct<Loss>({ region: regionCodec, atMs: milliseconds }), 2 * lossesMax),
});
const regionsCodec = struct<Regions>({
  complete: regionsOnDisk,
  all: regionsOnDisk,
  doubts: list(doubtCodec, doubtsMax),
  absent: list(keyCodec, absentMax + 1),
});
const regionsKey = diskKey(diskPrefix.regions);

/**
 * What the disk says that this node has copies of, and what is doubtful about them, or will say before anything that is
 * written later.
 */
export class DiskRegions {
  readonly #journal: Journal;
  readonly #copies: Copies;
  #written: Uint8Array = new Uint8Array();
  #onDisk: Regions = { complete: new RegionSet(), all: new RegionSet(), doubts: [], absent: [] };
  /** Of the copies, when the disk was last made to agree with them; null when it says more. */
  #version: number | null = null;

  constructor(journal: Journal, copies: Copies) {
    this.#journal = journal;
    this.#copies = copies;
  }

  get doubts(): readonly Doubt[] {
    return this.#onDisk.doubts;
  }

  get absent(): readonly Key[] {
    return this.#onDisk.absent;
  }

  /** Takes up what an earlier life left, as copies that may be out of date. @throws StorageError */
  async recover(): Promise<void> {
    for await (const { value } of this.#journal.read(diskPrefix.regions)) {
      try {
        this.#onDisk = decode(regionsCodec, value);
      } catch (error) {
        if (!(error instanceof CodecError)) throw error;
        this.#journal.damaged(error.message);
      }
    }
    // When anything is damaged no copy is known to be complete, but what is left may still be all there is.
    const { complete, all } = this.#onDisk;
    this.#copies.recover(this.#journal.failure ? new RegionSet() : complete, all);
  }

  /**
   * A copy of these keys is complete but for some losses, and about to be held. Others forget what this node says it
   * holds: not before it would survive a crash here, or is known to be volatile.
   */
  async secure(keys: RegionSet, losses: readonly Loss[]): Promise<void> {
    const complete = this.#onDisk.complete.clone();
    const all = this.#onDisk.all.clone();
    const whole = keys.clone();
    for (const { region } of losses) whole.remove(region);
    all.addAll(keys);
    complete.addAll(whole);
    this.#version = null;
    this.#write({ complete, all });
    // The journal has told of it.
    await this.#journal.flushed().catch(() => {});
    this.checkDisk();
  }

  /** Returns whether the disk is newly known to have failed, and the advert another. */
  checkDisk(): boolean {
    return this.#journal.failure !== null && this.#copies.becomeVolatile();
  }

  /** The copies may have changed. */
  update(): void {
    if (!this.#journal.isDurable || this.#version === this.#copies.version) return;
    this.#version = this.#copies.version;
    const complete = this.#copies.readable();
    complete.removeAll(this.#flawed());
    const all = this.#copies.readable();
    all.addAll(this.#copies.stale);
    this.#write({ complete, all });
  }

  /** @param doubts those beyond `doubtsMax` are marks for good */
  remember(doubts: readonly Doubt[], absent: Iterable<Key>): void {
    if (doubts !== this.#onDisk.doubts) this.#version = null;
    this.#write({ doubts: doubts.slice(0, doubtsMax), absent: [...absent].slice(0, absentMax + 1) });
  }

  /** Regions that would not be whole either if all absent members came back with nothing new. */
  #flawed(): RegionSet {
    const flawed = this.#copies.lossy.clone();
    for (const { region, losses } of this.#onDisk.doubts) if (losses.length === 0) flawed.remove(region);
    return flawed;
  }

  #write(change: Partial<Regions>): void {
    if (!this.#journal.isDurable) return;
    this.#onDisk = { ...this.#onDisk, ...change };
    const bytes = encode(regionsCodec, this.#onDisk);
    if (Buffer.compare(bytes, this.#written) === 0) return;
    this.#written = bytes;
    this.#journal.write(regionsKey, bytes);
  }
}
