import { type Codec, CodecError, encode } from './codec.ts';
import { batchesOf, type Comparison } from './comparison.ts';
import { flawed } from './losses.ts';
import type { Contact, Loss, Region } from './overlay.ts';
import { RegionSet } from './region.ts';
import type { ReplicationGround } from './replication-ground.ts';
import {
  type AgedLoss,
  compareReply,
  nextReply,
  openReply,
  type ReplicationRequest,
  regionsMax,
  replicationRequest,
} from './replication-messages.ts';

/** What reading some regions gave: the part of them that is complete now, and its flaws. */
export interface RegionReading {
  readonly available: RegionSet;
  readonly losses: readonly Loss[];
  /** What was complete once, on the disk of the node that was read from, and may be out of date. */
  readonly doubtful: RegionSet;
}

/** A reading as it travels: another node's clock may differ. */
export interface ToldReading {
  readonly available: RegionSet;
  readonly losses: readonly AgedLoss[];
  readonly doubtful: RegionSet;
}

export interface ReaderCounters {
  chunksIn: number;
  chunkBytesIn: number;
  /** Requests that compared copies. */
  comparisons: number;
}

/** @throws OverlayError */
export type Ask = <T>(to: Contact, request: Uint8Array, answer: Codec<T>) => Promise<T>;

/** Reads regions from other members: what differs from this node's own items there, or all where it has none. */
export class RegionReader {
  readonly counters: ReaderCounters = { chunksIn: 0, chunkBytesIn: 0, comparisons: 0 };
  readonly #ground: ReplicationGround;
  readonly #comparison: Comparison;
  readonly #ask: Ask;

  constructor(ground: ReplicationGround, comparison: Comparison, ask: Ask) {
    this.#ground = ground;
    this.#comparison = comparison;
    this.#ask = ask;
  }

  ask<T>(to: Contact, request: ReplicationRequest, answer: Codec<T>): Promise<T> {
    return this.#ask(to, encode(replicationRequest, request), answer);
  }

  /**
   * Adds what another has to this node's copies. `anything`: also what it has no complete copy of.
   * @returns what the source can give, which is all of it when the reading succeeded
   */
  async read(from: Contact, regions: readonly Region[], anything = false): Promise<RegionReading> {
    const { copies, runtime, advertise } = this.#ground;
    const reading = await this.#readDifferences(from, regions, anything);
    // Nothing was read if not all of it could be.
    const isRead = anything || regions.every((region) => reading.available.covers(region));
    const losses = [...reading.losses, ...flawed(reading.doubtful, runtime.now())];
    if (isRead && copies.united(reading.available, losses)) advertise();
    return reading;
  }

  async #readDifferences(from: Contact, regions: readonly Region[], anything: boolean): Promise<RegionReading> {
    if (!regions.some((region) => this.#comparison.hasItems(region))) return this.readAll(from, regions, anything);
    const { differing, ...reading } = await this.differences(from, regions, anything);
    if (!anything && !regions.every((region) => reading.available.covers(region))) return reading;
    const { available, doubtful } = reading;
    const losses = [...reading.losses];
    for (const batch of batchesOf(differing, regionsMax)) {
      const read = await this.readAll(from, batch, anything);
      for (const part of batch) available.removeAll(read.available.missingFrom(part));
      losses.push(...read.losses);
      doubtful.addAll(read.doubtful);
    }
    return { available, losses, doubtful };
  }

  /** Which parts of some regions differ between both copies. */
  async differences(
    from: Contact,
    regions: readonly Region[],
    anything: boolean,
  ): Promise<RegionReading & { readonly differing: readonly Region[] }> {
    const available = new RegionSet();
    const doubtful = new RegionSet();
    const losses: Loss[] = [];
    const differing = await this.#comparison.differences(regions, async (request) => {
      this.counters.comparisons += 1;
      const reply = await this.ask(from, { type: 'compare', anything, ...request }, compareReply);
      const reading = this.#heard(request.regions, reply);
      losses.push(...reading.losses);
      doubtful.addAll(reading.doubtful);
      // At first of all, then of parts of it.
      if (request.parts === 1) available.addAll(reading.available);
      else for (const region of request.regions) available.removeAll(reading.available.missingFrom(region));
      return reply;
    });
    return { available, losses, doubtful, differing };
  }

  /** Reads all that another has of some regions. */
  async readAll(from: Contact, regions: readonly Region[], anything: boolean): Promise<RegionReading> {
    const opened = await this.ask(from, { type: 'open', regions, anything }, openReply);
    const reading = this.#heard(regions, opened);
    if (opened.export === 0) return reading;
    for (let index = 0; ; index++) {
      const part = await this.ask(from, { type: 'next', export: opened.export, index }, nextReply);
      if (!part) return reading;
      const replicated = this.#ground.kinds.get(part.kind);
      if (!replicated) throw new CodecError(`unknown kind ${part.kind} of data`);
      this.counters.chunksIn += 1;
      this.counters.chunkBytesIn += part.chunk.length;
      replicated.import(part.chunk);
    }
  }

  #heard(regions: readonly Region[], told: ToldReading): RegionReading {
    const nowMs = this.#ground.runtime.now();
    const asked = new RegionSet(regions);
    return {
      available: told.available.intersect(asked),
      doubtful: told.doubtful.intersect(asked),
      losses: told.losses.map(({ region, ageMs }) => ({ region, atMs: Math.max(0, nowMs - ageMs) })),
    };
  }
}

/** For another node. */
export function told({ available, losses, doubtful }: RegionReading, nowMs: number): ToldReading {
  const aged = losses.map(({ region, atMs }) => ({ region, ageMs: Math.max(0, nowMs - atMs) }));
  return { available, losses: aged, doubtful };
}
