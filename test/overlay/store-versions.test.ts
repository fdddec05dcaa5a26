import { describe, expect, test } from 'vitest';
import { absent, type Key, type ObjectStore, OverlayError, type OverlayNode } from '../../overlay/index.ts';
import { seedsOr } from '../support/seeds.ts';
import { bytes, hourMs, run, StoreFleet } from './store-fleet.ts';

const text = (value: Uint8Array | undefined): string => Buffer.from(value ?? []).toString();

test('a put that expects a version is done at that version only', async () => {
  const stores = await StoreFleet.start(6, { seed: 1 });
  const { sim } = stores.fleet;
  const put = (value: string, expected?: string): Promise<string> => {
    const done = stores.any().put('books', 'r', 'i', bytes(value), hourMs, expected ? { expected } : {});
    return sim.runUntil(done, run);
  };
  const remove = (expected: string): Promise<void> =>
    sim.runUntil(stores.any().remove('books', 'r', 'i', { expected }), run);

  await expect(put('too early', '0123456789abcdef')).rejects.toMatchObject({ code: 'conflict' });
  const first = await put('a', absent);
  await expect(put('twice', absent)).rejects.toMatchObject({ code: 'conflict' });
  const second = await put('b', first);
  await expect(put('late', first)).rejects.toMatchObject({ code: 'conflict' });
  await expect(remove(first)).rejects.toMatchObject({ code: 'conflict' });
  await expect(put('c', 'not a version')).rejects.toMatchObject({ code: 'refused' });

  // A renewal leaves the version as it is; a put that expects nothing changes it.
  expect(await sim.runUntil(stores.any().renew('books', 'r', 'i', hourMs), run)).toBe(true);
  const [item] = await sim.runUntil(stores.any().get('books', 'r'), run);
  expect([item?.version, text(item?.value)]).toEqual([second, 'b']);
  const third = await put('c');
  await expect(put('late', second)).rejects.toMatchObject({ code: 'conflict' });

  await remove(third);
  expect(await sim.runUntil(stores.any().get('books', 'r'), run)).toEqual([]);
  await put('again', absent);
});

test.each(seedsOr('1..3'))(
  'the first member back calls nothing absent that the others may have (seed %i)',
  async (seed) => {
    const stores = await StoreFleet.start(8, { seed, disks: true });
    const { fleet } = stores;
    const names = Array.from({ length: 30 }, (_, i) => `item${i}`);
    for (const name of names) await stores.put(name, 'old');
    const missing = await fleet.powerFailure(7);
    await fleet.settle();
    let refused = 0;
    for (const name of names) {
      const isThere = (await stores.get(name)) !== undefined;
      if (!isThere) refused += 1;
      const put = stores.any().put('books', name, 'only', bytes('new'), hourMs, { expected: absent });
      await expect(fleet.sim.runUntil(put, run)).rejects.toMatchObject({ code: isThere ? 'conflict' : 'refused' });
    }
    expect(refused).toBeGreaterThan(5);
    expect(refused).toBeLessThan(names.length);
    for (const member of missing) await fleet.bringBack(member);
    await fleet.settle();
    for (const name of names) expect(await stores.get(name)).toBe('old');
  },
);

/**
 * Appends a unique token to one item, again and again, by reading it and putting it back if it has not changed:
 * what was acknowledged must be there once, what was refused must not.
 */
class Appender {
  readonly acknowledged: string[] = [];
  readonly refused: string[] = [];
  readonly unknown: string[] = [];
  isOver = false;
  readonly #store: ObjectStore;
  readonly #name: string;

  constructor(store: ObjectStore, name: string) {
    this.#store = store;
    this.#name = name;
  }

  async work(): Promise<void> {
    for (let i = 0; !this.isOver; i++) {
      const token = `${this.#name}.${i}`;
      try {
        const [item] = await this.#store.get('books', 'log');
        const value = bytes(`${text(item?.value)}${token} `);
        await this.#store.put('books', 'log', 'only', value, hourMs, { expected: item?.version ?? absent });
        this.acknowledged.push(token);
      } catch (error) {
        if (!(error instanceof OverlayError)) throw error;
        (error.code === 'conflict' ? this.refused : this.unknown).push(token);
      }
    }
  }
}

/** What may go wrong while they append: `mine` are the appending nodes, `key` is that of the item. */
type Fault = (stores: StoreFleet, key: Key, mine: readonly OverlayNode[]) => void;

async function append(seed: number, lossRate: number, fault: Fault): Promise<Appender[]> {
  const stores = await StoreFleet.start(10, { seed, lossRate, jitterMs: 10 });
  const { fleet } = stores;
  await stores.put('log', '');
  const [item] = await fleet.sim.runUntil(stores.any().get('books', 'log'), run);
  const key = item?.key ?? '';
  const mine = fleet
    .node(0)
    .replicas(key, 10)
    .slice(6)
    .map(({ address }) => fleet.nodes.get(address) as OverlayNode);
  const appenders = mine.map((node, i) => new Appender(stores.of(node), `w${i}`));
  const work = Promise.all(appenders.map((appender) => appender.work()));
  for (let round = 0; round < 4; round++) {
    await fleet.sim.runFor(3_000 * fleet.sim.random());
    fault(stores, key, mine);
    await fleet.sim.runFor(8_000);
  }
  for (const appender of appenders) appender.isOver = true;
  await fleet.sim.runUntil(work, run);
  await fleet.settle();

  const log = (await stores.get('log'))?.trim().split(' ') ?? [];
  const lost = appenders.flatMap(({ acknowledged }) => acknowledged).filter((token) => !log.includes(token));
  const undead = appenders.flatMap(({ refused }) => refused).filter((token) => log.includes(token));
  expect({ lost, undead, length: new Set(log).size }).toEqual({ lost: [], undead: [], length: log.length });
  return appenders;
}

describe.each(seedsOr('1..4'))('of several writers to one version one succeeds (seed %i)', (seed) => {
  test('while a tenth of all frames is lost', async () => {
    const appenders = await append(seed, 0.1, () => {});
    for (const { acknowledged } of appenders) expect(acknowledged.length).toBeGreaterThan(5);
    expect(appenders.some(({ refused }) => refused.length > 0)).toBe(true);
  });

  test('while owners crash and others join', async () => {
    const appenders = await append(seed, 0.02, ({ fleet }, key, mine) => {
      fleet.crash(fleet.owner(key));
      for (let i = 0; i < 2; i++) void fleet.build().join(mine.map(({ self }) => self.address));
    });
    for (const { acknowledged } of appenders) expect(acknowledged.length).toBeGreaterThan(5);
  });
});
