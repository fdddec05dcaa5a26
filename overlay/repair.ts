import type { Source } from './copies.ts';
import type { DiskRegions } from './disk-regions.ts';
import type { Gathering } from './gathering.ts';
import type { Orphans } from './orphans.ts';
import type { Contact, Key, Loss, Region } from './overlay.ts';
import { RegionSet } from './region.ts';
import type { RegionReader } from './region-reader.ts';
import type { ReplicationGround } from './replication-ground.ts';
import { regionsMax } from './replication-messages.ts';
import type { Timer } from './runtime.ts';

export interface RepairOptions {
  readonly repairEveryMs: number;
  readonly adoptAfterMs: number;
}

export interface RepairOutput {
  /** Whether all around this node know each other and it: before, an owner could take writes that pass this node by. */
  hasEntered(): boolean;
  /** Has another read what is stale here, before this node reads the region from it. @throws OverlayError */
  giveBack(to: Contact, stale: readonly Region[]): Promise<void>;
}

export interface RepairCounters {
  regionsPulled: number;
  regionsAdopted: number;
}

/** Changes that come together are answered together. */
const repairDelayMs = 20;

/**
 * Makes this node's copies whole, one reading at a time: what it must keep and does not hold is read from those who
 * have it; what nobody holds is put together from what is left of it, or taken as empty in the end; what is lossy is
 * read again from those whose copy is whole. A source that fails is left alone for a while.
 */
export class Repair {
  readonly counters: RepairCounters = { regionsPulled: 0, regionsAdopted: 0 };
  readonly #ground: ReplicationGround;
  readonly #options: RepairOptions;
  readonly #reader: RegionReader;
  readonly #disk: DiskRegions;
  readonly #orphans: Orphans;
  readonly #gathering: Gathering;
  readonly #output: RepairOutput;
  /** Sources that failed a while ago, and until when they are not asked again. */
  readonly #avoided = new Map<Key, number>();
  #settled: (() => void)[] = [];
  #isRunning = false;
  #isReading = false;
  #soon: Timer | null = null;

  constructor(
    ground: ReplicationGround,
    options: RepairOptions,
    reader: RegionReader,
    disk: DiskRegions,
    orphans: Orphans,
    gathering: Gathering,
    output: RepairOutput,
  ) {
    this.#ground = ground;
    this.#options = options;
    this.#reader = reader;
    this.#disk = disk;
    this.#orphans = orphans;
    this.#gathering = gathering;
    this.#output = output;
  }

  /** The node has entered the ring. */
  start(): void {
    this.#isRunning = true;
  }

  close(): void {
    this.#isRunning = false;
    this.#soon?.cancel();
  }

  /** Whether this node holds everything that it must keep. */
  get isSettled(): boolean {
    return this.#isRunning && this.#ground.copies.wanted().isEmpty;
  }

  /** Resolves once it does; at once when it does already. */
  whenSettled(): Promise<void> {
    if (this.isSettled) return Promise.resolve();
    return new Promise((resolve) => this.#settled.push(resolve));
  }

  /** Something changed that may let a reading begin. */
  soon(): void {
    if (!this.#isRunning || this.#isReading) return;
    this.#soon ??= this.#ground.runtime.after(repairDelayMs, () => {
      this.#soon = null;
      this.#next(false);
    });
  }

