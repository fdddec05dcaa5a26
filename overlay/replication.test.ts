import { strict as assert } from 'node:assert';
import { describe, expect, test } from 'vitest';
import type { Advert } from './advert.ts';
import { decode } from './codec.ts';
import { overlayDefaults } from './defaults.ts';
import { Journal } from './journal.ts';
import { between, keyOf } from './keys.ts';
import { type Contact, type Key, OverlayError } from './overlay.ts';
import { RegionSet } from './region.ts';
import { Replication, type ReplicationCounters } from './replication.ts';
import { type ReplicationRequest, replicationRequest } from './replication-messages.ts';
import type { RoutingTable } from './routing-table.ts';
import { contactOf, tableOf } from './testing/contacts.ts';
import { KeyStore } from './testing/key-store.ts';
import { ManualRuntime, seeded } from './testing/manual-runtime.ts';

const { repairEveryMs, antiEntropyEveryMs, adoptAfterMs } = overlayDefaults;
const replicas = 3;
const lasting = 1e12;

interface Member {
  readonly self: Contact;
  readonly table: RoutingTable;
  readonly store: KeyStore;
  readonly replication: Replication;
  /** Requests that it has sent. */
  readonly asked: ReplicationRequest['type'][];
  pings: number;
}

/** Members that all know each other, and what they tell each other, without a network. */
class Ring {
  readonly runtime = new ManualRuntime(seeded(1));
  readonly members = new Map<Key, Member>();
  /** They answer nothing. */
  readonly silent = new Set<Key>();

  /** Members enter one after the other, the first with everything. */
  static async of(count: number, keys: readonly Key[]): Promise<Ring> {
    const ring = new Ring();
    const first = ring.enter(0);
    for (const key of keys) first.store.put({ key, expiresAtMs: lasting });
    for (let n = 1; n < count; n++) ring.enter(n);
    await ring.runtime.pass(10_000);
    return ring;
  }

  enter(n: number): Member {
    const self = contactOf(n);
    const others = [...this.members.values()];
    const member = this.#build(self, others);
    this.members.set(self.id, member);
    member.replication.start(others.length === 0 ? 'everything' : 'nothing');
    for (const { table, replication } of others) {
      table.heard(self);
      replication.tableChanged();
    }
    for (const other of others) this.#tell(other, member);
    this.#tellAll(member);
    return member;
  }

  member({ id }: Pick<Contact, 'id'>): Member {
    const member = this.members.get(id);
    assert(member);
    return member;
  }

  /** It is gone, and all notice. */
  fail(member: Member): void {
    const { id } = member.self;
    member.replication.close();
    this.members.delete(id);
    for (const { table, replication } of this.members.values()) {
      table.remove(id);
      replication.forget(id);
      replication.tableChanged();
    }
  }

  all(): Member[] {
    return [...this.members.values()];
  }

  #build(self: Contact, others: readonly Member[]): Member {
    const { runtime } = this;
    const table = tableOf(
      self,
      others.map((other) => other.self),
    );
    const output = {
      ask: async <T>(to: Contact, payload: Uint8Array, answer: Parameters<typeof decode<T>>[0]): Promise<T> => {
        member.asked.push(decode(replicationRequest, payload).type);
        const peer = this.members.get(to.id);
        if (!peer || this.silent.has(to.id)) throw new OverlayError('timeout', 'no answer');
        return decode(answer, await peer.replication.answer(self, payload));
      },
      ping: (to: Contact) => {
        member.pings += 1;
        const peer = this.members.get(to.id);
        if (peer) runtime.after(1, () => this.#tell(peer, member));
      },
      lookup: async (key: Key) => table.owner(key),
      advertise: () => {
        runtime.after(1, () => this.#tellAll(member));
      },
      hasEntered: () => true,
      missing: () => [],
      expectMembers: () => {},
    };
    const journal = new Journal(null, () => {});
    const replication = new Replication(runtime, { ...overlayDefaults, replicas }, table, output, journal, () => {});
    const member: Member = { self, table, store: new KeyStore(), replication, asked: [], pings: 0 };
    replication.register(1, member.store);
    return member;
  }

  #tellAll(member: Member): void {
    if (this.members.get(member.self.id) !== member) return;
    for (const other of this.members.values()) if (other !== member) this.#tell(member, other);
  }

  #tell(from: Member, to: Member): void {
    const { held, spare, retired, lossy, isVolatile } = from.replication.advert();
    const said: Advert = {
      held: held.clone(),
      spare: spare.clone(),
      retired: retired.clone(),
      lossy: lossy.clone(),
      isVolatile,
    };
    to.replication.advertised(from.self, said);
  }
}

