import { batchesOf } from './comparison.ts';
import type { Contact, Region } from './overlay.ts';
import type { ReadonlyRegionSet } from './region.ts';
import type { RegionReader } from './region-reader.ts';
import type { ReplicationGround } from './replication-ground.ts';
import { regionsMax, syncReply } from './replication-messages.ts';

export interface AntiEntropyCounters {
  /** Times that this node found its copy to differ from another's and had both made equal. */
  reconciliations: number;
  /** Bytes of chunks read to make copies equal; part of `chunkBytesIn`. */
  repairBytesIn: number;
}

/** Makes the copies of this node's own keys equal: what a write missed, or a node that was away, is found so. */
export class AntiEntropy {
  readonly counters: AntiEntropyCounters = { reconciliations: 0, repairBytesIn: 0 };
  readonly #ground: ReplicationGround;
  readonly #replicas: number;
  readonly #reader: RegionReader;
  #rounds = 0;

  constructor(ground: ReplicationGround, replicas: number, reader: RegionReader) {
    this.#ground = ground;
    this.#replicas = replicas;
    this.#reader = reader;
  }

  /** Compares this node's own region with the copy of one of those who keep one, each in turn. */
  async compareNext(): Promise<void> {
    const { copies } = this.#ground;
    const partners = copies.partners();
    const partner = partners[this.#rounds % Math.max(1, partners.length)];
    this.#rounds += 1;
    if (partner) await this.compareWith(partner, copies.heldBy(partner.id));
  }

  /** Compares this node's own keys, as far as both nodes hold them. */
  async compareWith(partner: Contact, keys: ReadonlyRegionSet): Promise<void> {
    const { table, copies, log } = this.#ground;
    const shared = copies.held
      .intersect(table.region())
      .intersect(table.replicaRegionOf(partner.id, this.#replicas))
      .intersect(keys);
    if (shared.isEmpty) return;
    try {
      await this.#reconcile(partner, shared.regions());
    } catch (error) {
      log('info', 'cannot compare copies', { with: partner.address, reason: String(error) });
    }
  }

  /** The other side of it: another has found that its copy differs from this node's. @throws OverlayError */
  readBack(from: Contact, regions: readonly Region[]): Promise<void> {
    return this.#counted(() => this.#reader.read(from, regions, true));
  }

  /** Has both sides read what differs between their copies. */
  async #reconcile(partner: Contact, shared: readonly Region[]): Promise<void> {
    const { differing, available, losses } = await this.#reader.differences(partner, shared, false);
    for (const regions of batchesOf(differing, regionsMax)) {
      this.counters.reconciliations += 1;
      await this.#counted(() => this.#reader.readAll(partner, regions, true));
      await this.#reader.ask(partner, { type: 'sync', regions }, syncReply);
    }
    if (this.#ground.copies.united(available, losses)) this.#ground.advertise();
  }

  async #counted(read: () => Promise<unknown>): Promise<void> {
    const { chunkBytesIn } = this.#reader.counters;
    await read();
    this.counters.repairBytesIn += this.#reader.counters.chunkBytesIn - chunkBytesIn;
  }
}
