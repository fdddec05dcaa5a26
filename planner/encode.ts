import { Decoder, Encoder } from 'cbor-x';
import { QueryError } from '../columnar/index.ts';
import type { PhysicalPlan } from './plan.ts';
import { validatePlan } from './validate.ts';

// Plans travel as CBOR maps with plain keys, readable by any decoder.

const options = { useRecords: false, tagUint8Array: false } as const;
const encoder = new Encoder(options);
const decoder = new Decoder(options);

export function encodePlan(plan: PhysicalPlan): Uint8Array {
  // The encoder reuses its buffer: a copy stays ours.
  return new Uint8Array(encoder.encode(plan));
}

/** @throws QueryError protocol for anything but a valid plan */
export function decodePlan(bytes: Uint8Array): PhysicalPlan {
  let raw: unknown;
  try {
    raw = decoder.decode(bytes);
  } catch (error) {
    throw new QueryError('protocol', 'invalid plan: it is no CBOR', { cause: error });
  }
  return validatePlan(raw);
}
