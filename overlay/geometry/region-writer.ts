import type { Key } from '../overlay.ts';
import { RegionSet, wholeRing } from '../region.ts';

/** Makes a set of regions that come in the order of their keys; `to` may be the end of the ring, which is its start. */
export class RegionWriter {
  readonly #edges: Key[] = [];

  add(from: Key, to: Key): void {
    if (this.#edges.at(-1) === from) this.#edges.pop();
    else this.#edges.push(from);
    this.#edges.push(to);
  }

  finish(): RegionSet {
    const edges = this.#edges;
    const start = wholeRing.from;
    const isInsideAtEnd = edges.length > 0 && edges.at(-1) === start;
    if (!isInsideAtEnd) return RegionSet.fromEdges(edges, false);
    edges.pop();
    return RegionSet.fromEdges(edges[0] === start ? edges.slice(1) : [start, ...edges], true);
  }
}
