import {
  bytes,
  type Codec,
  contact,
  flag,
  key,
  list,
  milliseconds,
  nullable,
  struct,
  tagged,
  text,
  u32,
  u64,
} from '../codec.ts';
import type { Contact, Key } from '../overlay.ts';

const namespaceBytesMax = 255;
const resourceBytesMax = 1_024;
const instanceBytesMax = 255;
const valueBytesMax = 2 * 1024 * 1024;
/** Of one message. */
export const itemsMax = 65_535;
export const secretBytesMax = 255;
const sha256Bytes = 32;
/** Writes to one item before its latest that are remembered. */
export const earlierMax = 31;

const names = {
  namespace: text(namespaceBytesMax),
  resourceId: text(resourceBytesMax),
  instanceId: text(instanceBytesMax),
};

/** What is too long about a name, if anything. */
export function nameFlaw({ namespace, resourceId, instanceId }: ItemName): string | null {
  const isText = [namespace, resourceId, instanceId].every((name) => typeof name === 'string');
  if (!isText) return 'names are texts';
  const isLonger = (name: string, bytesMax: number): boolean => Buffer.byteLength(name) > bytesMax;
  if (isLonger(namespace, namespaceBytesMax)) return `a namespace exceeds ${namespaceBytesMax} bytes`;
  if (isLonger(resourceId, resourceBytesMax)) return `a resource id exceeds ${resourceBytesMax} bytes`;
  if (isLonger(instanceId, instanceBytesMax)) return `an instance id exceeds ${instanceBytesMax} bytes`;
  return null;
}

/**
 * Names one put or remove of one item: 16 hexadecimal digits, drawn by the writer. It is the item's version until
 * the next one.
 */
export type Version = string;

/** The version of an item that is not there. */
export const absent: Version = versionOf(0n);

export function versionOf(number: bigint): Version {
  return number.toString(16).padStart(16, '0');
}

export function isVersion(text: string): boolean {
  return /^[0-9a-f]{16}$/.test(text);
}

/** SHA-256 of a secret: 64 hexadecimal digits. */
export type Guard = string;

export function isGuard(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}

export interface ItemName {
  readonly namespace: string;
  readonly resourceId: string;
  /** Tells apart the items of one resource. */
  readonly instanceId: string;
}

/** What a writer wants done to one item, at its owner. */
export type StoreWrite = ItemName &
  (
    | {
        readonly type: 'put';
        /** The version from then on. A write that comes again is known by it. */
        readonly version: Version;
        /** Only if this is the item's version; null: whatever it is. */
        readonly expected: Version | null;
        /** For an item that is not guarded yet. */
        readonly guard: Guard | null;
        /** For one that is. */
        readonly secret: string | null;
        readonly value: Uint8Array;
        readonly lifetimeMs: number;
      }
    | { readonly type: 'renew'; readonly lifetimeMs: number }
    | {
        readonly type: 'remove';
        readonly version: Version;
        readonly expected: Version | null;
        readonly secret: string | null;
      }
  );

/** One version of one item, as copies tell it each other. */
export interface ItemRecord extends ItemName {
  /** Null once it was removed. */
  readonly value: Uint8Array | null;
  readonly version: Version;
  /** Versions before, latest first, as far as they are remembered. */
  readonly earlier: readonly Version[];
  /** Who replaces or removes the item must show the secret. */
  readonly guard: Guard | null;
  /** The secret that was shown by the last to do so, for other copies to see. Readers are not told. */
  readonly shown: string | null;
  /** When, by the clock of the node that wrote it, made to ascend. */
  readonly writtenAtMs: number;
  readonly writer: Key;
  /** End of the lifetime by the writer's clock: of use only to tell which copies are equal. */
  readonly endsAtMs: number;
  /** Not a time of day: clocks differ. */
  readonly lifetimeLeftMs: number;
}

