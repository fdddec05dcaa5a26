import {
  bytes,
  type Codec,
  flag,
  list,
  milliseconds,
  nullable,
  region,
  regionSet,
  struct,
  tagged,
  u8,
  u32,
  u64,
} from './codec.ts';
import type { Kept } from './copies.ts';
import { lossesMax } from './losses.ts';
import type { Digest, Region } from './overlay.ts';
import { type RegionSet, wholeRing } from './region.ts';

/** Digests by kind of data. */
export type KindDigest = Digest & { readonly kind: number };

/** Payloads of requests to `replicationApp`. */
export type ReplicationRequest =
  /** What have you there, each region divided into so many parts? Answered with `compareReply`. */
  | {
      readonly type: 'compare';
      readonly regions: readonly Region[];
      readonly parts: number;
      /** Leave out what had expired by then. */
      readonly horizonMs: number;
      /** As in `open`. */
      readonly anything: boolean;
    }
  /** Let me read some regions; `anything`: even if what you have is not complete. Answered with `openReply`. */
  | { readonly type: 'open'; readonly regions: readonly Region[]; readonly anything: boolean }
  /** The next chunk. Answered with `nextReply`. */
  | { readonly type: 'next'; readonly export: number; readonly index: number }
  /** Read this from me, complete or not. Answered with nothing once that is done. */
  | { readonly type: 'sync'; readonly regions: readonly Region[] }
  /** What of this do you keep, and what do all who must keep it with you? Answered with `keptReply`. */
  | { readonly type: 'kept'; readonly regions: readonly Region[] }
  /** Is everybody back whom you have known, and had you lost nothing yourself? Answered with `vouchReply`. */
  | { readonly type: 'vouch' };

export interface CompareReply {
  /** What the answering node left out; later than asked for if it had left that out before. */
  readonly horizonMs: number;
  /** As in `OpenReply`; without parts that are complete in none, if not `anything` was asked for. */
  readonly available: RegionSet;
  readonly losses: readonly AgedLoss[];
  readonly doubtful: RegionSet;
  /** Of each part of each region, as `divide` gives them, in this order. */
  readonly digests: readonly (readonly KindDigest[])[];
}

/** A `Loss` on the wire: its age, so that clocks need not agree. */
export interface AgedLoss {
  readonly region: Region;
  readonly ageMs: number;
}

export interface OpenReply {
  /** The part of the regions of which the answering node has a complete copy, if perhaps an old one. */
  readonly available: RegionSet;
  /** The flaws of that copy. */
  readonly losses: readonly AgedLoss[];
  /** Of what is available, what is from the disk: complete once, but others may have had newer items. */
  readonly doubtful: RegionSet;
  /** 0 when that is not what was asked for, or when there is nothing. */
  readonly export: number;
}

const kindsMax = 256;
const chunkBytesMax = 4 * 1024 * 1024;
/** Regions of one request, and parts of each that are compared at once. */
export const regionsMax = 64;
export const partsMax = 16;

const regions = list(region, regionsMax);
const kindDigest = struct<KindDigest>({ kind: u8, items: u32, hash: u64 });

export const replicationRequest: Codec<ReplicationRequest> = tagged<ReplicationRequest>({
  compare: [1, struct({ regions, parts: u8, horizonMs: milliseconds, anything: flag })],
  open: [2, struct({ regions, anything: flag })],
  next: [3, struct({ export: u32, index: u32 })],
  sync: [4, struct({ regions })],
  vouch: [5, struct({})],
  kept: [6, struct({ regions })],
});

const lossList = list(struct<AgedLoss>({ region, ageMs: milliseconds }), lossesMax);
/** More of them than fit are written as one that covers them all. */
const losses: Codec<readonly AgedLoss[]> = {
  write: (writer, value) => {
    const latest = { region: wholeRing, ageMs: Math.min(...value.map(({ ageMs }) => ageMs)) };
    lossList.write(writer, value.length <= lossesMax ? value : [latest]);
  },
  read: lossList.read,
};

export const compareReply = struct<CompareReply>({
  horizonMs: milliseconds,
  available: regionSet(),
  losses,
  doubtful: regionSet(),
  digests: list(list(kindDigest, kindsMax), regionsMax * partsMax),
});
export const openReply = struct<OpenReply>({
  available: regionSet(),
  losses,
  doubtful: regionSet(),
  export: u32,
});
export const syncReply = struct({});
export const keptReply = struct<Kept>({ held: regionSet(), lossy: regionSet(), everywhere: regionSet() });
export const vouchReply = flag;
export const nextReply = nullable(
  struct<{ kind: number; chunk: Uint8Array }>({ kind: u8, chunk: bytes(chunkBytesMax) }),
);
