import { describe, expect, test } from 'vitest';
import type { JoinReply } from '../control.ts';
import { overlayDefaults } from '../defaults.ts';
import { geometries } from '../geometry/contact-table.ts';
import { type Contact, type Key, OverlayError } from '../overlay.ts';
import type { RoutingTable } from '../routing-table.ts';
import type { Address } from '../runtime.ts';
import { contactOf, contactsOf, tableOf } from '../testing/contacts.ts';
import { ManualRuntime } from '../testing/manual-runtime.ts';
import type { Target } from '../wire.ts';
import { introduction, Joining } from './joining.ts';

const options = overlayDefaults;
const rounds = 3;
const newcomer = contactOf(0);

/** A ring of members that know no more than their geometry demands, and one who wants to join it. */
class Ring {
  readonly runtime = new ManualRuntime();
  readonly table: RoutingTable;
  /** Members that do not answer. */
  readonly dead = new Set<Key>();
  readonly asked: { address: Address; contactsMax: number; atMs: number }[] = [];
  isClosed = false;
  readonly joining: Joining;
  readonly #tables = new Map<Address, RoutingTable>();

  constructor(members: number, geometry = options.geometry as (typeof geometries)[number]) {
    const contacts = contactsOf(members, 1);
    const minimal = { geometry, contactsMax: 0 };
    for (const contact of contacts) this.#tables.set(contact.address, tableOf(contact, contacts, minimal));
    this.table = tableOf(newcomer, [], minimal);
    const output = { ask: this.#ask.bind(this), isClosed: () => this.isClosed };
    this.joining = new Joining(this.runtime, options, this.table, output, () => {});
  }

  get members(): Contact[] {
    return [...this.#tables.values()].map(({ self }) => self);
  }

  /** Those who must know the newcomer, by all that there is to know. */
  neighbours(): readonly Contact[] {
    return this.table.bearingsAmong(this.members.filter(({ id }) => !this.dead.has(id)));
  }

  #ask({ address }: Target, contactsMax: number): Promise<JoinReply> {
    this.asked.push({ address, contactsMax, atMs: this.runtime.nowMs });
    const table = this.#tables.get(address);
    if (!table || this.dead.has(table.self.id)) return Promise.reject(new OverlayError('timeout', 'silent'));
    return Promise.resolve(introduction(table, newcomer.id, contactsMax, [], this.runtime.nowMs));
  }
}

/** Joins through what the ring gives at once. */
async function found(ring: Ring, seeds: readonly Address[]): Promise<JoinReply> {
  const all: JoinReply[] = [];
  await ring.joining.join(seeds, 1, (one) => Promise.resolve(void all.push(one)));
  expect(all).toHaveLength(1);
  return all[0] as JoinReply;
}

const never = () => Promise.reject(new Error('nobody is found'));

describe.each(geometries)('%s: the way into a ring', (geometry) => {
  test('leads from any member to the nearest ones, who are asked last', async () => {
    const ring = new Ring(100, geometry);
    for (const seed of ring.members.slice(0, 20)) {
      ring.asked.length = 0;
      const neighbours = ring.table.bearingsAmong((await found(ring, [seed.address])).contacts);
      expect(neighbours[0]).toEqual(ring.neighbours()[0]);
      expect(neighbours).toEqual(expect.arrayContaining([...ring.neighbours().slice(0, 4)]));
      expect(ring.asked.at(-1)?.address).toBe(ring.neighbours()[0]?.address);
      expect(ring.asked.length).toBeLessThan(12);
      // One sample of the fleet is enough.
      expect(ring.asked.filter(({ contactsMax }) => contactsMax > 0)).toHaveLength(1);
    }
  });

  test('leads around members that do not answer', async () => {
    const ring = new Ring(100, geometry);
    const [seed] = ring.members as [Contact];
    for (const { id } of ring.neighbours().slice(0, 3)) if (id !== seed.id) ring.dead.add(id);
    const { contacts } = await found(ring, [seed.address]);
    expect(ring.table.bearingsAmong(contacts)[0]).toEqual(ring.neighbours()[0]);
    const askedInVain = ring.asked.filter(({ address }) =>
      ring.members.some((m) => m.address === address && ring.dead.has(m.id)),
    );
    expect(askedInVain.length).toBeGreaterThan(0);
    for (const { address } of askedInVain) expect(contacts.map((contact) => contact.address)).not.toContain(address);
  });
});

describe('seeds', () => {
  test('are tried one after the other, and again after a while, until one lets this node in', async () => {
    const ring = new Ring(10);
    const [first, second] = ring.members as [Contact, Contact];
    ring.dead.add(first.id).add(second.id);
    const startMs = ring.runtime.nowMs;
    const entered: number[] = [];
    const joined = ring.joining.join([first.address, second.address], rounds, () =>
      Promise.resolve(void entered.push(ring.runtime.nowMs)),
    );
    await ring.runtime.pass(options.joinRetryMs - 1);
    expect(ring.asked.map(({ address }) => address)).toEqual([first.address, second.address]);
    ring.dead.delete(second.id);
    await ring.runtime.pass(1);
    await joined;
    expect(entered).toEqual([startMs + options.joinRetryMs]);
    expect(ring.asked.slice(2, 4)).toMatchObject(
      [first, second].map(({ address }) => ({ address, atMs: startMs + options.joinRetryMs })),
    );
  });

  test('that all stay silent end in an error that names the last', async () => {
    const ring = new Ring(10);
    const seeds = ['gone:1', newcomer.address, 'gone:2'];
    const joined = ring.joining.join(seeds, rounds, never).catch((error: unknown) => error);
    await ring.runtime.pass(rounds * options.joinRetryMs);
    expect(await joined).toMatchObject({ code: 'timeout', message: 'cannot join through gone:2: silent' });
    expect(ring.asked.map(({ address }) => address)).toEqual(Array(rounds).fill(['gone:1', 'gone:2']).flat());
  });

  test('that know nobody who answers are no way in', async () => {
    const ring = new Ring(10);
    const [seed] = ring.members as [Contact];
    const ask = ring.joining.join([seed.address], 1, never);
    for (const { id } of ring.members) ring.dead.add(id);
    await expect(ask).rejects.toMatchObject({ code: 'unreachable' });
  });

  test('of which none is another node are refused at once', async () => {
    const ring = new Ring(10);
    for (const seeds of [[], [newcomer.address]]) {
      await expect(ring.joining.join(seeds, rounds, never)).rejects.toMatchObject({ code: 'unreachable' });
    }
    expect(ring.asked).toEqual([]);
  });

  test('whose neighbours do not confirm this node make way for the next', async () => {
    const ring = new Ring(10);
    const [first, second] = ring.members as [Contact, Contact];
    let tries = 0;
    await ring.joining.join([first.address, second.address], 1, () => {
      tries += 1;
      return tries === 1 ? Promise.reject(new OverlayError('unreachable', 'nobody near')) : Promise.resolve();
    });
    expect(tries).toBe(2);
  });

  test('are no longer tried by a node that was closed, and hide no bug', async () => {
    const ring = new Ring(10);
    const [seed] = ring.members as [Contact];
    const bug = new TypeError('a bug');
    await expect(ring.joining.join([seed.address], rounds, () => Promise.reject(bug))).rejects.toBe(bug);
    const closed = ring.joining.join(['gone:1'], rounds, never).catch((error: unknown) => error);
    await ring.runtime.pass(options.joinRetryMs / 2);
    ring.isClosed = true;
    await ring.runtime.pass(options.joinRetryMs);
    expect(await closed).toMatchObject({ code: 'closed' });
  });
});

test('an introduction names those around the newcomer, a sample of the rest, and who failed, but never the newcomer', () => {
  const table = tableOf(contactOf(1), contactsOf(200, 2));
  const nowMs = 60_000;
  const distance = ({ id }: Contact): bigint => table.distance(newcomer.id, id);
  const [near] = contactsOf(500, 1_000).sort((a, b) => (distance(a) < distance(b) ? -1 : 1)) as [Contact];
  const failed = [newcomer, contactOf(500), near].map((contact) => ({
    contact,
    kind: 'failed' as const,
    atMs: 50_000,
    retryAtMs: 0,
  }));
  table.heard(newcomer);
  const around = table.bearingsFor(newcomer.id);
  for (const contactsMax of [0, 10, 50, 1_000]) {
    const { contacts, missing } = introduction(table, newcomer.id, contactsMax, failed, nowMs);
    expect(contacts.slice(0, around.length)).toEqual(around);
    expect(contacts.length - around.length).toBeLessThanOrEqual(contactsMax);
    expect(contacts.length - around.length).toBeGreaterThanOrEqual(Math.min(0.8 * contactsMax, 200 - around.length));
    expect(contacts).not.toContainEqual(newcomer);
    const told = contactsMax > 0 ? [contactOf(500), near] : [near];
    expect(missing).toEqual(told.map((contact) => ({ contact, agoMs: 10_000 })));
  }
});
