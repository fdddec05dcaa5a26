import fc from 'fast-check';
import type { Key, Region } from '../overlay.ts';

/** Sixteen positions spread over the ring, the lowest and a very high one among them. */
export const positions: readonly Key[] = Array.from({ length: 16 }, (_, i) => i.toString(16).repeat(40));

export const position = fc.constantFrom(...positions);

/** With edges at positions, so that the positions tell all of a region. */
export const region: fc.Arbitrary<Region> = fc.record({ from: position, to: position });
