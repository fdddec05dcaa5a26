import { hash } from 'node:crypto';

/** In front of each value on disk. */
const sealBytes = 8;

/** A value as it is on disk, under the key that it is for. */
export function sealed(key: Uint8Array, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(sealBytes + value.length);
  bytes.set(checksum(key, value));
  bytes.set(value, sealBytes);
  return bytes;
}

/** The value, or null when it is not what was sealed. */
export function unsealed(key: Uint8Array, bytes: Uint8Array): Uint8Array | null {
  if (bytes.length < sealBytes) return null;
  const value = bytes.subarray(sealBytes);
  return checksum(key, value).equals(bytes.subarray(0, sealBytes)) ? value : null;
}

/** The seal of a sealed value. */
export function sealOf(bytes: Uint8Array): bigint {
  return Buffer.from(bytes.buffer, bytes.byteOffset).readBigUInt64BE();
}

/** Modulo 2^64. */
export function sumOf(a: bigint, b: bigint): bigint {
  return BigInt.asUintN(64, a + b);
}

/**
 * The entries under one prefix on disk: the seal of each, and their sum. A disk that has forgotten a write, a change or a
 * removal has another sum than the one that was written with it.
 */
export class Inventory {
  /** By the bytes of the keys, of the entries known so far. */
  readonly #seals = new Map<string, bigint>();
  #sum: bigint;

  /** @param sum of the entries that are there and will be told by `found` */
  constructor(sum: bigint) {
    this.#sum = sum;
  }

  get sum(): bigint {
    return this.#sum;
  }

  found(key: Uint8Array, bytes: Uint8Array): void {
    this.#seals.set(nameOf(key), sealOf(bytes));
  }

  /** @param bytes sealed; null when there is no such entry any more */
  set(key: Uint8Array, bytes: Uint8Array | null): void {
    const name = nameOf(key);
    const seal = bytes ? sealOf(bytes) : 0n;
    this.#sum = sumOf(this.#sum, seal - (this.#seals.get(name) ?? 0n));
    if (bytes) this.#seals.set(name, seal);
    else this.#seals.delete(name);
  }
}

function nameOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1');
}

function checksum(key: Uint8Array, value: Uint8Array): Buffer {
  // One call for both: a hash in steps takes three times as long.
  return hash('sha1', Buffer.concat([key, value]), 'buffer').subarray(0, sealBytes);
}
