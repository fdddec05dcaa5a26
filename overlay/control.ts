import { strict as assert } from 'node:assert';
import {
  bytes,
  type Codec,
  CodecError,
  contact,
  elapsed,
  flag,
  key,
  list,
  struct,
  tagged,
  u8,
  u16,
  u32,
} from './codec.ts';
import { type ArcSums, censusArcs, censusSlices } from './membership/census.ts';
import type { AppId, Contact, Key } from './overlay.ts';

// What nodes ask each other to keep the ring: the payloads of requests to `controlApp`, and of those to `findApp`.

// App ids from 240 on belong to the overlay itself.
export const controlApp = 240;
export const broadcastApp = 241;
export const replicationApp = 242;
export const writesApp = 243;
export const objectStoreApp = 244;
export const lookupApp = 245;
export const valuesApp = 246;
export const findApp = 247;

/** A routed message between two hops. */
export interface Hop {
  readonly source: Contact;
  /** Tells apart the messages of one source. */
  readonly number: number;
  readonly key: Key;
  readonly app: AppId;
  readonly hops: number;
  readonly payload: Uint8Array;
}

export type ControlRequest =
  /** Whom should I know: my neighbours, and so many others? Answered with `JoinReply`. */
  | { readonly type: 'join'; readonly contactsMax: number }
  /** I am about to leave; the envelope says so too. Answered with nothing. */
  | { readonly type: 'leave' }
  /** Which members do I lack? Answered with `MembersReply`. */
  | ({ readonly type: 'compare' } & ArcSums)
  /** Can you reach this member? Answered with a flag. */
  | { readonly type: 'reach'; readonly contact: Contact }
  /** I own the key of your recursive lookup of this number. Answered with nothing. */
  | { readonly type: 'found'; readonly number: number }
  /** Take this one hop further. Answered with nothing once it is taken over. */
  | ({ readonly type: 'hop' } & Hop);

export interface JoinReply {
  /** Those around the asking node first. */
  readonly contacts: readonly Contact[];
  /** Members that failed of late, and how long ago. */
  readonly missing: readonly { readonly contact: Contact; readonly agoMs: number }[];
}

export interface MembersReply {
  /** Numbers of arcs in which the two nodes differ; not all of them when there is too much in them. */
  readonly arcs: readonly number[];
  /** All members in them, as far as the answering node knows. */
  readonly members: readonly Contact[];
}

/** Who owns this key? Of `findApp`, since it can be asked again and again; answered with `FindReply`. */
export interface FindRequest {
  readonly key: Key;
  /** One who may stand nearer to the key has left a question unanswered so far: see whether yours still answers. */
  readonly inVain: boolean;
}

export interface FindReply {
  /** Whether the answering node owns the key. */
  readonly isOwner: boolean;
  /** It does not, but all who stand nearer are silent to it: once they are taken for dead, the key is its own. */
  readonly isHeir: boolean;
  /** Members nearer to the key than the answering node, nearest first. */
  readonly nearer: readonly Contact[];
}

const joinContactsMax = 2_048;
export const joinMissingMax = 256;
export const findContactsMax = 8;
const payloadBytesMax = 256 * 1024 * 1024;

const slice: Codec<number> = {
  write: u8.write,
  read: (reader) => {
    const value = u8.read(reader);
    if (value >= censusSlices) throw new CodecError('no slice of a hash');
    return value;
  },
};

const arcSums: Codec<Uint8Array> = {
  write: (writer, value) => {
    assert(value.length === censusArcs, 'every arc has its byte');
    const at = writer.claim(censusArcs);
    writer.buffer.set(value, at);
  },
  read: (reader) => {
    const at = reader.take(censusArcs);
    return reader.buffer.subarray(at, at + censusArcs);
  },
};

export const controlRequest: Codec<ControlRequest> = tagged<ControlRequest>({
  join: [1, struct({ contactsMax: u16 })],
  leave: [2, struct({})],
  found: [7, struct({ number: u32 })],
  hop: [4, struct({ source: contact, number: u32, key, app: u8, hops: u8, payload: bytes(payloadBytesMax) })],
  compare: [5, struct({ slice, arcs: arcSums })],
  reach: [6, struct({ contact })],
});

export const joinReply = struct<JoinReply>({
  contacts: list(contact, joinContactsMax),
  missing: list(struct({ contact, agoMs: elapsed }), joinMissingMax),
});

export const membersReply = struct<MembersReply>({
  arcs: list(u8, censusArcs),
  members: list(contact, joinContactsMax),
});

export const reachReply: Codec<boolean> = flag;

export const findRequest = struct<FindRequest>({ key, inVain: flag });

export const findReply = struct<FindReply>({ isOwner: flag, isHeir: flag, nearer: list(contact, findContactsMax) });
