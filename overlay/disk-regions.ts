import { CodecError, decode, encode, regionSet, regionsMax as regionsOfMemberMax, struct } from './codec.ts';
import type { Copies } from './copies.ts';
import { diskKey, diskPrefix, type Journal } from './journal.ts';
import type { Loss } from './overlay.ts';
import { RegionSet } from './region.ts';

interface Regions {
  /** Of which this node has a copy that is complete and whole. */
  readonly complete: RegionSet;
  /** Where it may have something. */
  readonly all: RegionSet;
}

/** Copies held and those to spare may be of other members' places, too. */
const regionsOnDisk = regionSet(4 * regionsOfMemberMax);
const regionsCodec = struct<Regions>({ complete: regionsOnDisk, all: regionsOnDisk });
const regionsKey = diskKey(diskPrefix.regions);

/** What the disk says that this node has copies of, or will say before anything that is written later. */
export class DiskRegions {
  readonly #journal: Journal;
  readonly #copies: Copies;
  #onDisk: Regions = { complete: new RegionSet(), all: new RegionSet() };
  /** Of the copies, when the disk was last made to agree with them; null when it says more. */
  #version: number | null = null;

  constructor(journal: Journal, copies: Copies) {
    this.#journal = journal;
    this.#copies = copies;
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
   * holds: not before it would survive a crash here.
   * @throws StorageError
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
    await this.#journal.flushed();
  }

  /** The copies may have changed. */
  update(): void {
    if (!this.#journal.isDurable || this.#version === this.#copies.version) return;
    this.#version = this.#copies.version;
    const complete = this.#copies.readable();
    complete.removeAll(this.#copies.lossy);
    const all = this.#copies.readable();
    all.addAll(this.#copies.stale);
    this.#write({ complete, all });
  }

  #write(regions: Regions): void {
    const { complete, all } = this.#onDisk;
    if (!this.#journal.isDurable || (regions.complete.equals(complete) && regions.all.equals(all))) return;
    this.#onDisk = regions;
    this.#journal.write(regionsKey, encode(regionsCodec, regions));
  }
}
