import type { Log } from '../defaults.ts';
import { keyDigits } from '../keys.ts';
import type { Census, MemberName } from '../messages.ts';
import type { Contact, Key, MembershipChange } from '../overlay.ts';
import type { RegionSet } from '../region.ts';
import type { RoutingTable } from '../routing-table.ts';
import { type ArcSums, hashOf, Tally } from './census.ts';

export interface RosterOutput {
  /** For the apps; the table has changed already. */
  changed(change: MembershipChange): void;
  /** Members that decide regions and copies changed. */
  leavesChanged(): void;
}

/** The routing table, and all that follows at once from a change to it. */
export class Roster {
  readonly #table: RoutingTable;
  readonly #output: RosterOutput;
  readonly #log: Log;
  readonly #tally: Tally;
  /** A table that is full lets go of one member when it takes another in. */
  readonly #letGo = ({ id }: Contact): void => this.#tally.remove(id);
  #region: RegionSet;
  /** By number of members, then by position; between two changes of the leaf set. */
  readonly #views = new Map<number, Map<Key, number>>();

  constructor(table: RoutingTable, output: RosterOutput, log: Log) {
    this.#table = table;
    this.#output = output;
    this.#log = log;
    this.#region = table.region();
    this.#tally = Tally.of(table.contacts());
  }

  get census(): Census {
    return this.#tally.census;
  }

  /** Of the members in each arc of the ring. */
  sums(slice: number): ArcSums {
    return this.#tally.sums(slice);
  }

  agrees(census: Census): boolean {
    return this.#tally.agrees(census);
  }

  /** A hash over the `n` members next to a position, the one standing there left out. */
  viewAround(id: Key, n: number): number {
    // Around others more changes than the leaf set does.
    if (id !== this.#table.self.id && !this.#table.isLeaf(id)) return this.#hashAround(id, n);
    let views = this.#views.get(n);
    if (!views) {
      views = new Map();
      this.#views.set(n, views);
    }
    let view = views.get(id);
    if (view === undefined) {
      view = this.#hashAround(id, n);
      views.set(id, view);
    }
    return view;
  }

  /** The member that news is about. */
  named(name: MemberName): Contact | undefined {
    // Of all keys that begin so, the middle one: whoever is named so is nearer to it than anybody else.
    const middle = `${name}8${'0'.repeat(keyDigits - name.length - 1)}`;
    return this.#table.around(middle, 1).find(({ id }) => id.startsWith(name));
  }

  /** Takes a member in; returns whether the table has it now and had not before. */
  add(contact: Contact, rttMs?: number): boolean {
    const isLeaf = this.#table.wouldBeLeaf(contact.id);
    if (this.#table.heard(contact, rttMs, this.#letGo) !== 'added') return false;
    this.#tally.add(contact.id);
    this.#log('debug', 'member joined', { id: contact.id, address: contact.address });
    this.#changed({ kind: 'joined', contact }, isLeaf);
    return true;
  }

  /** Returns whether the table had it. */
  remove(contact: Contact, kind: 'failed' | 'left', reason: string): boolean {
    const wasLeaf = this.#table.isLeaf(contact.id);
    if (!this.#table.remove(contact.id)) return false;
    this.#tally.remove(contact.id);
    const { id, address } = contact;
    this.#log(kind === 'failed' ? 'info' : 'debug', `member ${kind}`, { id, address, reason });
    this.#changed({ kind, contact }, wasLeaf);
    return true;
  }

  /** A member has another address. */
  move(contact: Contact): void {
    this.#table.heard(contact);
    this.#output.leavesChanged();
  }

  /** A member restarted so quickly that it was never missed. */
  cameBack(contact: Contact): void {
    this.#output.changed({ kind: 'failed', contact });
    this.#output.changed({ kind: 'joined', contact });
    this.#output.leavesChanged();
  }

  /** The node enters the ring. */
  entered(): void {
    this.#leavesChanged();
  }

  #hashAround(id: Key, n: number): number {
    return this.#table.around(id, n).reduce((sum, contact) => sum ^ hashOf(contact.id), 0) >>> 0;
  }

  #changed(change: MembershipChange, isLeaf: boolean): void {
    this.#output.changed(change);
    if (isLeaf) this.#leavesChanged();
  }

  #leavesChanged(): void {
    this.#views.clear();
    const region = this.#table.region();
    const moved = !region.equals(this.#region);
    this.#region = region;
    this.#output.leavesChanged();
    if (moved) this.#output.changed({ kind: 'region', region });
  }
}
