import type { Key } from '../overlay.ts';
import type { ReadItem } from './items.ts';
import type { Guard, ItemName, Version } from './messages.ts';
import type { Signed } from './signed.ts';

/** An item as readers see it. */
export interface StoredItem extends ItemName {
  readonly key: Key;
  /** Of a signed item: what was signed. */
  readonly value: Uint8Array;
  /** Changes with every put; `expected` of the next one may name it. */
  readonly version: Version;
  /** Who replaces or removes the item must show the secret of which this is the SHA-256. */
  readonly guard: Guard | null;
  /** By whom, if the item is signed; the signature has been verified. */
  readonly signed: Omit<Signed, 'value' | 'signature'> | null;
  /** Milliseconds until the item expires, unless it is renewed. */
  readonly lifetimeLeftMs: number;
}

/** Of a live item. */
export function storedItem(item: ReadItem, nowMs: number): StoredItem {
  const { key, namespace, resourceId, instanceId, version, guard, expiresAtMs } = item;
  const lifetimeLeftMs = expiresAtMs - nowMs;
  const value = item.signed ? item.signed.value : item.value;
  const signed = item.signed && {
    publicKey: item.signed.publicKey,
    sequence: item.signed.sequence,
    expiresAtMs: item.signed.expiresAtMs,
  };
  const noBytes = new Uint8Array(0);
  return { key, namespace, resourceId, instanceId, value: value ?? noBytes, version, guard, signed, lifetimeLeftMs };
}
