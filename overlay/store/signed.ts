import { createPublicKey, hash, type KeyObject, sign, verify } from 'node:crypto';
import { bytes, type Codec, CodecError, decode, encode, milliseconds, nullable, struct, text, u64 } from '../codec.ts';
import { OverlayError } from '../overlay.ts';
import type { ItemName } from './messages.ts';

/** What the holder of a key says that an item is. */
export interface Statement {
  /** Null: the item is removed. */
  readonly value: Uint8Array | null;
  /** Of two statements the higher counts; 0 to 2^64 - 1. */
  readonly sequence: bigint;
  /** Milliseconds since 1970 from which on the statement says nothing. */
  readonly expiresAtMs: number;
}

/** A statement and the proof of whose it is. */
export interface Signed extends Statement {
  /** Ed25519, raw. */
  readonly publicKey: Uint8Array;
  readonly signature: Uint8Array;
}

const publicKeyBytes = 32;
const signatureBytes = 64;
const valueBytesMax = 2 * 1024 * 1024;

const statement = { value: nullable(bytes(valueBytesMax)), sequence: u64, expiresAtMs: milliseconds };

export const signedCodec: Codec<Signed> = struct<Signed>({
  ...statement,
  publicKey: bytes(publicKeyBytes),
  signature: bytes(signatureBytes),
});

/** Bound to its place, lest it be played back at another; the first word keeps these from being signatures of anything else. */
const signedBytes = struct<Statement & { purpose: string; namespace: string; resourceId: string }>({
  purpose: text(32),
  namespace: text(65_535),
  resourceId: text(65_535),
  ...statement,
});

const envelopeBytes = 160;

function toSign({ namespace, resourceId }: ItemName, { value, sequence, expiresAtMs }: Statement): Uint8Array {
  const words = { purpose: 'wharf-signed-item-1', namespace, resourceId };
  return encode(signedBytes, { ...words, value, sequence, expiresAtMs }, envelopeBytes + (value?.length ?? 0));
}

/** SHA-256 of a raw public key, in hexadecimal digits: OpenDHT's H(public key). */
export function fingerprintOf(publicKey: Uint8Array): string {
  return hash('sha256', publicKey, 'hex');
}

/** The raw public half of an Ed25519 key. @throws OverlayError `refused` for any other kind of key */
export function publicKeyOf(key: KeyObject): Uint8Array {
  const { crv, x } = (key.type === 'private' ? createPublicKey(key) : key).export({ format: 'jwk' });
  if (crv !== 'Ed25519' || x === undefined) throw new OverlayError('refused', 'items are signed by Ed25519 keys');
  return Buffer.from(x, 'base64url');
}

/** The bytes that are kept as the item's value. */
export function signStatement(name: ItemName, said: Statement, privateKey: KeyObject): Uint8Array {
  const signature = sign(null, toSign(name, said), privateKey);
  const envelope = { ...said, publicKey: publicKeyOf(privateKey), signature };
  return encode(signedCodec, envelope, envelopeBytes + (said.value?.length ?? 0));
}

/** What signed bytes say, without looking at the signature; null when they are none. */
export function readSigned(value: Uint8Array): Signed | null {
  try {
    return decode(signedCodec, value);
  } catch (error) {
    if (error instanceof CodecError) return null;
    throw error;
  }
}

export function isGenuine(name: ItemName, envelope: Signed): boolean {
  if (envelope.publicKey.length !== publicKeyBytes || envelope.signature.length !== signatureBytes) return false;
  const x = Buffer.from(envelope.publicKey).toString('base64url');
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  return verify(null, toSign(name, envelope), key, envelope.signature);
}
