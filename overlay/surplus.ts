import { batchesOf } from './comparison.ts';
import type { DiskRegions } from './disk-regions.ts';
import { inRegion, randomKeyIn } from './keys.ts';
import { type Contact, type Key, OverlayError, type Region } from './overlay.ts';
import type { RegionSet } from './region.ts';
import type { RegionReader } from './region-reader.ts';
import type { ReplicationGround } from './replication-ground.ts';
import { keptReply, regionsMax, syncReply } from './replication-messages.ts';

/** Members with data to take over that are reminded at once. */
const remindersMax = 32;
/** Keys whose owners are looked up at once. */
const offersMax = 32;

/**
 * Gets rid of what others keep: copies once all who must keep them have them, and what an earlier life left on disk
 * once one who holds the region has read what it lacked. Who keeps what near this node, its table knows, and adverts tell
 * them of the copy. Of copies far away nobody would ever hear: the first member of a ring that hundreds enter at once
 * has what they own, and most were never its neighbours. Their owners are looked up.
 *
 * @see Cates, "Robust and Efficient Data Management for a Distributed Hash Table", MIT 2003: global maintenance
 */
export class Surplus {
  readonly #ground: ReplicationGround;
  readonly #disk: DiskRegions;
  readonly #reader: RegionReader;
  readonly #lookup: (key: Key) => Promise<Contact>;
  #isReturning = false;
  #isOffering = false;

  /** @param lookup who owns a key; throws OverlayError */
  constructor(
    ground: ReplicationGround,
    disk: DiskRegions,
    reader: RegionReader,
    lookup: (key: Key) => Promise<Contact>,
  ) {
    this.#ground = ground;
    this.#disk = disk;
    this.#reader = reader;
    this.#lookup = lookup;
  }

  /** Drops what can be dropped, and reminds those who are not that far. */
  tidy(): void {
    const { copies, ping } = this.#ground;
    const { disposable, waitingFor } = copies.surplus();
    this.#dispose(disposable);
    for (const contact of waitingFor.slice(0, remindersMax)) ping(contact);
  }

  /** Shows some of what is far away to its owners. */
  async offer(): Promise<void> {
    if (this.#isOffering) return;
    this.#isOffering = true;
    try {
      await Promise.all(this.#distantKeys().map((key) => this.#offerTo(key)));
    } finally {
      this.#isOffering = false;
    }
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

  /** Some keys of surplus among whose keepers this node would not be if it stood there. */
  #distantKeys(): Key[] {
    const { copies, runtime, table } = this.#ground;
    const surplus = copies.expendable();
    const regions = [copies.spare, copies.retired].flatMap((part) => surplus.intersect(part).regions());
    const keys = Array.from({ length: regions.length > 0 ? offersMax : 0 }, (_, i) => {
      const region = regions[Math.floor(regions.length * runtime.random())] as Region;
      // Where others have taken over so much, the next owner's keys begin. At first there are few such places.
      return i % 2 === 0 ? region.from : randomKeyIn(region, () => runtime.random());
    });
    return [...new Set(keys)].filter((key) => !table.wouldBeLeaf(key));
  }

  async #offerTo(key: Key): Promise<void> {
    const { copies, log, ping, advertise, table } = this.#ground;
    try {
      const owner = await this.#lookup(key);
      if (owner.id === table.self.id) return;
      const around = copies
        .expendable()
        .regions()
        .filter((region) => inRegion(key, region));
      const kept = await this.#reader.ask(owner, { type: 'kept', regions: around }, keptReply);
      this.#dispose(copies.takenOver(kept));
      advertise();
      // It has nothing there, or less: by this node's advert it finds out where there is more.
      if (copies.serves(key) || !kept.held.has(key)) ping(owner);
    } catch (error) {
      if (!(error instanceof OverlayError)) throw error;
      log('debug', 'cannot offer a copy', { key, reason: error.message });
    }
  }

  #dispose(disposable: RegionSet): void {
    const { copies, advertise } = this.#ground;
    if (disposable.isEmpty) return;
    if (copies.dispose(disposable)) advertise();
    this.#disk.update();
    this.#drop(disposable);
  }

  #drop(regions: Iterable<Region>): void {
    for (const region of regions) for (const replicated of this.#ground.kinds.values()) replicated.drop(region);
  }
}
