import { hash } from 'node:crypto';
import { OverlayError } from '../overlay.ts';
import type { Item } from './items.ts';
import { type Guard, type ItemName, type ItemRecord, secretBytesMax } from './messages.ts';
import { fingerprintOf, isGenuine, readSigned } from './signed.ts';

// Some names certify what they name: whoever is given such an item can see for himself that it is the right one.

/** A resource of this name holds the one value that has this SHA-256. */
const immutablePrefix = 'sha256:';
const immutablePattern = new RegExp(`^${immutablePrefix}[0-9a-f]{64}$`);
/** An instance of this name holds what the holder of the key with this fingerprint signed last. */
const signedPrefix = 'ed25519:';

export function immutableResource(value: Uint8Array): string {
  return immutableOfHash(hash('sha256', value, 'hex'));
}

export function immutableOfHash(sha256: string): string {
  return `${immutablePrefix}${sha256}`;
}

/** Inverse of `immutableOfHash`. */
export function hashOfImmutable(resourceId: string): string {
  return resourceId.slice(immutablePrefix.length);
}

/** Whether it can be the name of a value. */
export function isHashOfImmutable(resourceId: string): boolean {
  return immutablePattern.test(resourceId);
}

export function signedInstance(publicKey: Uint8Array): string {
  return `${signedPrefix}${fingerprintOf(publicKey)}`;
}

export function isImmutable({ resourceId }: Pick<ItemName, 'resourceId'>): boolean {
  return resourceId.startsWith(immutablePrefix);
}

export function isSigned({ instanceId }: Pick<ItemName, 'instanceId'>): boolean {
  return instanceId.startsWith(signedPrefix);
}

/** @throws OverlayError `refused` for a secret that is too long to be shown */
export function guardOf(secret: string): Guard {
  checkSecret(secret);
  return hash('sha256', secret, 'hex');
}

/** @throws OverlayError `refused` */
export function checkSecret(secret: string): void {
  if (typeof secret !== 'string') throw new OverlayError('refused', 'a secret is a text');
  if (Buffer.byteLength(secret) > secretBytesMax) {
    throw new OverlayError('refused', `a secret exceeds ${secretBytesMax} bytes`);
  }
}

/** Why the item cannot be what its name says, if so. Names that certify nothing go with any value. */
export function flawOf(item: Pick<ItemRecord, 'value' | 'guard'> & ItemName): string | null {
  const { value, guard } = item;
  const certifies = isImmutable(item) || isSigned(item);
  if (certifies && guard !== null) return 'such an item needs no guard';
  if (isImmutable(item)) {
    if (value === null) return 'an immutable item is not removed, it expires';
    if (item.instanceId !== '' || item.resourceId !== immutableResource(value)) return 'the value is not the one named';
  } else if (isSigned(item)) {
    const envelope = value && readSigned(value);
    if (!envelope) return 'such an item is put and removed by signature';
    if (item.instanceId !== signedInstance(envelope.publicKey)) return 'another key was named';
    if (!isGenuine(item, envelope)) return 'the signature is false';
  }
  return null;
}

/**
 * Whether a later record may take the place of what is here: of a guarded item, even a removed one, only a renewal
 * or what shows the secret. Every copy asks this for itself.
 */
export function mayFollow(record: ItemRecord, here: Item, nowMs: number): boolean {
  if (here.guard === null || here.expiresAtMs <= nowMs) return true;
  if (record.guard !== here.guard) return false;
  if (record.shown !== null && guardOf(record.shown) === here.guard) return true;
  return record.version === here.version && isSameValue(record.value, here.value);
}

function isSameValue(a: Uint8Array | null, b: Uint8Array | null): boolean {
  return a === null || b === null ? a === b : Buffer.compare(a, b) === 0;
}
