import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { MembersReply } from '../control.ts';
import { overlayDefaults } from '../defaults.ts';
import type { Census } from '../messages.ts';
import { type Contact, OverlayError } from '../overlay.ts';
import type { RoutingTable } from '../routing-table.ts';
import { contactOf, contactsOf, tableOf } from '../testing/contacts.ts';
import { ManualRuntime, seeded } from '../testing/manual-runtime.ts';
import { Budget } from './budget.ts';
import { type ArcSums, Tally } from './census.ts';
import { TableComparison, type TableComparisonOutput } from './table-comparison.ts';

const options = { ...overlayDefaults, compareMembersMax: 40 };

/** The sums of an empty table. */
const nothingKnown = Tally.of([]).sums(0);

/** One of two members that compare their tables. */
class Side implements TableComparisonOutput {
  readonly runtime: ManualRuntime;
  readonly table: RoutingTable;
  readonly budget: Budget;
  readonly comparison: TableComparison;
  readonly lackedNow: Contact[] = [];
  readonly doubtedNow: Contact[] = [];
  requests = 0;
  other: Side | null = null;
  /** How the other fails, if it does. */
  failure: Error | null = null;

  constructor(runtime: ManualRuntime, self: Contact, known: readonly Contact[], burstBytes = options.gossipBurstBytes) {
    this.runtime = runtime;
    this.table = tableOf(self, known);
    this.budget = new Budget(options.gossipBytesPerSecond, burstBytes, runtime.nowMs);
    this.comparison = new TableComparison(runtime, options, this.table, this.budget, this);
  }

  async ask(_to: Contact, sums: ArcSums): Promise<MembersReply> {
    this.requests += 1;
    if (this.failure) throw this.failure;
    return (this.other as Side).comparison.answer(sums);
  }

  sums(slice: number): ArcSums {
    return Tally.of(this.table.contacts()).sums(slice);
  }

  lacked(contact: Contact): void {
    this.lackedNow.push(contact);
  }

  doubted(contact: Contact): void {
    this.doubtedNow.push(contact);
  }

  get census(): Census {
    return { members: this.table.size, hash: 0 };
  }

  begin(): Promise<void> {
    const other = this.other as Side;
    return this.comparison.begin(other.table.self, other.census);
  }
}

function pair(mine: readonly Contact[], theirs: readonly Contact[], burstBytes?: number, seed = 1): [Side, Side] {
  const runtime = new ManualRuntime(seeded(seed));
  const [a, b] = [contactOf(0), contactOf(1)];
  const one = new Side(runtime, a, [b, ...mine], burstBytes);
  const other = new Side(runtime, b, [a, ...theirs], burstBytes);
  one.other = other;
  other.other = one;
  return [one, other];
}

describe('two members whose tables differ', () => {
  test('find every difference in some rounds, and never more than there are', async () => {
    const count = fc.nat(60);
    await fc.assert(
      fc.asyncProperty(count, count, count, fc.nat(), async (both, mine, theirs, seed) => {
        const common = contactsOf(both, 10);
        const [onlyMine, onlyTheirs] = [contactsOf(mine, 1_000), contactsOf(theirs, 2_000)];
        const [one, other] = pair([...common, ...onlyMine], [...common, ...onlyTheirs], undefined, seed);
        const doubted = new Set<string>();
        for (let round = 0; round < 200; round++) {
          await one.begin();
          expect(one.lackedNow.length).toBeLessThanOrEqual(options.compareMembersMax);
          expect(one.doubtedNow.length).toBeLessThanOrEqual(options.doubtsMax);
          for (const contact of one.lackedNow.splice(0)) one.table.heard(contact);
          // None of those that only this side knows lives.
          for (const { id } of one.doubtedNow.splice(0)) {
            doubted.add(id);
            one.table.remove(id);
          }
          await one.runtime.pass(60_000);
        }
        const ids = ({ table }: Side): string[] => table.contacts().map(({ id }) => id);
        expect(ids(one)).toEqual(ids(other));
        expect(doubted).toEqual(new Set(onlyMine.map(({ id }) => id)));
      }),
      { numRuns: 15 },
    );
  });

  test('leave it for a quieter time when gossip has used up the budget', async () => {
    const [one] = pair([], contactsOf(5, 10));
    one.budget.take(options.gossipBurstBytes - 2_000, one.runtime.nowMs);
    await one.begin();
    expect(one.requests).toBe(0);
    await one.runtime.pass((options.gossipBurstBytes / 8 / options.gossipBytesPerSecond) * 1_000 + 1);
    await one.begin();
    expect(one.requests).toBe(1);
  });

  test('are told no more members than the other can pay for', () => {
    const memberBytes = 28;
    const [, other] = pair([], contactsOf(100, 10), 10 * memberBytes);
    expect(other.comparison.answer(nothingKnown).members.length).toBeLessThanOrEqual(10);
    expect(other.comparison.answer(nothingKnown).members.length).toBeLessThanOrEqual(1);
  });

  test('are told of other parts of the ring each time when there is too much to tell', () => {
    const [, other] = pair([], contactsOf(200, 10));
    const told = new Set<Contact>();
    for (let i = 0; i < 20; i++) for (const contact of other.comparison.answer(nothingKnown).members) told.add(contact);
    expect(told.size).toBeGreaterThan(2 * options.compareMembersMax);
  });

  test('compare once at a time, and again after a failure', async () => {
    const [one] = pair([], contactsOf(5, 10));
    await Promise.all([one.begin(), one.begin()]);
    expect(one.requests).toBe(1);
    one.failure = new OverlayError('timeout', 'silent');
    await one.begin();
    one.failure = new TypeError('a bug');
    await expect(one.begin()).rejects.toThrow('a bug');
    one.failure = null;
    await one.begin();
    expect(one.requests).toBe(4);
  });
});

test('a full table is a choice: it is not compared, nor are others doubted for its sake', async () => {
  const [one, other] = pair(contactsOf(5, 10), contactsOf(5, 20));
  await one.comparison.begin(other.table.self, { members: options.contactsMax, hash: 0 });
  expect(one.lackedNow).toEqual(expect.arrayContaining(contactsOf(5, 20)));
  expect(one.doubtedNow).toEqual([]);
  const full = new Side(one.runtime, contactOf(0), contactsOf(options.contactsMax + 100, 10));
  full.other = other;
  await full.begin();
  expect(full.requests).toBe(0);
});
