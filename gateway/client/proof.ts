import { createHmac, timingSafeEqual } from 'node:crypto';

/** Both ends' nonces of one connection: a proof fits no other connection. */
export interface Nonces {
  readonly node: Uint8Array;
  readonly client: Uint8Array;
}

/** Proves that one end knows the cluster secret. The side is part of it, so that a proof cannot be sent back. */
export function secretProof(secret: string, side: 'node' | 'client', nonces: Nonces): Uint8Array {
  return createHmac('sha256', secret)
    .update(`wharf/client/1/${side}`)
    .update(nonces.node)
    .update(nonces.client)
    .digest();
}

export function proofFits(proof: Uint8Array | null, secret: string, side: 'node' | 'client', nonces: Nonces): boolean {
  const expected = secretProof(secret, side, nonces);
  return proof !== null && proof.length === expected.length && timingSafeEqual(proof, expected);
}
