import { type Codec, oneOf, struct, u8 } from './codec.ts';
import { type GeometryName, geometries } from './geometry/contact-table.ts';

/** What all members of a ring must have in common: they decide by it who owns a key and who keeps copies. */
export interface RingParameters {
  readonly geometry: GeometryName;
  readonly replicas: number;
}

export const ringParameters: Codec<RingParameters> = struct<RingParameters>({
  geometry: oneOf(geometries),
  replicas: u8,
});

/** In what a newcomer differs from the ring, in words for both; null when they agree. */
export function disagreement(ring: RingParameters, newcomer: RingParameters): string | null {
  const names = ['geometry', 'replicas'] as const;
  const differing = names.filter((name) => ring[name] !== newcomer[name]);
  if (differing.length === 0) return null;
  const told = differing.map((name) => `${name} is ${ring[name]} in the ring and ${newcomer[name]} at the newcomer`);
  return `all members of a ring must be set up alike: ${told.join('; ')}`;
}
