import { batchesOf } from './comparison.ts';
import type { DiskRegions } from './disk-regions.ts';
import type { Contact, Region } from './overlay.ts';
import type { RegionReader } from './region-reader.ts';
import type { ReplicationGround } from './replication-ground.ts';
import { regionsMax, syncReply } from './replication-messages.ts';

/** Members with data to take over that are reminded at once. */
const remindersMax = 32;

/**
 * Gets rid of what others keep: copies once all who must keep them have them, and what an earlier life left on disk
 * once one who holds the region has read what it lacked.
 */
export class Surplus {
  readonly #ground: ReplicationGround;
  readonly #disk: DiskRegions;
  readonly #reader: RegionReader;
  #isReturning = false;

  constructor(ground: ReplicationGround, disk: DiskRegions, reader: RegionReader) {
    this.#ground = ground;
    this.#disk = disk;
    this.#reader = reader;
  }

  /** Drops what can be dropped, and reminds those who are not that far. */
  tidy(): void {
    const { copies, ping, advertise } = this.#ground;
    const { disposable, waitingFor } = copies.surplus();
    if (!disposable.isEmpty) {
      if (copies.dispose(disposable)) advertise();
      this.#disk.update();
      this.#drop(disposable);
    }
    for (const contact of waitingFor.slice(0, remindersMax)) ping(contact);
  }

  /** Drops writes that owners sent here by an outdated table. */
  dropStrays(): void {
    this.#drop(this.#ground.copies.strays());
  }

  /** Stale data that is for others to keep: once they have it, it can be dropped. */
  async returnStale(): Promise<void> {
    const { copies, ping, log } = this.#ground;
    const { sources, unheard } = copies.takersOfStale();
    for (const contact of unheard.slice(0, remindersMax)) ping(contact);
    const [source] = sources;
    if (!source || this.#isReturning) return;
    this.#isReturning = true;
    try {
      await this.giveBack(source.contact, [source.region]);
    } catch (error) {
      log('info', 'cannot give data back', { to: source.contact.address, reason: String(error) });
    } finally {
      this.#isReturning = false;
    }
  }

  /** Has another read what is stale here, for it may lack some of it. @throws OverlayError */
  async giveBack(to: Contact, stale: readonly Region[]): Promise<void> {
    for (const regions of batchesOf(stale, regionsMax))
      await this.#reader.ask(to, { type: 'sync', regions }, syncReply);
    for (const region of stale) this.#ground.copies.returned(region);
  }

  #drop(regions: Iterable<Region>): void {
    for (const region of regions) for (const replicated of this.#ground.kinds.values()) replicated.drop(region);
  }
}
