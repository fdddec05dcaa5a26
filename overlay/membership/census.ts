import type { Census } from '../messages.ts';
import type { Contact, Key } from '../overlay.ts';

/** Parts of the ring whose members two nodes compare one by one. */
export const censusArcs = 256;

/** Ids are drawn uniformly, so their digits are as good as a hash of them. */
export function hashOf(id: Key): number {
  return Number.parseInt(id.slice(-8), 16);
}

function arcOf(id: Key): number {
  return Number.parseInt(id.slice(0, 2), 16);
}

/** A sum over the members of a table that costs nothing to keep. */
export class Tally {
  #members = 0;
  #hash = 0;

  add(id: Key): void {
    this.#members += 1;
    this.#hash = (this.#hash ^ hashOf(id)) >>> 0;
  }

  remove(id: Key): void {
    this.#members -= 1;
    this.#hash = (this.#hash ^ hashOf(id)) >>> 0;
  }

  get census(): Census {
    return { members: this.#members, hash: this.#hash };
  }

  agrees({ members, hash }: Census): boolean {
    return members === this.#members && hash === this.#hash;
  }
}

/** One hash of 16 bits for each arc. */
export function arcHashes(members: Iterable<Contact>): number[] {
  const hashes = new Array<number>(censusArcs).fill(0);
  for (const { id } of members) {
    const arc = arcOf(id);
    hashes[arc] = ((hashes[arc] as number) ^ hashOf(id)) & 0xffff;
  }
  return hashes;
}

/** The members of arcs in which two nodes differ, at most `membersMax`, from an arc on that `start` in [0, 1) chooses. */
export function differing(
  members: readonly Contact[],
  theirs: readonly number[],
  membersMax: number,
  start: number,
): { readonly arcs: readonly number[]; readonly members: readonly Contact[] } {
  const ours = arcHashes(members);
  const byArc = new Map<number, Contact[]>();
  const first = Math.floor(start * censusArcs);
  for (let i = 0; i < censusArcs; i++) {
    const arc = (first + i) % censusArcs;
    if (ours[arc] !== theirs[arc]) byArc.set(arc, []);
  }
  for (const member of members) byArc.get(arcOf(member.id))?.push(member);
  const chosen: { arcs: number[]; members: Contact[] } = { arcs: [], members: [] };
  for (const [arc, inArc] of byArc) {
    if (chosen.members.length + inArc.length > membersMax) break;
    chosen.arcs.push(arc);
    chosen.members.push(...inArc);
  }
  return chosen;
}

/** Those of `members` that stand in one of the arcs. */
export function within(members: Iterable<Contact>, arcs: readonly number[]): Contact[] {
  return [...members].filter(({ id }) => arcs.includes(arcOf(id)));
}
