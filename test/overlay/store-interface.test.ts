import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { absent, guardOf, type ObjectStore, OverlayError, publicKeyOf, type StoredItem } from '../../overlay/index.ts';
import { virtualEpochMs } from '../../simulator/index.ts';
import { seedsOr } from '../support/seeds.ts';
import { bytes, hourMs, run, StoreFleet } from './store-fleet.ts';

const text = (value: Uint8Array | null | undefined): string => Buffer.from(value ?? []).toString();
const codeOf = async (done: Promise<unknown>): Promise<string> => {
  try {
    await done;
    return 'done';
  } catch (error) {
    if (!(error instanceof OverlayError)) throw error;
    return error.code;
  }
};

test('pages of a resource: each item that stays is on one of them, whatever comes and goes', async () => {
  const stores = await StoreFleet.start(5, { seed: 3 });
  const { sim } = stores.fleet;
  const put = (instance: string): Promise<unknown> =>
    sim.runUntil(stores.any().put('books', 'many', instance, bytes(instance), hourMs), run);
  const stay = Array.from({ length: 20 }, (_, i) => `stays ${String(i).padStart(2, '0')}`);
  for (const instance of [...stay, 'goes a', 'goes b', 'stays 05 goes']) await put(instance);

  const seen: string[] = [];
  let after: string | null = null;
  for (let pages = 0; pages === 0 || after !== null; pages++) {
    const page: { items: readonly StoredItem[]; next: string | null } = await sim.runUntil(
      stores.any().getPage('books', 'many', { itemsMax: 6, after }),
      run,
    );
    expect(page.items.length).toBeLessThanOrEqual(6);
    seen.push(...page.items.map(({ instanceId }) => instanceId));
    after = page.next;
    if (pages === 0) await sim.runUntil(stores.any().remove('books', 'many', 'goes a'), run);
    if (pages === 1) await put('before all');
    // Where the page ended may be gone by the time that the next is asked for.
    if (pages === 1) await sim.runUntil(stores.any().remove('books', 'many', seen.at(-1) ?? ''), run);
    await put(`stays 10 new ${pages}`);
  }
  expect(seen.filter((instance) => stay.includes(instance))).toEqual(stay);
  expect(new Set(seen).size).toBe(seen.length);

  expect(await sim.runUntil(codeOf(stores.any().getPage('books', 'many', { itemsMax: 0 })), run)).toBe('refused');
  const badToken = stores.any().getPage('books', 'many', { itemsMax: 1, after: 'no token!' });
  expect(await sim.runUntil(codeOf(badToken), run)).toBe('refused');
});

describe.each(seedsOr('1..3'))('guarded by a secret (seed %i)', (seed) => {
  test('an item is replaced and removed by who shows it, and stays removed while copies are repaired', async () => {
    const stores = await StoreFleet.start(10, { seed, lossRate: 0.03 });
    const { fleet } = stores;
    const { sim } = fleet;
    const guard = guardOf('open sesame');
    const attempt = (done: Promise<unknown>): Promise<string> => sim.runUntil(codeOf(done), run);
    const put = (value: string, options = {}): Promise<string> =>
      attempt(stores.any().put('books', 'g', 'only', bytes(value), hourMs, options));
    const remove = (options = {}): Promise<string> => attempt(stores.any().remove('books', 'g', 'only', options));

    expect(await put('first', { guard })).toBe('done');
    expect(await put('other')).toBe('refused');
    expect(await put('other', { secret: 'open barley' })).toBe('refused');
    expect(await remove()).toBe('refused');
    expect(await attempt(stores.any().renew('books', 'g', 'only', 1_000))).toBe('done');
    expect(await put('second', { secret: 'open sesame', guard: guardOf('another') })).toBe('refused');
    expect(await put('second', { secret: 'open sesame' })).toBe('done');
    await sim.runFor(10_000); // The renewal did not shorten its life.
    const [item] = await sim.runUntil(stores.any().get('books', 'g'), run);
    expect([text(item?.value), item?.guard]).toEqual(['second', guard]);

    // One copy misses the removal, and comes back with the item.
    const copies = fleet.node(0).replicas(item?.key ?? '', 3);
    const away = copies[2]?.address ?? '';
    const others = [...fleet.nodes.keys()].filter((address) => address !== away);
    sim.partition([away], others);
    await sim.runUntil(() => fleet.nodes.get(others[0] ?? '')?.contacts().length === others.length, run);
    const there = stores.of(fleet.nodes.get(others[0] ?? '') as never);
    expect(await attempt(there.remove('books', 'g', 'only', { secret: 'open sesame' }))).toBe('done');
    sim.heal();
    await fleet.settle();
    await sim.runFor(60_000);
    await fleet.grow(3);
    await sim.runFor(30_000);
    expect(await stores.get('g')).toBeUndefined();
    expect(stores.copies('g')).toBe(0);
    expect(await put('anybody')).toBe('refused'); // The tombstone guards the name until it is gone.
    expect(await put('again', { secret: 'open sesame' })).toBe('done');
  });
});

