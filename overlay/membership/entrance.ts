import type { Contact, Key } from '../overlay.ts';

/** Of the leaf set by the table; or one that may come to belong to it and has not answered yet; or neither. */
export type Standing = 'leaf' | 'unheard' | 'other';

export interface EntranceOutput {
  standing(id: Key): Standing;
  /** Pings a member, to compare what both know of this node's surroundings. */
  ping(id: Key): void;
  /** Everybody around this node knows it, and this node everybody whom they know. */
  done(): void;
}

/**
 * The first moments of a member. Nodes that enter next to each other at the same time do not know each other yet, and
 * each could take over a region while the other accepts writes there. So each waits until all who stood around it when
 * it entered have shown that they know it, and named the neighbours that it lacks, and until those have done the same.
 * Of two newcomers, whom the same member gets to know one after the other, the later is so told of the earlier, and
 * neither takes anything over before both know each other.
 *
 * @see Castro, Costa and Rowstron, "Performance and dependability of structured peer-to-peer overlays", DSN 2004, 3.1
 */
export class Entrance {
  readonly #output: EntranceOutput;
  readonly #awaited = new Set<Key>();
  #namesLeft: number;
  #isOpen = false;

  /** @param namesMax of those who are only named so many are waited for, so that nobody can keep this node waiting */
  constructor(namesMax: number, output: EntranceOutput) {
    this.#namesLeft = namesMax;
    this.#output = output;
  }

  /** Whether this node is a member and waits for nobody. */
  get isDone(): boolean {
    return this.#isOpen && this.#awaited.size === 0;
  }

  /** This node has entered the ring among these. */
  begin(neighbours: Iterable<Contact>): void {
    this.#isOpen = true;
    for (const { id } of neighbours) this.#awaited.add(id);
    this.remind();
    this.#check();
  }

  awaits(id: Key): boolean {
    return this.#awaited.has(id);
  }

  /** Somebody names a neighbour that this node does not know. */
  named(id: Key): void {
    if (this.#awaited.size === 0 || this.#awaited.has(id) || this.#namesLeft === 0) return;
    this.#namesLeft -= 1;
    this.#awaited.add(id);
  }

  /** Somebody who was named has answered for the first time. */
  met(id: Key): void {
    if (this.#awaited.has(id)) this.#output.ping(id);
  }

  /** A member knows this node, and has named whom else it knows; or it is gone. */
  settled(id: Key): void {
    if (this.#awaited.delete(id)) this.#check();
  }

  /** Asks those once more who have not answered; others have come to stand nearer than some. */
  remind(): void {
    if (this.#awaited.size === 0) return;
    for (const id of [...this.#awaited]) {
      const standing = this.#output.standing(id);
      if (standing === 'leaf') this.#output.ping(id);
      else if (standing === 'other') this.settled(id);
    }
  }

  #check(): void {
    if (this.isDone) this.#output.done();
  }
}
