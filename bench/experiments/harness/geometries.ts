import type { OverlayOptions } from '../../../overlay/index.ts';

export const geometries = ['bamboo'] as const;

export type Geometry = (typeof geometries)[number];

/** @throws RangeError for a name that is none */
export function geometryOf(name: string): Geometry {
  const geometry = geometries.find((known) => known === name);
  if (!geometry) throw new RangeError(`there is no geometry ${name}; there are: ${geometries.join(', ')}`);
  return geometry;
}

/** The least that the geometry lives on, without contacts to spare. */
const budgetOff = 64;

/** Options of nodes of this geometry with a budget of contacts; none is what the geometry demands and no more. */
export function nodeOptions(_geometry: Geometry, contactsMax: number): Partial<OverlayOptions> {
  return { contactsMax: contactsMax === 0 ? budgetOff : contactsMax };
}

/** Mean hops that routing in a ring of `nodes` may take when nodes know what the geometry demands and no more. */
export function hopsBound(geometry: Geometry, nodes: number): number {
  switch (geometry) {
    case 'bamboo':
      return Math.log(nodes) / Math.log(16) + 0.5; // Rowstron and Druschel, 2001: log16 N
  }
}
