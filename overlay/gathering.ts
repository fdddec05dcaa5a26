import { absentMax, type DiskRegions, type Doubt } from './disk-regions.ts';
import { Losses } from './losses.ts';
import type { Orphans } from './orphans.ts';
import { type Contact, type Key, type Loss, OverlayError, type Region } from './overlay.ts';
import { RegionSet } from './region.ts';
import type { RegionReading } from './region-reader.ts';
import type { ReplicationGround } from './replication-ground.ts';

export interface GatheringOptions {
  readonly adoptAfterMs: number;
}

export interface GatheringOutput {
  /** What this node has of a region, complete or not. */
  own(region: Region): RegionReading;
  /** Takes over what another has of it. @throws OverlayError */
  read(from: Contact, region: Region): Promise<RegionReading>;
  /** Another's answer to the question that `vouches` answers here. @throws OverlayError */
  vouches(contact: Contact): Promise<boolean>;
  /** Whether this node keeps what it has through crashes, and has lost none of it. */
  isFaithful(): boolean;
  missing(): readonly Contact[];
  /** Members of this node's earlier life that are not back are missing, too. */
  expectMembers(): void;
}

/**
 * Puts together a region that nobody holds from what is left of it: copies that were retired in favour of members now
 * dead, and what members of an earlier life of the fleet had on disk. Whether somebody who is not here had more, nobody
 * knows, so what comes of it is marked as lossy. A mark for the sake of copies on disk is taken back when all survivors
 * say that everybody whom they have known since is here again, has its disk, and all of them were read once more. What is
 * doubtful and who is absent is on disk: another failure meanwhile does not make the marks last for ever.
 */
export class Gathering {
  readonly #ground: ReplicationGround;
  readonly #options: GatheringOptions;
  readonly #disk: DiskRegions;
  readonly #orphans: Orphans;
  readonly #output: GatheringOutput;
  /** Who was missing near this node, where copies are shared, and is not back, however long ago. */
  readonly #absent = new Set<Key>();
  #isResolving = false;

  constructor(
    ground: ReplicationGround,
    options: GatheringOptions,
    disk: DiskRegions,
    orphans: Orphans,
    output: GatheringOutput,
  ) {
    this.#ground = ground;
    this.#options = options;
    this.#disk = disk;
    this.#orphans = orphans;
    this.#output = output;
  }

