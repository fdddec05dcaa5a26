import {
  bytes,
  type Codec,
  contact,
  key,
  list,
  milliseconds,
  nullable,
  regionSet,
  struct,
  tagged,
  u8,
  u32,
} from './codec.ts';
import type { AppId, Contact, Key } from './overlay.ts';
import type { RegionSet } from './region.ts';

// What nodes ask each other to spread a broadcast: the payloads of requests to `broadcastApp`.

/** Tells apart the broadcasts of all nodes. */
export interface BroadcastName {
  readonly origin: Key;
  readonly number: number;
}

export interface BroadcastMessage {
  readonly origin: Contact;
  readonly number: number;
  readonly app: AppId;
  /** Hops from the origin. */
  readonly depth: number;
  /** How long ago the origin sent it, transit left out. */
  readonly ageMs: number;
  readonly payload: Uint8Array;
}

export type BroadcastRequest =
  /** Deliver this, and pass it on within the region. Answered with nothing once it is taken over. */
  | ({ readonly type: 'pass'; readonly region: RegionSet } & BroadcastMessage)
  /** I can give you these, should you lack them. Answered with nothing. */
  | { readonly type: 'have'; readonly broadcasts: readonly BroadcastName[] }
  /** Give me this one. Answered with `PulledBroadcast`. */
  | ({ readonly type: 'pull' } & BroadcastName);

/** Null when it was forgotten meanwhile. */
export type PulledBroadcast = BroadcastMessage | null;

/** As deep as can be said; nobody passes on what is deeper than routes may be long. */
export const depthMax = 255;
/** Names in one `have`. */
export const namesMax = 256;
const payloadBytesMax = 2 * 1024 * 1024;

const view = bytes(payloadBytesMax);
/** Read as a copy: broadcasts are kept for a while, and what is decoded is a view of a whole frame. */
const payload: Codec<Uint8Array> = { write: view.write, read: (reader) => new Uint8Array(view.read(reader)) };

const name = { origin: key, number: u32 };
const message = {
  origin: contact,
  number: u32,
  app: u8,
  depth: u8,
  ageMs: milliseconds,
  payload,
};

export const broadcastRequest: Codec<BroadcastRequest> = tagged<BroadcastRequest>({
  pass: [1, struct({ region: regionSet(), ...message })],
  have: [2, struct({ broadcasts: list(struct<BroadcastName>(name), namesMax) })],
  pull: [3, struct(name)],
});

export const pulledBroadcast: Codec<PulledBroadcast> = nullable(struct<BroadcastMessage>(message));
