import { type GeometryName, geometries, type OverlayOptions, overlayDefaults } from '../../../overlay/index.ts';
import { UsageError } from './arguments.ts';

export { geometries };

export type Geometry = GeometryName;

/** The option of an experiment that compares geometries. */
export const geometriesOption = { full: geometries, quick: geometries, about: 'geometries' };
/** Of one that takes long: only the default unless it is asked for more. */
export const oneGeometryOption = {
  full: [overlayDefaults.geometry],
  quick: [overlayDefaults.geometry],
  about: `geometries, of: ${geometries}`,
};
/** What `nodeOptions` asks for. */
export const contactsOption = { full: 1_024, quick: 1_024, about: 'budget of contacts; 0 is off' };

/** @throws UsageError for a name that is none */
export function geometryOf(name: string): Geometry {
  const geometry = geometries.find((known) => known === name);
  if (!geometry) throw new UsageError(`there is no geometry ${name}; there are: ${geometries.join(', ')}`);
  return geometry;
}

/** Options of nodes of this geometry with a budget of contacts; none is what the geometry demands and no more. */
export function nodeOptions(geometry: Geometry, contactsMax: number): Partial<OverlayOptions> {
  return { geometry, contactsMax };
}

/** Mean hops that routing in a ring of `nodes` may take when nodes know what the geometry demands and no more. */
export function hopsBound(geometry: Geometry, nodes: number): number {
  switch (geometry) {
    case 'bamboo':
      return Math.log2(nodes) / 4 + 0.5; // Rowstron and Druschel, 2001: log16 N
    case 'chord':
      return Math.log2(nodes) / 2 + 0.5; // Stoica et al., 2003: half of log2 N
    case 'kademlia':
      return Math.log2(nodes) / 2 + 0.5; // Maymounkov and Mazieres, 2002: at most log2 N; half of its bits agree by chance
  }
}
