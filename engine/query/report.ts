import { type Contact, type Region, RegionSet } from '../../overlay/index.ts';
import type { Coverage } from '../session.ts';

/** What a part of the fleet says about its share of an execution. Plain data: it travels in echoes. */
export interface Report {
  /** Regions scanned, each exactly once. */
  readonly served: readonly Region[];
  /** Regions that nobody could serve, or of which rows are gone for good. */
  readonly lost: readonly Region[];
  readonly nodesReached: number;
  readonly nodesAnswered: number;
  readonly missing: readonly Contact[];
  readonly batchesLost: number;
  /** Something was served twice: dropped where it could be told apart, in any case not complete. */
  readonly overlap: boolean;
  /** Causes in words, each naming a node. */
  readonly reasons: readonly string[];
}

/** Lists in a report are cut here, so that a report of ten thousand nodes still fits a frame. */
export const reportItemsMax = 256;
export const reasonLengthMax = 1_000;

/** Adds up reports, from this node and from the subtrees below it. */
export class ReportBuilder {
  #served = new RegionSet();
  #lost = new RegionSet();
  readonly #missing = new Map<string, Contact>();
  readonly #reasons = new Set<string>();
  #nodesReached = 0;
  #nodesAnswered = 0;
  #batchesLost = 0;
  #overlap = false;

  /** False when `regions` overlap what was already served: the caller must not use the rows. */
  admits(regions: readonly Region[]): boolean {
    return !regions.some((region) => this.#served.overlaps(region));
  }

  add(report: Report): void {
    this.served(report.served);
    for (const region of report.lost) this.#lost.add(region);
    for (const contact of report.missing) this.missing(contact);
    for (const reason of report.reasons) this.reason(reason);
    this.#nodesReached += report.nodesReached;
    this.#nodesAnswered += report.nodesAnswered;
    this.#batchesLost += report.batchesLost;
    this.#overlap ||= report.overlap;
  }

  served(regions: Iterable<Region>): void {
    for (const region of regions) if (this.#served.add(region)) this.overlap('a region was served twice');
  }

  lost(regions: Iterable<Region>, reason: string): void {
    for (const region of regions) this.#lost.add(region);
    this.reason(reason);
  }

  overlap(reason: string): void {
    this.#overlap = true;
    this.reason(reason);
  }

  batchesLost(count: number, reason: string): void {
    this.#batchesLost += count;
    this.reason(reason);
  }

  missing(contact: Contact): void {
    if (this.#missing.size < reportItemsMax) this.#missing.set(contact.id, contact);
  }

  reason(reason: string): void {
    if (this.#reasons.size < reportItemsMax) this.#reasons.add(reason.slice(0, reasonLengthMax));
  }

  reached(): void {
    this.#nodesReached += 1;
  }

  answered(): void {
    this.#nodesAnswered += 1;
  }

  /** The sum so far; the builder starts again from nothing. */
  take(): Report {
    const report: Report = {
      served: this.#served.regions(),
      lost: this.#lost.regions(),
      nodesReached: this.#nodesReached,
      nodesAnswered: this.#nodesAnswered,
      missing: [...this.#missing.values()],
      batchesLost: this.#batchesLost,
      overlap: this.#overlap,
      reasons: [...this.#reasons],
    };
    this.#served = new RegionSet();
    this.#lost = new RegionSet();
    this.#missing.clear();
    this.#reasons.clear();
    this.#nodesReached = 0;
    this.#nodesAnswered = 0;
    this.#batchesLost = 0;
    this.#overlap = false;
    return report;
  }
}

/**
 * Judges the sum of all reports of an execution: `complete` only if `target` was tiled exactly.
 *
 * @param target the region that the query had to cover; `null` when it reads no table
 */
export function coverageOf(report: Report, target: Region | null): Coverage {
  const gaps = target === null ? new RegionSet() : new RegionSet(report.served).missingFrom(target);
  const reasons = new Set(report.reasons);
  for (const contact of report.missing) reasons.add(`node ${contact.address} was seen recently and is unreachable now`);
  if (!gaps.isEmpty && reasons.size === 0) reasons.add('part of the key space did not answer');
  const lost = gaps.clone();
  for (const region of report.lost) lost.add(region);
  const complete =
    gaps.isEmpty &&
    report.lost.length === 0 &&
    report.missing.length === 0 &&
    report.batchesLost === 0 &&
    !report.overlap &&
    report.reasons.length === 0;
  return {
    complete,
    nodesAnswered: report.nodesAnswered,
    nodesReached: report.nodesReached,
    missing: report.missing,
    regionsLost: lost.regions(),
    batchesLost: report.batchesLost,
    reasons: [...reasons],
  };
}