  /** The regular look: also at what only time brings about. */
  tick(): void {
    const nowMs = this.#ground.runtime.now();
    for (const [id, untilMs] of this.#avoided) if (untilMs <= nowMs) this.#avoided.delete(id);
    this.#next(true);
  }

  /** Begins the next reading, unless one is under way. `mayGather`: put orphans together from what is left of them. */
  #next(mayGather: boolean): void {
    if (!this.#isRunning || this.#isReading) return;
    if (this.isSettled) {
      const settled = this.#settled;
      this.#settled = [];
      for (const resolve of settled) resolve();
    }
    if (!this.#output.hasEntered()) return;
    const { copies, ping } = this.#ground;
    const { sources, orphans, unheard } = copies.plan();
    // What has been adopted is not to be gathered any more.
    orphans.removeAll(this.#adopt(orphans));
    for (const contact of mayGather ? unheard : []) ping(contact);
    const reading = this.#reading(sources, mayGather ? orphans : null);
    if (!reading) return;
    this.#isReading = true;
    void reading.finally(() => {
      this.#isReading = false;
      this.#next(false);
    });
  }

  #reading(sources: readonly Source[], orphans: RegionSet | null): Promise<void> | null {
    const source = sources.find((one) => this.#mayAsk(one));
    // A member may have many pieces: one question for all of them.
    if (source) {
      const ofSame = sources.filter(({ contact }) => contact.id === source.contact.id).slice(0, regionsMax);
      return this.#pull(source.contact, new RegionSet(ofSame.map(({ region }) => region)));
    }
    const orphan = orphans?.regions().find((region) => this.#gathering.mayGather(region));
    if (orphan) return this.#gathering.gather(orphan);
    const healer = this.#ground.copies.healers().find((one) => this.#mayAsk(one));
    return healer ? this.#heal(healer) : null;
  }

  async #pull(contact: Contact, wanted: RegionSet): Promise<void> {
    const { copies, log } = this.#ground;
    try {
      await this.#output.giveBack(contact, copies.stale.intersect(wanted).regions());
      const { available, losses } = await this.#reader.read(contact, wanted.regions());
      if (available.equals(wanted)) await this.#pulled(contact, wanted, losses);
      else {
        for (const part of available) {
          const again = await this.#reader.read(contact, [part]);
          if (again.available.covers(part)) await this.#pulled(contact, new RegionSet([part]), again.losses);
        }
        // Its advert promised more than it has.
        if (available.isEmpty) this.#avoid(contact);
      }
    } catch (error) {
      log('info', 'cannot read a region', { from: contact.address, reason: String(error) });
      this.#avoid(contact);
    }
  }

  async #pulled(from: Contact, keys: RegionSet, losses: readonly Loss[]): Promise<void> {
    const { copies, log, advertise } = this.#ground;
    await this.#disk.secure(keys, losses);
    for (const region of keys) {
      this.counters.regionsPulled += 1;
      log('debug', 'region read', { from: from.address, region });
      copies.hold(region, losses);
    }
    this.#disk.update();
    advertise();
  }

  /** Adds a whole copy to a lossy one. */
  async #heal({ contact, region }: Source): Promise<void> {
    const { copies, log } = this.#ground;
    try {
      await this.#reader.read(contact, [region]);
      this.#disk.update();
      if (!copies.lossy.overlaps(region)) log('info', 'region healed', { from: contact.address, region });
      // Its advert promised more than it has.
      else this.#avoid(contact);
    } catch (error) {
      log('info', 'cannot heal a region', { from: contact.address, reason: String(error) });
      this.#avoid(contact);
    }
  }

  #mayAsk({ contact }: Source): boolean {
    return (this.#avoided.get(contact.id) ?? 0) <= this.#ground.runtime.now();
  }

  #avoid(contact: Contact): void {
    this.#avoided.set(contact.id, this.#ground.runtime.now() + this.#options.repairEveryMs);
  }

  /** Takes as empty what nobody has had for long enough: from then on it is lossy, for all who read it from here too. */
  #adopt(orphans: RegionSet): RegionSet {
    const { runtime, copies, log, advertise } = this.#ground;
    const nowMs = runtime.now();
    const adopted = this.#orphans.update(orphans, this.#options.adoptAfterMs, nowMs);
    for (const region of adopted) {
      this.counters.regionsAdopted += 1;
      log('warn', 'no copy of a region is left: taken as empty', { region });
      // Until now another side of a partition may have taken writes, and then have died.
      copies.hold(region, [{ region, atMs: nowMs }]);
      this.#gathering.adopted(region);
      advertise();
    }
    this.#disk.update();
    return new RegionSet(adopted);
  }
}
