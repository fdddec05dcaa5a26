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
import { lossesMax } from './losses.ts';
import type { Region } from './overlay.ts';
import { type RegionSet, wholeRing } from './region.ts';

export interface KindDigest {
  readonly kind: number;
  readonly items: number;
  readonly hash: bigint;
}

/** Payloads of requests to `replicationApp`. */
export type ReplicationRequest =
  /** What have you there? Answered with `digestReply`. */
  | { readonly type: 'digest'; readonly region: Region }
  /**
   * Let me read a region, of which I have this much already; `anything`: even if what you have is not complete.
   * Answered with `openReply`.
   */
  | {
      readonly type: 'open';
      readonly region: Region;
      readonly anything: boolean;
      readonly digests: readonly KindDigest[];
    }
  /** The next chunk. Answered with `nextReply`. */
  | { readonly type: 'next'; readonly export: number; readonly index: number }
  /** Read this from me. Answered with nothing once that is done. */
  | { readonly type: 'sync'; readonly region: Region };

/** A `Loss` on the wire: its age, so that clocks need not agree. */
export interface AgedLoss {
  readonly region: Region;
  readonly ageMs: number;
}

export interface OpenReply {
  /** The part of the region of which the answering node has a complete copy, if perhaps an old one. */
  readonly available: RegionSet;
  /** The flaws of that copy. */
  readonly losses: readonly AgedLoss[];
  /** 0 when that is not what was asked for, or when the asking node has the same already. */
  readonly export: number;
}

const kindsMax = 256;
const chunkBytesMax = 4 * 1024 * 1024;
const availableRegionsMax = 64;

const kindDigest = struct<KindDigest>({ kind: u8, items: u32, hash: u64 });

export const replicationRequest: Codec<ReplicationRequest> = tagged<ReplicationRequest>({
  digest: [1, struct({ region })],
  open: [2, struct({ region, anything: flag, digests: list(kindDigest, kindsMax) })],
  next: [3, struct({ export: u32, index: u32 })],
  sync: [4, struct({ region })],
});

export const digestReply = list(kindDigest, kindsMax);

const lossList = list(struct<AgedLoss>({ region, ageMs: milliseconds }), lossesMax);
/** More of them than fit are written as one that covers them all. */
const losses: Codec<readonly AgedLoss[]> = {
  write: (writer, value) => {
    const latest = { region: wholeRing, ageMs: Math.min(...value.map(({ ageMs }) => ageMs)) };
    lossList.write(writer, value.length <= lossesMax ? value : [latest]);
  },
  read: lossList.read,
};
export const openReply = struct<OpenReply>({ available: regionSet(availableRegionsMax), losses, export: u32 });
export const nextReply = nullable(
  struct<{ kind: number; chunk: Uint8Array }>({ kind: u8, chunk: bytes(chunkBytesMax) }),
);