test('immutable items are found by their content, live as long as anybody asked for, and are not removed', async () => {
  const stores = await StoreFleet.start(6, { seed: 1 });
  const { sim } = stores.fleet;
  const name = await sim.runUntil(stores.any().putImmutable('books', bytes('for ever'), hourMs), run);
  expect(await sim.runUntil(stores.any().putImmutable('books', bytes('for ever'), 10_000), run)).toBe(name);
  const attempt = (done: Promise<unknown>): Promise<string> => sim.runUntil(codeOf(done), run);
  expect(await attempt(stores.any().put('books', name, '', bytes('something else'), hourMs))).toBe('refused');
  expect(await attempt(stores.any().put('books', name, 'x', bytes('for ever'), hourMs))).toBe('refused');
  expect(await attempt(stores.any().put('books', name, '', bytes('for ever'), hourMs, { guard: guardOf('s') }))).toBe(
    'refused',
  );
  expect(await attempt(stores.any().remove('books', name, ''))).toBe('refused');
  expect(await attempt(stores.any().renew('books', name, '', 10_000))).toBe('done');
  await sim.runFor(60_000);
  expect(text(await sim.runUntil(stores.any().getImmutable('books', name), run))).toBe('for ever');
  const missing = `sha256:${'0'.repeat(64)}`;
  expect(await sim.runUntil(stores.any().getImmutable('books', missing), run)).toBeNull();
});

test('an immutable item is read from the own copy, or by one question', async () => {
  const stores = await StoreFleet.start(6, { seed: 1 });
  const { sim } = stores.fleet;
  const name = await sim.runUntil(stores.any().putImmutable('books', bytes('for ever'), hourMs), run);
  await sim.runFor(60_000);
  for (const node of stores.fleet.all()) {
    const isCopy = [...stores.of(node).scan('books')].length > 0;
    const asked = node.counters().requestsOut;
    expect(text(await sim.runUntil(stores.of(node).getImmutable('books', name), run))).toBe('for ever');
    expect(node.counters().requestsOut - asked).toBe(isCopy ? 0 : 1);
  }
  expect(stores.copies(name)).toBe(3);
});

