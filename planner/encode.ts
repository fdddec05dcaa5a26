import { decodeCbor, encodeCbor } from '../columnar/index.ts';
import type { PhysicalPlan } from './plan.ts';
import { validatePlan } from './validate.ts';

// Plans travel as CBOR maps with plain keys, readable by any decoder.

export function encodePlan(plan: PhysicalPlan): Uint8Array {
  return new Uint8Array(encodeCbor(plan));
}

/** @throws QueryError protocol for anything but a valid plan */
export function decodePlan(bytes: Uint8Array): PhysicalPlan {
  return validatePlan(decodeCbor(bytes));
}
