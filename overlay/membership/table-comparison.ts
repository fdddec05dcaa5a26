import type { MembersReply } from '../control.ts';
import type { Census } from '../messages.ts';
import { type Contact, OverlayError } from '../overlay.ts';
import type { RoutingTable } from '../routing-table.ts';
import type { Runtime } from '../runtime.ts';
import type { Budget } from './budget.ts';
import { type ArcSums, censusSlices, differing, within } from './census.ts';

export interface TableComparisonOptions {
  readonly contactsMax: number;
  readonly compareMembersMax: number;
  readonly doubtsMax: number;
  readonly gossipBurstBytes: number;
}

export interface TableComparisonOutput {
  /** Of the members known in each arc of the ring. */
  sums(slice: number): ArcSums;
  ask(to: Contact, sums: ArcSums): Promise<MembersReply>;
  /** The other knows a member that this node does not. */
  lacked(contact: Contact): void;
  /** The other, of whom one could expect it, does not know a member that this node knows. */
  doubted(contact: Contact): void;
}

/** A request with its answer, and one member in it, about. */
const exchangeBytes = 350;
const memberBytes = 28;

/**
 * Anti-entropy between routing tables: two members whose sums differ find out in which arcs of the ring, and the one
 * that began looks into each difference. Gossip that missed somebody is made good so; in quiet times only.
 */
export class TableComparison {
  readonly #runtime: Runtime;
  readonly #options: TableComparisonOptions;
  readonly #table: RoutingTable;
  readonly #budget: Budget;
  readonly #output: TableComparisonOutput;
  #isComparing = false;

  constructor(
    runtime: Runtime,
    options: TableComparisonOptions,
    table: RoutingTable,
    budget: Budget,
    output: TableComparisonOutput,
  ) {
    this.#runtime = runtime;
    this.#options = options;
    this.#table = table;
    this.#budget = budget;
    this.#output = output;
  }

  /** The sums differ. */
  async begin(other: Contact, theirs: Census): Promise<void> {
    const { contactsMax, gossipBurstBytes, doubtsMax } = this.#options;
    const nowMs = this.#runtime.now();
    // A full table is a choice of members: it must differ.
    if (this.#isComparing || this.#table.size >= contactsMax) return;
    if (this.#budget.left(nowMs) < gossipBurstBytes / 8 || !this.#budget.take(exchangeBytes, nowMs)) return;
    this.#isComparing = true;
    try {
      const slice = Math.floor(censusSlices * this.#runtime.random());
      const { arcs, members } = await this.#output.ask(other, this.#output.sums(slice));
      const known = new Set(members.map(({ id }) => id));
      for (const contact of members) this.#output.lacked(contact);
      if (theirs.members >= contactsMax) return;
      const doubtful = within(this.#table.contacts(), arcs).filter(({ id }) => !known.has(id));
      for (const contact of doubtful.slice(0, doubtsMax)) this.#output.doubted(contact);
    } catch (error) {
      if (!(error instanceof OverlayError)) throw error; // Another time, with another member.
    } finally {
      this.#isComparing = false;
    }
  }

  answer(theirs: ArcSums): MembersReply {
    const nowMs = this.#runtime.now();
    const affordable = Math.floor(this.#budget.left(nowMs) / memberBytes);
    const membersMax = Math.min(this.#options.compareMembersMax, affordable);
    const ours = this.#output.sums(theirs.slice);
    const found = differing(this.#table.contacts(), ours, theirs, membersMax, this.#runtime.random());
    this.#budget.take(found.members.length * memberBytes, nowMs);
    return found;
  }
}