export interface GetRequest {
  readonly namespace: string;
  readonly resourceId: string;
  /** Answer although the key belongs to another. */
  readonly asHolder: boolean;
  /** Only this instance. */
  readonly instanceId: string | null;
  /** Only instances after this one. */
  readonly after: string | null;
  readonly itemsMax: number;
}

/** A live item as a reader is told of it, who named its namespace and its resource himself. */
export interface Reading {
  readonly instanceId: string;
  readonly value: Uint8Array;
  readonly version: Version;
  readonly guard: Guard | null;
  readonly writtenAtMs: number;
  readonly writer: Key;
  /** Not a time of day: clocks differ. */
  readonly lifetimeLeftMs: number;
}

export type GetReply =
  | { readonly type: 'items'; readonly items: readonly Reading[]; readonly isLast: boolean }
  /** Another node owns the key. */
  | { readonly type: 'moved' }
  /** The owner is still reading its copy; this member has one. */
  | { readonly type: 'ask'; readonly holder: Contact }
  /** No copy is known. */
  | { readonly type: 'lost' };

const version: Codec<Version> = {
  write: (writer, value) => u64.write(writer, BigInt(`0x${value}`)),
  read: (reader) => versionOf(u64.read(reader)),
};

/** 64 hexadecimal digits. */
const sha256: Codec<string> = {
  write: (writer, value) => {
    const at = writer.claim(sha256Bytes);
    writer.buffer.write(value, at, sha256Bytes, 'hex');
  },
  read: (reader) => {
    const at = reader.take(sha256Bytes);
    return reader.buffer.toString('hex', at, at + sha256Bytes);
  },
};

const guard: Codec<Guard> = sha256;
const secret = nullable(text(secretBytesMax));
const condition = { version, expected: nullable(version) };

export const storeWrite: Codec<StoreWrite> = tagged<StoreWrite>({
  put: [
    1,
    struct({
      ...names,
      ...condition,
      guard: nullable(guard),
      secret,
      value: bytes(valueBytesMax),
      lifetimeMs: milliseconds,
    }),
  ],
  renew: [2, struct({ ...names, lifetimeMs: milliseconds })],
  remove: [3, struct({ ...names, ...condition, secret })],
});

export const itemRecord = struct<ItemRecord>({
  ...names,
  value: nullable(bytes(valueBytesMax)),
  version,
  earlier: list(version, earlierMax),
  guard: nullable(guard),
  shown: secret,
  writtenAtMs: milliseconds,
  writer: key,
  endsAtMs: milliseconds,
  lifetimeLeftMs: milliseconds,
});

export const itemRecords = list(itemRecord, itemsMax);

export const getRequest = struct<GetRequest>({
  namespace: names.namespace,
  resourceId: names.resourceId,
  asHolder: flag,
  instanceId: nullable(names.instanceId),
  after: nullable(names.instanceId),
  itemsMax: u32,
});

const reading = struct<Reading>({
  instanceId: names.instanceId,
  value: bytes(valueBytesMax),
  version,
  guard: nullable(guard),
  writtenAtMs: milliseconds,
  writer: key,
  lifetimeLeftMs: milliseconds,
});

export const getReply: Codec<GetReply> = tagged<GetReply>({
  items: [1, struct({ items: list(reading, itemsMax), isLast: flag })],
  moved: [2, struct({})],
  ask: [3, struct({ holder: contact })],
  lost: [4, struct({})],
});

/** Asks a copy for the value of an immutable item: an answer that proves itself may come from anybody. */
export interface ValueRequest {
  /** Of the resource, by the asker: under another key the item is not found. */
  readonly key: Key;
  readonly namespace: string;
  readonly sha256: string;
}

export const valueRequest = struct<ValueRequest>({ key, namespace: names.namespace, sha256 });

/** Null when this node has no such item. */
export const valueReply: Codec<Uint8Array | null> = nullable(bytes(valueBytesMax));

/** Roughly the bytes of a record besides its value. */
export const recordBytes = 192;
