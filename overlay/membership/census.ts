import { lowerBound } from '../keys.ts';
import type { Census } from '../messages.ts';
import type { Contact, Key } from '../overlay.ts';

/** Parts of the ring whose members two nodes compare one by one. */
export const censusArcs = 256;
const startsOfArcs: readonly Key[] = Array.from({ length: censusArcs }, (_, arc) => arc.toString(16).padStart(2, '0'));

/** Bytes of the hash of an arc, of which a comparison uses one. */
export const censusSlices = 4;

/**
 * One byte of the hash over the members of each arc, by its number. Two tables may differ and agree in it: each comparison
 * draws the byte anew.
 */
export interface ArcSums {
  readonly slice: number;
  readonly arcs: Uint8Array;
}

/** Ids are drawn uniformly, so their digits are as good as a hash of them. */
export function hashOf(id: Key): number {
  return Number.parseInt(id.slice(-8), 16);
}

function arcOf(id: Key): number {
  return Number.parseInt(id.slice(0, 2), 16);
}

/** What a node says of the members that it knows: kept up with every change, since it is said all the time. */
export class Tally {
  #members = 0;
  #hash = 0;
  readonly #arcs = new Uint32Array(censusArcs);

  static of(members: Iterable<Contact>): Tally {
    const tally = new Tally();
    for (const { id } of members) tally.add(id);
    return tally;
  }

  add(id: Key): void {
    this.#members += 1;
    this.#toggle(id);
  }

  remove(id: Key): void {
    this.#members -= 1;
    this.#toggle(id);
  }

  get members(): number {
    return this.#members;
  }

  get census(): Census {
    return { members: this.#members, hash: this.#hash };
  }

  sums(slice: number): ArcSums {
    const arcs = new Uint8Array(censusArcs);
    for (let arc = 0; arc < censusArcs; arc++) arcs[arc] = (this.#arcs[arc] as number) >>> (8 * slice);
    return { slice, arcs };
  }

  agrees({ members, hash }: Census): boolean {
    return members === this.#members && hash === this.#hash;
  }

  #toggle(id: Key): void {
    const hash = hashOf(id);
    const arc = arcOf(id);
    this.#hash = (this.#hash ^ hash) >>> 0;
    this.#arcs[arc] = (this.#arcs[arc] as number) ^ hash;
  }
}

/**
 * The members of arcs in which two nodes differ, at most `membersMax`, from an arc on that `start` in [0, 1) chooses.
 * @param members in ring order
 * @param ours the sums of their arcs, in the same slice as the other's
 */
export function differing(
  members: readonly Contact[],
  ours: ArcSums,
  theirs: ArcSums,
  membersMax: number,
  start: number,
): { readonly arcs: readonly number[]; readonly members: readonly Contact[] } {
  const chosen: { arcs: number[]; members: Contact[] } = { arcs: [], members: [] };
  const first = Math.floor(start * censusArcs);
  for (let i = 0; i < censusArcs; i++) {
    const arc = (first + i) % censusArcs;
    if (ours.arcs[arc] === theirs.arcs[arc]) continue;
    const inArc = membersOf(arc, members);
    if (chosen.members.length + inArc.length > membersMax) break;
    chosen.arcs.push(arc);
    chosen.members.push(...inArc);
  }
  return chosen;
}

/** Those of `members`, who are in ring order, that stand in one of the arcs. */
export function within(members: readonly Contact[], arcs: readonly number[]): Contact[] {
  return arcs.flatMap((arc) => membersOf(arc, members));
}

function membersOf(arc: number, members: readonly Contact[]): readonly Contact[] {
  const startOf = (which: number): number => {
    return which === censusArcs ? members.length : lowerBound(members, startsOfArcs[which] as Key, ({ id }) => id);
  };
  return members.slice(startOf(arc), startOf(arc + 1));
}