test('signed items are replaced and removed by the holder of the key, in the order of its sequence', async () => {
  const stores = await StoreFleet.start(6, { seed: 1 });
  const { fleet } = stores;
  const { sim } = fleet;
  const [mine, theirs] = [generateKeyPairSync('ed25519').privateKey, generateKeyPairSync('ed25519').privateKey];
  const attempt = (done: Promise<unknown>): Promise<string> => sim.runUntil(codeOf(done), run);
  const say = (value: string | null, sequence: bigint, lifetimeMs = hourMs, key = mine): Promise<string> => {
    const expiresAtMs = fleet.node(0).runtime.now() + lifetimeMs;
    const said = { value: value === null ? null : bytes(value), sequence, expiresAtMs };
    return attempt(stores.any().putSigned('books', 'page', said, key));
  };
  const read = (key = mine): Promise<StoredItem | null> =>
    sim.runUntil(stores.any().getSigned('books', 'page', publicKeyOf(key)), run);

  expect(await say('one', 1n)).toBe('done');
  expect(await say('theirs', 9n, hourMs, theirs)).toBe('done');
  expect(await say('two', 2n)).toBe('done');
  expect(await say('one', 1n)).toBe('conflict');
  expect(await say('two again', 2n)).toBe('conflict');
  const all = await sim.runUntil(stores.any().get('books', 'page'), run);
  expect(all.map(({ value }) => text(value)).sort()).toEqual(['theirs', 'two']);
  const item = await read();
  expect([text(item?.value), item?.signed?.sequence]).toEqual(['two', 2n]);

  const { instanceId } = all[0] as StoredItem;
  expect(await attempt(stores.any().put('books', 'page', instanceId, bytes('forged'), hourMs))).toBe('refused');
  expect(await attempt(stores.any().remove('books', 'page', instanceId))).toBe('refused');
  expect(await attempt(stores.any().renew('books', 'page', instanceId, hourMs))).toBe('refused');
  expect(await say('expired', 3n, -1)).toBe('refused');

  expect(await say(null, 3n)).toBe('done');
  expect(await read()).toBeNull();
  expect(text((await read(theirs))?.value)).toBe('theirs');
  expect((await sim.runUntil(stores.any().get('books', 'page'), run)).length).toBe(1);
  expect(await say('brief', 4n, 5_000)).toBe('done');
  await sim.runFor(10_000);
  expect(await read()).toBeNull();
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  expect(await say('rsa', 1n, hourMs, rsa)).toBe('refused');
});

test('what exceeds a limit is refused, and says which', async () => {
  const stores = await StoreFleet.start(1, { seed: 1, options: { lifetimeMaxMs: 1_000 } });
  const { sim } = stores.fleet;
  const put = (names: [string, string, string], lifetimeMs = 1_000): Promise<unknown> =>
    sim.runUntil(stores.any().put(...names, bytes('x'), lifetimeMs), run);
  await expect(put(['n'.repeat(256), 'r', 'i'])).rejects.toThrow('a namespace exceeds 255 bytes');
  await expect(put(['n', 'ü'.repeat(513), 'i'])).rejects.toThrow('a resource id exceeds 1024 bytes');
  await expect(put(['n', 'r', 'i'.repeat(256)])).rejects.toThrow('an instance id exceeds 255 bytes');
  await expect(put(['n', 'r', 'i'], 1_001)).rejects.toThrow('a lifetime of 1001 ms exceeds 1000');
  for (const none of [0, -1, Number.NaN])
    await expect(put(['n', 'r', 'i'], none)).rejects.toThrow(`above 0, not ${none}`);
  expect(() => guardOf('s'.repeat(256))).toThrow('a secret exceeds 255 bytes');
  for (const value of ['text', new Uint16Array([1]), { length: 1 }, null] as unknown as Uint8Array[]) {
    const refused = { code: 'refused', message: 'a value is bytes: a Uint8Array' };
    await expect(sim.runUntil(stores.any().put('n', 'r', 'i', value, 1_000), run)).rejects.toMatchObject(refused);
    await expect(sim.runUntil(stores.any().putImmutable('n', value, 1_000), run)).rejects.toMatchObject(refused);
  }
  await expect(put(['n', 7 as unknown as string, 'i'])).rejects.toThrow('names are texts');
  await expect(put(['n', 'r', 'i'], 5n as unknown as number)).rejects.toThrow('above 0');
  const conditional = (options: object): Promise<unknown> =>
    sim.runUntil(stores.any().put('n', 'r', 'i', bytes('x'), 1_000, options), run);
  await expect(conditional({ expceted: absent })).rejects.toThrow(
    'there is no option "expceted"; there are: expected, guard, secret, isSoft',
  );
  await expect(conditional({ isSoft: 'yes' })).rejects.toThrow('isSoft is true or false');
  // As of an item that is not there.
  await expect(conditional({ expected: undefined })).rejects.toThrow('the option "expected" is undefined');
  await expect(
    sim.runUntil(stores.any().remove('n', 'r', 'i', { expected: undefined } as object), run),
  ).rejects.toThrow('the option "expected" is undefined');
  await put(['n', 'r', 'i']);
  await expect(sim.runUntil(stores.any().renew('n', 'r', 'i', 2_000), run)).rejects.toMatchObject({ code: 'refused' });
});