  /** Takes up the doubts of an earlier life. */
  recover(): void {
    for (const { region } of this.#disk.doubts) this.#ground.copies.doubt(region);
    for (const id of this.#disk.absent) this.#absent.add(id);
  }

  /** Members that are on their way back may have newer copies than this node's disk: not at once without them. */
  mayGather(region: Region): boolean {
    if (!this.#ground.copies.stale.overlaps(region)) return true;
    this.#output.expectMembers();
    if (!this.#isAnyoneAbsent()) return true;
    return this.#orphans.isSince(region, this.#ground.runtime.now() - this.#options.adoptAfterMs / 2);
  }

  async gather(region: Region): Promise<void> {
    const gathered = new RegionSet();
    const doubtful = new RegionSet();
    const losses = new Losses();
    const add = (reading: RegionReading): void => {
      losses.unite(gathered, reading.available, reading.losses);
      gathered.addAll(reading.available);
      doubtful.addAll(reading.doubtful);
    };
    try {
      for (const contact of this.#ground.copies.survivors(region)) add(await this.#output.read(contact, region));
    } catch (error) {
      // Whoever did not answer may have the rest; it will, or be found dead.
      this.#ground.log('info', 'cannot gather a region', { region, reason: String(error) });
      return;
    }
    add(this.#output.own(region));
    for (const part of gathered) await this.#hold(part, losses.within(new RegionSet([part])), doubtful.overlaps(part));
    await this.resolve();
  }

  /** A region was taken as empty, for want of a copy: those who are not back may have all of it. */
  adopted(region: Region): void {
    if (!this.#output.isFaithful()) return;
    this.#ground.copies.doubt(region);
    this.#remember([...this.#doubtsBeside(region), { region, losses: [] }]);
  }

  /** Whether everybody whom this node has known is here, as far as it knows, and this node is whole itself. */
  vouches(): boolean {
    this.#output.expectMembers();
    return this.#output.isFaithful() && !this.#isAnyoneAbsent();
  }

  /** Takes back marks of regions that nobody can have had more of. */
  async resolve(): Promise<void> {
    // Also keeps account of who is absent.
    const vouches = this.vouches();
    if (this.#disk.doubts.length === 0) return;
    this.#leaveToOthers();
    this.#remember(this.#disk.doubts);
    if (!vouches || this.#isResolving) return;
    this.#isResolving = true;
    try {
      const held = this.#ground.copies.servable();
      for (const doubt of this.#disk.doubts) {
        for (const part of held.intersect(doubt.region)) if (await this.#isAll(part)) this.#assure(part, doubt);
      }
    } catch (error) {
      if (!(error instanceof OverlayError)) throw error;
      this.#ground.log('debug', 'cannot find out whether a region is whole', { reason: error.message });
    } finally {
      this.#isResolving = false;
    }
  }

  async #hold(part: Region, losses: readonly Loss[], isFromDisk: boolean): Promise<void> {
    const isDoubtful = isFromDisk || this.#isAnyoneAbsent();
    const flaws = isDoubtful ? [...losses, { region: part, atMs: this.#ground.runtime.now() }] : losses;
    await this.#disk.secure(new RegionSet([part]), flaws);
    this.#ground.log('info', 'region gathered', { region: part, isDoubtful });
    this.#ground.copies.hold(part, flaws);
    // What an earlier life doubted is in what was read now.
    const others = this.#doubtsBeside(part);
    if (isDoubtful) this.#ground.copies.doubt(part);
    this.#remember(isDoubtful ? [...others, { region: part, losses }] : others);
    this.#disk.update();
    this.#ground.advertise();
  }

  /** Reads the region from all who may have something of it once more: they had not all been here, or not all of that. */
  async #isAll(region: Region): Promise<boolean> {
    const survivors = this.#ground.copies.survivors(region);
    for (const survivor of survivors) if (!(await this.#output.vouches(survivor))) return false;
    for (const survivor of survivors) await this.#output.read(survivor, region);
    return this.vouches();
  }

  /** Also marks of later: whoever had what they tell of is back as well, and was read. */
  #assure(part: Region, { losses }: Doubt): void {
    const { copies, log, advertise } = this.#ground;
    this.#remember(this.#doubtsBeside(part));
    log('info', 'region is whole again', { region: part });
    if (copies.assure(part, losses)) advertise();
    this.#disk.update();
  }

  /** What has come to be others' to keep while this node was down, and has been given back to them, it cannot resolve. */
  #leaveToOthers(): void {
    const { copies } = this.#ground;
    const own = copies.servable();
    own.addAll(copies.wanted());
    own.addAll(copies.stale);
    for (const { region } of this.#disk.doubts) {
      for (const part of own.missingFrom(new RegionSet([region]))) {
        copies.leaveDoubt(part);
        this.#remember(this.#doubtsBeside(part));
      }
    }
  }

  #doubtsBeside(part: Region): Doubt[] {
    const cut = new RegionSet([part]);
    return this.#disk.doubts.flatMap((doubt) =>
      cut
        .missingFrom(new RegionSet([doubt.region]))
        .regions()
        .map((region) => ({ ...doubt, region })),
    );
  }

  /** Whoever has been absent stays written down while there are doubts: that it was seen again does not mean that it was read. */
  #remember(doubts: readonly Doubt[]): void {
    this.#disk.remember(doubts, doubts.length === 0 ? [] : new Set([...this.#disk.absent, ...this.#absent]));
  }

  #isAnyoneAbsent(): boolean {
    for (const { id } of this.#output.missing()) {
      if (this.#absent.size <= absentMax && this.#ground.table.wouldBeLeaf(id)) this.#absent.add(id);
    }
    if (this.#absent.size > absentMax) return true;
    for (const id of this.#absent) if (this.#ground.table.get(id)) this.#absent.delete(id);
    return this.#absent.size > 0;
  }
}