const keys = Array.from({ length: 100 }, (_, i) => keyOf(`key ${i}`));

/** Those who have a key. */
function havingOf(ring: Ring, key: Key): Member[] {
  return ring.all().filter(({ store }) => store.items.has(key));
}

/** Those who must have it, as all of them know. */
function keepersOf(ring: Ring, key: Key): Member[] {
  const [any] = ring.all();
  assert(any);
  return any.table.replicas(key, replicas).map((contact) => ring.member(contact));
}

function expectEachWhereItBelongs(ring: Ring): void {
  for (const key of keys) expect(new Set(havingOf(ring, key))).toEqual(new Set(keepersOf(ring, key)));
}

function sumOf(ring: Ring, counter: keyof ReplicationCounters): number {
  return ring.all().reduce((sum, { replication }) => sum + replication.counters[counter], 0);
}

describe('members that enter', () => {
  test('read their share, and what they take over is dropped elsewhere', async () => {
    const ring = await Ring.of(7, keys);
    expect(ring.all().every(({ replication }) => replication.isSettled)).toBe(true);
    expectEachWhereItBelongs(ring);
    for (const { replication } of ring.all()) replication.checkInvariants();
  });

  test('leave a source alone for a while that does not answer, and are settled when it does', async () => {
    const ring = await Ring.of(4, keys);
    for (const { self } of ring.all()) ring.silent.add(self.id);
    const newcomer = ring.enter(5);
    const settled: string[] = [];
    void newcomer.replication.whenSettled().then(() => settled.push('settled'));
    await ring.runtime.pass(10 * repairEveryMs);
    expect(newcomer.asked.length).toBeGreaterThan(10);
    // Each of four is asked about once a period.
    expect(newcomer.asked.length).toBeLessThan(60);
    expect(settled).toEqual([]);
    ring.silent.clear();
    await ring.runtime.pass(5 * repairEveryMs);
    expect(settled).toEqual(['settled']);
    expectEachWhereItBelongs(ring);
  });
});

describe('when members fail', () => {
  test('others copy what they had', async () => {
    const ring = await Ring.of(8, keys);
    for (const member of ring.all().slice(2, 4)) {
      ring.fail(member);
      await ring.runtime.pass(5_000);
    }
    expectEachWhereItBelongs(ring);
    for (const { replication } of ring.all()) expect(replication.serving.losses(RegionSet.whole())).toEqual([]);
  });

  test('all who had a region, it is taken as empty after a while, and known to be lossy', async () => {
    const ring = await Ring.of(8, keys);
    const [key = ''] = keys;
    for (const keeper of keepersOf(ring, key)) ring.fail(keeper);
    await ring.runtime.pass(adoptAfterMs - repairEveryMs);
    expect(ring.all().some(({ replication }) => !replication.isSettled)).toBe(true);
    await ring.runtime.pass(5 * repairEveryMs);
    expect(ring.all().every(({ replication }) => replication.isSettled)).toBe(true);
    expect(havingOf(ring, key)).toEqual([]);
    const place = new RegionSet([between(key, key)]);
    for (const { replication } of keepersOf(ring, key)) expect(replication.serving.losses(place)).toHaveLength(1);
    expect(sumOf(ring, 'regionsAdopted')).toBeGreaterThan(0);
  });
});

describe('members at rest', () => {
  test('ask nothing and ping nobody, but compare their copies from time to time', async () => {
    const ring = await Ring.of(6, keys);
    await ring.runtime.pass(2 * antiEntropyEveryMs);
    for (const member of ring.all()) {
      member.asked.length = 0;
      member.pings = 0;
    }
    const periods = 4;
    await ring.runtime.pass(periods * antiEntropyEveryMs);
    for (const { asked, pings } of ring.all()) {
      expect(pings).toBe(0);
      expect(new Set(asked)).toEqual(new Set(['compare']));
      expect(asked.length).toBeLessThanOrEqual(periods + 1);
    }
  });

  test('make copies equal, whichever of them lacks something', async () => {
    const ring = await Ring.of(6, keys);
    const { store, table, replication } = ring.member(contactOf(2));
    for (const region of table.region()) store.drop(region);
    const extra = keyOf('extra');
    const owner = ring.all().find((member) => member.table.owns(extra));
    owner?.store.put({ key: extra, expiresAtMs: lasting });
    await ring.runtime.pass(2 * replicas * antiEntropyEveryMs);
    expectEachWhereItBelongs(ring);
    expect(havingOf(ring, extra)).toHaveLength(replicas);
    expect(replication.counters.reconciliations).toBeGreaterThan(0);
    expect(replication.counters.repairBytesIn).toBeGreaterThan(0);
  });
});
