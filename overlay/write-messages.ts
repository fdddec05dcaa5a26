import { bytes, type Codec, flag, key, list, nullable, oneOf, struct, tagged, text } from './codec.ts';
import type { Key } from './overlay.ts';

/** Bytes for the store that keeps the keys from `first` clockwise to `last`, both included; they have one owner. */
export interface Write {
  readonly first: Key;
  readonly last: Key;
  readonly chunk: Uint8Array;
}

interface Writes {
  /** Soft state: who writes it writes it again before long. A node whose disk has failed takes it, in memory. */
  readonly isSoft: boolean;
  readonly writes: readonly Write[];
}

/** Payloads of requests between the writing ends of one store. */
export type WriteRequest =
  /** To the owner. Answered with `writeReply`. */
  | ({ readonly type: 'write' } & Writes)
  /** From the owner to those who keep copies. Answered with `applyReply` once they have it, safely. */
  | ({ readonly type: 'apply' } & Writes);

export interface WriteOutcome {
  /**
   * `done`: every copy has it; `moved`: another node owns the key; `busy`: the owner is still reading its copy, or a
   * copy did not acknowledge: try again; `refused`: the store does not want it, or a disk has failed, for this reason;
   * `full`: there is no room for it, or a disk is full; `conflict`: what is there is not what the write expects.
   */
  readonly status: 'done' | 'moved' | 'busy' | 'refused' | 'full' | 'conflict';
  readonly reason: string;
}

/** Why a node with a copy cannot keep what it was given. */
export interface Refusal extends WriteOutcome {
  readonly status: 'refused' | 'full';
}

export const writesMax = 16_384;
const reasonBytesMax = 512;
/** UTF-16 code units that never take more than `reasonBytesMax` bytes. */
export const reasonCharsMax = reasonBytesMax / 4;
const chunkBytesMax = 2 * 1024 * 1024;

const writes = struct<Writes>({
  isSoft: flag,
  writes: list(struct<Write>({ first: key, last: key, chunk: bytes(chunkBytesMax) }), writesMax),
});

export const writeRequest: Codec<WriteRequest> = tagged<WriteRequest>({
  write: [1, writes],
  apply: [2, writes],
});

/** Null when the copy is kept. */
export const applyReply = nullable(
  struct<Refusal>({ status: oneOf(['refused', 'full']), reason: text(reasonBytesMax) }),
);

export const writeReply = list(
  struct<WriteOutcome>({
    status: oneOf(['done', 'moved', 'busy', 'refused', 'full', 'conflict']),
    reason: text(reasonBytesMax),
  }),
  writesMax,
);