test('what callers without types get wrong is refused', async () => {
  const stores = await StoreFleet.start(1, { seed: 1 });
  const { sim } = stores.fleet;
  const store = stores.any();
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const said = { value: bytes('x'), sequence: 1n, expiresAtMs: virtualEpochMs + hourMs };
  const wrong: [(any: never) => Promise<unknown>, unknown][] = [
    [(options) => store.put('n', 'r', 'i', bytes('x'), 1_000, options), null],
    [(secret) => store.put('n', 'r', 'i', bytes('x'), 1_000, { secret }), 5],
    [(options) => store.getPage('n', 'r', options), undefined],
    [(after) => store.getPage('n', 'r', { itemsMax: 3, after }), 7],
    [(itemsMax) => store.getPage('n', 'r', { itemsMax }), '3'],
    [(foo) => store.getPage('n', 'r', { itemsMax: 3, foo } as never), 1],
    [(sequence) => store.putSigned('n', 'r', { ...said, sequence }, privateKey), 2],
    [(sequence) => store.putSigned('n', 'r', { ...said, sequence }, privateKey), -1n],
    [(sequence) => store.putSigned('n', 'r', { ...said, sequence }, privateKey), 2n ** 64n],
    [(expiresAtMs) => store.putSigned('n', 'r', { ...said, expiresAtMs }, privateKey), new Date()],
    [(expiresAtMs) => store.putSigned('n', 'r', { ...said, expiresAtMs }, privateKey), 1],
    [(key) => store.putSigned('n', 'r', said, key), publicKey],
    [(statement) => store.putSigned('n', 'r', statement, privateKey), null],
  ];
  for (const [call, argument] of wrong) {
    const done = sim.runUntil(call(argument as never), run);
    await expect(done, `${call} of ${String(argument)}`).rejects.toMatchObject({
      name: 'OverlayError',
      code: 'refused',
    });
  }
  expect(() => guardOf(5 as never)).toThrow('a secret is a text');
  expect(() => store.watch('n', undefined as never)).toThrow('a watcher is a function');
});

test('nothing is under a name that nothing can be put under', async () => {
  const stores = await StoreFleet.start(2, { seed: 5 });
  const { sim } = stores.fleet;
  const long = 'n'.repeat(2_000);
  const value = `sha256:${'0'.repeat(64)}`;
  const get = <T>(ask: (store: ObjectStore) => Promise<T>): Promise<T> => sim.runUntil(ask(stores.any()), run);
  expect(await get((store) => store.get(long, 'r'))).toEqual([]);
  expect(await get((store) => store.getInstance('n', 'r', long))).toBeNull();
  expect(await get((store) => store.getImmutable(long, value))).toBeNull();
  expect(await get((store) => store.getSigned('n', long, new Uint8Array(32)))).toBeNull();
});

test('a value is read at once, whichever of its copies has just fallen silent', async () => {
  const stores = await StoreFleet.start(12, { seed: 4 });
  const { fleet } = stores;
  const { sim } = fleet;
  const reader = fleet.node(0);
  const names: string[] = [];
  for (let i = 0; i < 30; i++) {
    names.push(await sim.runUntil(stores.any().putImmutable('books', bytes(`v${i}`), hourMs), run));
  }
  const readAll = async (): Promise<void> => {
    for (const [i, name] of names.entries()) {
      const startedAtMs = sim.nowMs;
      expect(text(await sim.runUntil(stores.of(reader).getImmutable('books', name), run))).toBe(`v${i}`);
      expect(sim.nowMs - startedAtMs).toBeLessThan(1_000);
    }
  };
  await readAll();
  for (const node of fleet.all().filter((one) => one !== reader)) {
    sim.partition([reader.self.address], [node.self.address]);
    await readAll();
    sim.heal();
    await sim.runFor(5_000);
  }
});
