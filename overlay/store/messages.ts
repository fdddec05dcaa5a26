import { bytes, type Codec, contact, flag, key, list, milliseconds, nullable, struct, tagged, text } from '../codec.ts';
import type { Contact, Key } from '../overlay.ts';

const namespaceBytesMax = 255;
const resourceBytesMax = 1_024;
const instanceBytesMax = 255;
const valueBytesMax = 2 * 1024 * 1024;
const itemsMax = 65_535;

const names = {
  namespace: text(namespaceBytesMax),
  resourceId: text(resourceBytesMax),
  instanceId: text(instanceBytesMax),
};

/** Whether names are within their limits. */
export function namesFit(namespace: string, resourceId: string, instanceId: string): boolean {
  return (
    Buffer.byteLength(namespace) <= namespaceBytesMax &&
    Buffer.byteLength(resourceId) <= resourceBytesMax &&
    Buffer.byteLength(instanceId) <= instanceBytesMax
  );
}

/** What a writer wants done to one item, at its owner. */
export type StoreWrite = {
  readonly namespace: string;
  readonly resourceId: string;
  readonly instanceId: string;
} & (
  | { readonly type: 'put'; readonly value: Uint8Array; readonly lifetimeMs: number }
  | { readonly type: 'renew'; readonly lifetimeMs: number }
  | { readonly type: 'remove' }
);

/** One version of one item, as copies tell it each other. */
export interface ItemRecord {
  readonly namespace: string;
  readonly resourceId: string;
  readonly instanceId: string;
  /** Null once it was removed. */
  readonly value: Uint8Array | null;
  /** When, by the clock of the node that wrote it, made to ascend. */
  readonly writtenAtMs: number;
  readonly writer: Key;
  /** Not a time of day: clocks differ. */
  readonly lifetimeLeftMs: number;
}

export interface GetRequest {
  readonly namespace: string;
  readonly resourceId: string;
  /** Answer although the key belongs to another. */
  readonly asHolder: boolean;
  /** Only instances after this one. */
  readonly after: string | null;
}

export type GetReply =
  | { readonly type: 'items'; readonly items: readonly ItemRecord[]; readonly isLast: boolean }
  /** Another node owns the key. */
  | { readonly type: 'moved' }
  /** The owner is still reading its copy; this member has one. */
  | { readonly type: 'ask'; readonly holder: Contact }
  /** No copy is known. */
  | { readonly type: 'lost' };

export const storeWrite: Codec<StoreWrite> = tagged<StoreWrite>({
  put: [1, struct({ ...names, value: bytes(valueBytesMax), lifetimeMs: milliseconds })],
  renew: [2, struct({ ...names, lifetimeMs: milliseconds })],
  remove: [3, struct(names)],
});

const itemRecord = struct<ItemRecord>({
  ...names,
  value: nullable(bytes(valueBytesMax)),
  writtenAtMs: milliseconds,
  writer: key,
  lifetimeLeftMs: milliseconds,
});

export const itemRecords = list(itemRecord, itemsMax);

export const getRequest = struct<GetRequest>({
  namespace: names.namespace,
  resourceId: names.resourceId,
  asHolder: flag,
  after: nullable(names.instanceId),
});

export const getReply: Codec<GetReply> = tagged<GetReply>({
  items: [1, struct({ items: itemRecords, isLast: flag })],
  moved: [2, struct({})],
  ask: [3, struct({ holder: contact })],
  lost: [4, struct({})],
});

/** Roughly the bytes of a record besides its value. */
export const recordBytes = 128;
